import type { canonicalHost } from "./host.ts";
import type { CheckFacts } from "./facts.ts";
import { Client, Destination, Source, Workload } from "./peer.ts";
import { Request } from "./request.ts";
import type { parseSpiffeId } from "./spiffe.ts";

/** What weir.yaml says about reading requests. */
export interface Reading {
  /** SPIFFE trust domains whose names count. */
  readonly trustDomains: ReadonlySet<string>;
  /** `parseSpiffeId`, which may remember: the same peers ask again and again. */
  readonly spiffeId: typeof parseSpiffeId;
  /** `canonicalHost`, which may remember. */
  readonly host: typeof canonicalHost;
}

/** The typed facts on one request: one object a root, made when it is first read. */
export class Attributes {
  readonly #facts: CheckFacts;
  readonly #reading: Reading;
  #request: Request | undefined;
  #source: Source | undefined;
  #destination: Destination | undefined;
  #client: Client | undefined;
  #contextExtensions: Map<string, string> | undefined;
  #metadata: Map<string, unknown> | undefined;

  /** A test's principals, given as identities: they replace what the request proves. Undefined for real ones. */
  readonly givenIdentities: ReadonlyMap<string, Workload> | undefined;

  constructor(facts: CheckFacts, reading: Reading, givenIdentities?: ReadonlyMap<string, Workload>) {
    this.#facts = facts;
    this.#reading = reading;
    this.givenIdentities = givenIdentities;
  }

  get request(): Request {
    return (this.#request ??= new Request(this.#facts.request, this.#reading.host));
  }

  get source(): Source {
    return (this.#source ??= new Source(this.#facts.source, this.#reading));
  }

  get destination(): Destination {
    return (this.#destination ??= new Destination(this.#facts.destination, this.#reading));
  }

  /** With `clientAddress: {from: peer}`, the peer itself. */
  get client(): Client {
    return (this.#client ??= new Client(this.source.ip));
  }

  get context_extensions(): Map<string, string> {
    return (this.#contextExtensions ??= this.#facts.contextExtensions());
  }

  /** The workload that connected, when its certificate is of one of an identity's own trust domains. */
  workload(trustDomains: ReadonlySet<string>): Workload | undefined {
    const { presented } = this.source;
    return presented && trustDomains.has(presented.trustDomain) ? new Workload(presented) : undefined;
  }

  get metadata(): Map<string, unknown> {
    return (this.#metadata ??= this.#facts.metadata());
  }
}
