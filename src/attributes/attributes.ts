import { ValueFault } from "../std/fault.ts";
import type { Ip } from "../std/ip.ts";
import type { readCertificate } from "./certificate.ts";
import { clientAddress, type ClientAddress } from "./client-address.ts";
import { Connection } from "./connection.ts";
import type { CheckFacts, ProxyFacts } from "./facts.ts";
import type { canonicalHost } from "./host.ts";
import { Client, Destination, Source, Workload } from "./peer.ts";
import { Presented } from "./presented.ts";
import { Proxy, type ProxyRole } from "./proxy.ts";
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
  /** `readCertificate`, which may remember, since reading one costs a hundred times what finding it does. */
  readonly certificate: typeof readCertificate;
  readonly clientAddress: ClientAddress;
  /** Milliseconds as a duration of expressions. */
  readonly duration: (ms: number) => object;
  /** What the Envoy that asks is. */
  readonly proxyRole: (proxy: ProxyFacts) => ProxyRole;
}

const NO_REQUEST = new ValueFault("request");

/** The typed facts on one request: one object a root, made when it is first read. */
export class Attributes {
  readonly #facts: CheckFacts;
  readonly #reading: Reading;
  #request: Request | undefined;
  #source: Source | undefined;
  #destination: Destination | undefined;
  #client: Client | undefined;
  #connection: Connection | undefined;
  #proxy: Proxy | undefined;
  #presented: Presented | undefined;
  #contextExtensions: Map<string, string> | undefined;
  #metadata: Map<string, unknown> | undefined;

  constructor(facts: CheckFacts, reading: Reading) {
    this.#facts = facts;
    this.#reading = reading;
  }

  /** What they are made of, to be read in another way. */
  get facts(): CheckFacts {
    return this.#facts;
  }

  /** What asks to pass: an HTTP request, or a TCP connection, which has no `request`. */
  get kind(): "http" | "connection" {
    return this.#facts.request === undefined ? "connection" : "http";
  }

  /** Throws ValueFault where a connection asks. */
  get request(): Request {
    return (this.#request ??= this.#newRequest());
  }

  #newRequest(): Request {
    const { request } = this.#facts;
    if (request === undefined) throw NO_REQUEST;
    return new Request(request, this.#reading.host);
  }

  get source(): Source {
    return (this.#source ??= new Source(this.#facts.source, this.#reading));
  }

  get destination(): Destination {
    return (this.#destination ??= new Destination(this.#facts.destination, this.#reading));
  }

  get client(): Client {
    return (this.#client ??= new Client(this.#clientAddress()));
  }

  #clientAddress(): Ip | undefined {
    const { clientAddress: rule } = this.#reading;
    const isInHeader = rule.from === "xff" && this.kind === "http";
    const forwarded = isInHeader ? this.request.headers.get("x-forwarded-for") : undefined;
    return clientAddress(rule, forwarded ?? "", this.source.ip);
  }

  get connection(): Connection {
    return (this.#connection ??= new Connection(this.#facts, this.#reading));
  }

  get proxy(): Proxy {
    return (this.#proxy ??= new Proxy(this.#facts.proxy, this.#reading.proxyRole));
  }

  /** What credentials are taken from. */
  get presented(): Presented {
    return (this.#presented ??= new Presented(this));
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
