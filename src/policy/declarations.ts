import { Auth, Client, Destination, Source, Workload } from "../attributes/peer.ts";
import { Request } from "../attributes/request.ts";
import { POLICY_ROOTS, rootOf, VOCABULARY, type Attribute, type Phase } from "../attributes/vocabulary.ts";
import type { Declarations, Engine, Environment, ObjectType, TypeName } from "../cel/expression.ts";

/** The classes whose values stand for the roots of the vocabulary. */
const CLASSES = { request: Request, source: Source, destination: Destination, client: Client } as const;

/** Fields of an identity that a certificate proves. */
export const WORKLOAD_FIELDS: Readonly<Record<string, TypeName>> = {
  id: "string",
  trust_domain: "string",
  namespace: "string",
  service_account: "string",
};

/** What distinguishes the environment of one policy from that of another. */
export interface Shape {
  readonly phase: Phase;
  readonly identities: readonly string[];
  /** The `let` names defined so far, with their types. */
  readonly lets: Readonly<Record<string, TypeName>>;
}

/** Environments by shape: policies of equal shape share one, since each costs tens of kilobytes. */
export class Environments {
  readonly #engine: Engine;
  readonly #byShape = new Map<string, Environment>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  of(shape: Shape): Environment {
    const key = JSON.stringify([shape.phase, shape.identities, Object.entries(shape.lets)]);
    const known = this.#byShape.get(key);
    if (known !== undefined) return known;
    const made = this.#engine.environment(declare(shape));
    this.#byShape.set(key, made);
    return made;
  }
}

/** Whether an attribute can be read in a phase by this version. */
export const isReadable = (attribute: Attribute, phase: Phase): boolean =>
  attribute.phases.includes(phase) && attribute.notYet === undefined && attribute.insteadRead === undefined;

function declare({ phase, identities, lets }: Shape): Declarations {
  const readable = VOCABULARY.filter((attribute) => isReadable(attribute, phase));
  const types: ObjectType[] = [
    { name: "Workload", constructedBy: Workload, fields: WORKLOAD_FIELDS },
    {
      name: "Auth",
      constructedBy: Auth,
      fields: Object.fromEntries(identities.map((name) => [name, "Workload"])),
    },
  ];
  const variables: Record<string, TypeName> = { auth: "Auth", path: "map(string, string)", ...lets };
  for (const { name, type } of readable) if (!name.includes(".")) variables[name] = type;
  for (const [root, constructedBy] of Object.entries(CLASSES)) {
    const fields = readable.filter(({ name }) => name.startsWith(`${root}.`));
    if (fields.length === 0) continue;
    const name = root.charAt(0).toUpperCase() + root.slice(1);
    variables[root] = name;
    types.push({
      name,
      constructedBy,
      fields: Object.fromEntries(fields.map((field) => [field.name.slice(root.length + 1), field.type])),
    });
  }
  return { types, variables };
}

/** The names that an expression may begin with, beside its policy's own. */
export const ROOTS: ReadonlySet<string> = new Set([
  ...VOCABULARY.map(({ name }) => rootOf(name)),
  ...Object.keys(POLICY_ROOTS),
]);
