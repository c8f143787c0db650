import { ValueFault } from "../std/fault.ts";
import { Attributes, type Reading } from "./attributes.ts";
import type { DecisionFacts, EntryFacts } from "./entry-facts.ts";
import { EntryConnection, Upstream, Xds } from "./entry-connection.ts";
import { EntryRequest, Response } from "./entry-request.ts";

const NOT_HTTP = new ValueFault("request");

/**
 * The typed facts on one access-log entry: what an expression of phase `log` reads. Each root is one object, made when it is first
 * read. A getter that yields undefined is an attribute without value.
 */
export class EntryAttributes extends Attributes {
  readonly #facts: EntryFacts;
  readonly #reading: Reading;
  #request: EntryRequest | undefined;
  #response: Response | undefined;
  #connection: EntryConnection | undefined;
  #upstream: Upstream | undefined;
  #xds: Xds | undefined;
  #filterState: Map<string, unknown> | undefined;
  #customTags: Map<string, string> | undefined;
  #decision: Decision | undefined;
  #log: Log | undefined;

  constructor(facts: EntryFacts, reading: Reading) {
    super(facts, reading);
    this.#facts = facts;
    this.#reading = reading;
  }

  override get facts(): EntryFacts {
    return this.#facts;
  }

  /** Throws ValueFault of a TCP entry. */
  override get request(): EntryRequest {
    return (this.#request ??= new EntryRequest(this.#facts, this.#reading));
  }

  /** Throws ValueFault of a TCP entry. */
  get response(): Response {
    if (this.#facts.request === undefined) throw NOT_HTTP;
    return (this.#response ??= new Response(this.#facts, this.#reading));
  }

  override get connection(): EntryConnection {
    return (this.#connection ??= new EntryConnection(this.#facts, this.#reading));
  }

  get upstream(): Upstream {
    return (this.#upstream ??= new Upstream(this.#facts, this.#reading));
  }

  get xds(): Xds {
    return (this.#xds ??= new Xds(this.#facts));
  }

  get filter_state(): Map<string, unknown> {
    return (this.#filterState ??= this.#facts.filterState());
  }

  get custom_tags(): Map<string, string> {
    return (this.#customTags ??= this.#facts.customTags());
  }

  get decision(): Decision {
    return (this.#decision ??= new Decision(this.#facts.decision()));
  }

  get log(): Log {
    return (this.#log ??= new Log(this.#facts));
  }
}

/** `decision.*`: what weir itself answered when the request asked to pass. Nothing of it has a value where no check did. */
export class Decision {
  readonly id: string | undefined;
  readonly verdict: string | undefined;
  readonly policy: string | undefined;
  readonly rule: string | undefined;

  constructor(facts: DecisionFacts | undefined) {
    this.id = facts?.id;
    this.verdict = facts?.verdict;
    this.policy = facts?.policy;
    this.rule = facts?.rule;
  }
}

/** `log.*`: the entry itself and who logs. */
export class Log {
  readonly #facts: EntryFacts;

  constructor(facts: EntryFacts) {
    this.#facts = facts;
  }

  get name(): string | undefined {
    return presence(this.#facts.origin.logName);
  }

  get type(): string | undefined {
    return ACCESS_LOG_TYPES[this.#facts.accessLogType];
  }

  get node_id(): string | undefined {
    return presence(this.#facts.origin.nodeId);
  }

  get node_cluster(): string | undefined {
    return presence(this.#facts.origin.nodeCluster);
  }

  get stream_id(): string | undefined {
    return presence(this.#facts.streamId);
  }

  get intermediate(): boolean {
    return this.#facts.isIntermediate;
  }

  get sample_rate(): number | undefined {
    const { sampleRate } = this.#facts.details();
    return sampleRate === 0 ? undefined : sampleRate;
  }
}

/** Names of envoy.data.accesslog.v3.AccessLogType by number. */
export const ACCESS_LOG_TYPES: readonly string[] = [
  ...["NotSet", "TcpUpstreamConnected", "TcpPeriodic", "TcpConnectionEnd"],
  ...["DownstreamStart", "DownstreamPeriodic", "DownstreamEnd"],
  ...["UpstreamPoolReady", "UpstreamPeriodic", "UpstreamEnd", "DownstreamTunnelSuccessfullyEstablished"],
  ...["UdpTunnelUpstreamConnected", "UdpPeriodic", "UdpSessionEnd", "TcpConnectionStart"],
];

const presence = (text: string): string | undefined => (text === "" ? undefined : text);
