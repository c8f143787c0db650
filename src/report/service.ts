import type { OriginFacts } from "../attributes/entry-facts.ts";
import type { ProxyFacts } from "../attributes/facts.ts";
import type { ClientStream, StreamEnd, StreamReader } from "../grpc/client-streams.ts";
import type { StreamKind, Via } from "../telemetry/report-account.ts";
import { readEntries, type Read } from "./attributes.ts";
import { Backlog, type Work } from "./backlog.ts";
import { takeEntry, type ReportHost } from "./entry.ts";
import { countEntries, identifierOf, pieces } from "./pieces.ts";

/** Entries, and what was to be one and is none. */
export interface Came extends Pick<Read, "entries" | "invalid"> {
  readonly via: Via;
}

/** What came at once, by whatever way. */
export interface Arrival {
  /** What it keeps in memory until it has been read. */
  readonly bytes: number;
  /** In small parts, since each is read at once. */
  readonly read: () => Iterator<Came, void>;
  /** How many entries it has, where nobody will look at them. */
  readonly shed: () => { readonly via: Via; readonly entries: number };
}

/** Takes in access logs. */
export interface ReportService {
  /** envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs: a reader for one more stream. */
  readonly open: (stream: Pick<ClientStream, "caller">) => StreamReader;
  /** Takes entries of a stream or otherwise, unless too much waits: then they are counted and gone. */
  readonly take: (arrival: Arrival) => "taken" | "shed";
  /** Resolves when all that was taken is in the queues of handlers. */
  readonly emptied: () => Promise<void>;
}

/** Of messages of all streams that wait to be looked at. */
const MAX_WAITING_BYTES = 128 * 1024 * 1024;

/**
 * The report path: message, entries, what of each counts, which rules want it, the queues of their handlers. Streams are read as fast as
 * they come, whatever becomes of what they say; what there is no room for is shed here, where it is counted.
 */
export function reportService(host: ReportHost, maxWaitingBytes = MAX_WAITING_BYTES): ReportService {
  const backlog = new Backlog(maxWaitingBytes);
  const service: ReportService = {
    emptied: () => backlog.emptied(),
    open: ({ caller }) => new Stream(host, service, caller),
    take(arrival) {
      if (backlog.add(new Taking(host, arrival))) return "taken";
      const { via, entries } = arrival.shed();
      host.account.received.add(entries, via);
      host.account.shed.add(entries, via);
      return "shed";
    },
  };
  return service;
}

const NOTHING: Came = { entries: [], invalid: [], via: "als_http" };

/** What came together, entry by entry. */
class Taking implements Work {
  readonly #host: ReportHost;
  readonly #arrival: Arrival;
  #parts: Iterator<Came, void> | undefined;
  #part = NOTHING;
  #next = 0;

  constructor(host: ReportHost, arrival: Arrival) {
    this.#host = host;
    this.#arrival = arrival;
  }

  get bytes(): number {
    return this.#arrival.bytes;
  }

  step(): "more" | "done" {
    const entry = this.#part.entries[this.#next++];
    if (entry === undefined) return this.#read();
    takeEntry(this.#host, this.#part.via, entry);
    return "more";
  }

  #read(): "more" | "done" {
    const { account } = this.#host;
    this.#parts ??= this.#arrival.read();
    const { done, value } = this.#parts.next();
    if (done === true) return "done";
    for (const reason of value.invalid) {
      account.received.add(1, value.via);
      account.invalid.add(1, value.via, reason);
    }
    this.#part = value;
    this.#next = 0;
    return "more";
  }
}

/** One Envoy's stream. Who it is, the first message says, and relays say it again. */
class Stream implements StreamReader {
  readonly #host: ReportHost;
  readonly #service: ReportService;
  readonly #proxy: ProxyFacts;
  #kind: StreamKind = "als";
  #origin: OriginFacts | undefined;
  #phase: "open" | "ended" = "open";

  constructor(host: ReportHost, service: ReportService, proxy: ProxyFacts) {
    this.#host = host;
    this.#service = service;
    this.#proxy = proxy;
    host.account.streams.add(1, this.#kind);
  }

  message(bytes: Buffer): void {
    this.#service.take({
      bytes: bytes.length,
      read: () => this.#parts(bytes),
      shed: () => this.#shed(bytes),
    });
  }

  end(because: StreamEnd): void {
    const { account } = this.#host;
    this.#phase = "ended";
    account.streams.add(-1, this.#kind);
    if (because === "over") return;
    // How many entries it had, nobody has seen.
    account.received.add(1, this.#via);
    account.invalid.add(1, this.#via, "too_large");
  }

  *#parts(message: Buffer): Generator<Came, void> {
    for (const piece of pieces(message)) yield this.#read(piece);
  }

  /** Who it is must be known of what comes next. */
  #shed(message: Buffer): ReturnType<Arrival["shed"]> {
    const identifier = identifierOf(message);
    if (identifier !== undefined) this.#read(identifier);
    return { via: this.#via, entries: countEntries(message) };
  }

  #read(bytes: Buffer): Came {
    const { origin, entries, invalid } = readEntries(bytes, this.#origin, this.#proxy);
    this.#origin = origin;
    const [first] = entries;
    if (first !== undefined) this.#carries(first.kind === "http" ? "als_http" : "als_tcp");
    return { entries, invalid, via: this.#via };
  }

  get #via(): Via {
    return this.#kind === "als_tcp" ? "als_tcp" : "als_http";
  }

  /** An Envoy keeps to one kind of entry on a stream. */
  #carries(kind: StreamKind): void {
    const { streams } = this.#host.account;
    if (this.#phase === "open" && kind !== this.#kind) {
      streams.add(-1, this.#kind);
      streams.add(1, kind);
    }
    this.#kind = kind;
  }
}
