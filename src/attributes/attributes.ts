import type { CheckFacts } from "./facts.ts";
import { Client, Destination, Source, Workload } from "./peer.ts";
import { Request } from "./request.ts";
import { parseSpiffeId } from "./spiffe.ts";

/** What weir.yaml says about reading requests. */
export interface Reading {
  readonly trustDomains: ReadonlySet<string>;
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

  constructor(facts: CheckFacts, reading: Reading) {
    this.#facts = facts;
    this.#reading = reading;
  }

  get request(): Request {
    return (this.#request ??= new Request(this.#facts.request));
  }

  get source(): Source {
    return (this.#source ??= new Source(this.#facts.source, this.#reading.trustDomains));
  }

  get destination(): Destination {
    return (this.#destination ??= new Destination(this.#facts.destination, this.#reading.trustDomains));
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
    const spiffeId = parseSpiffeId(this.#facts.source.principal);
    return spiffeId && trustDomains.has(spiffeId.trustDomain) ? new Workload(spiffeId) : undefined;
  }

  /** A test's principals; undefined for every real request. */
  get givenIdentities(): ReadonlyMap<string, Workload> | undefined {
    return this.#facts.identities;
  }

  get metadata(): Map<string, unknown> {
    return (this.#metadata ??= this.#facts.metadata());
  }
}
