import type { Attributes } from "../attributes/attributes.ts";
import { UNKNOWN, type Unknown } from "../cel/expression.ts";
import type { Identity } from "./identity.ts";

/** What a test says that a caller proves: fields by identity. It stands for all that the request would prove. */
export type GivenIdentities = ReadonlyMap<string, ReadonlyMap<string, unknown>>;

/** What one check knows of who asks. The contexts of all policies read it. */
export class Evidence {
  readonly given: GivenIdentities | undefined;
  readonly #attributes: Attributes;
  readonly #values = new Map<Identity, object | undefined>();

  constructor(attributes: Attributes, given?: GivenIdentities) {
    this.#attributes = attributes;
    this.given = given;
  }

  /** A credential was looked at: the identity's value, or undefined where it does not hold. */
  note(identity: Identity, value: object | undefined): void {
    this.#values.set(identity, value);
  }

  /** Undefined where the identity does not hold; UNKNOWN as long as it has not been found out. */
  valueOf(identity: Identity): object | Unknown | undefined {
    if (this.#values.has(identity)) return this.#values.get(identity);
    const { proof } = identity;
    if (this.given === undefined && proof.kind !== "mtls" && proof.kind !== "metadata") return UNKNOWN.ours;
    const value = this.given === undefined ? this.#proved(identity) : this.#given(identity, this.given);
    this.#values.set(identity, value);
    return value;
  }

  #given({ name, described }: Identity, given: GivenIdentities): object | undefined {
    const fields = given.get(name);
    return fields && described(fields);
  }

  /** What Envoy has verified. */
  #proved({ proof, valueOf }: Identity): object | undefined {
    if (proof.kind === "mtls") return this.#attributes.workload(proof.trustDomains);
    if (proof.kind !== "metadata") return undefined;
    let found: unknown = this.#attributes.metadata.get(proof.namespace);
    for (const key of proof.path) found = found instanceof Map ? found.get(key) : undefined;
    return found instanceof Map ? valueOf(found) : undefined;
  }
}

/** `auth`: the identities of one policy that hold for one request, by name, each looked at when it is read. */
export class Auth extends Map<string, unknown> {
  readonly #identities: ReadonlyMap<string, Identity>;
  readonly #evidence: Evidence;

  constructor(identities: ReadonlyMap<string, Identity>, evidence: Evidence) {
    super();
    this.#identities = identities;
    this.#evidence = evidence;
  }

  override get(name: string): unknown {
    const identity = this.#identities.get(name);
    return identity && this.#evidence.valueOf(identity);
  }
}

/** `auth` of an access-log entry: the identities of which the check has left something, by name. */
export class CarriedIdentities extends Map<string, unknown> {}
