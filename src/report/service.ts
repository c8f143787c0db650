import type { OriginFacts } from "../attributes/entry-facts.ts";
import type { StreamReader } from "../grpc/client-streams.ts";
import type { StreamKind, Via } from "../telemetry/report-account.ts";
import { readEntries, type Read } from "./attributes.ts";
import { Backlog, type Work } from "./backlog.ts";
import { takeEntry, type ReportHost } from "./entry.ts";

/** Entries, and what was to be one and is none. */
export interface Came extends Pick<Read, "entries" | "invalid"> {
  readonly via: Via;
}

/** Takes in access logs. */
export interface ReportService {
  /** envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs: a reader for one more stream. */
  readonly open: () => StreamReader;
  /** Takes entries that keep so many bytes in memory, of streams or otherwise, unless too much waits: then they are counted and gone. */
  readonly take: (came: () => Came, bytes: number) => "taken" | "shed";
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
    open: () => new Stream(host, service),
    take(came, bytes) {
      if (backlog.add(new Taking(host, came, bytes))) return "taken";
      const { entries, invalid, via } = came();
      host.account.received.add(entries.length + invalid.length, via);
      host.account.shed.add(entries.length + invalid.length, via);
      return "shed";
    },
  };
  return service;
}

/** What came together, entry by entry. */
class Taking implements Work {
  readonly bytes: number;
  readonly #host: ReportHost;
  readonly #read: () => Came;
  #came: Came | undefined;
  #next = 0;

  constructor(host: ReportHost, read: () => Came, bytes: number) {
    this.#host = host;
    this.#read = read;
    this.bytes = bytes;
  }

  step(): "more" | "done" {
    const { entries, via } = (this.#came ??= this.#begin());
    const entry = entries[this.#next++];
    if (entry !== undefined) takeEntry(this.#host, via, entry);
    return this.#next < entries.length ? "more" : "done";
  }

  #begin(): Came {
    const { account } = this.#host;
    const came = this.#read();
    for (const reason of came.invalid) {
      account.received.add(1, came.via);
      account.invalid.add(1, came.via, reason);
    }
    return came;
  }
}

/** One Envoy's stream. Who it is, the first message says, and relays say it again. */
class Stream implements StreamReader {
  readonly #host: ReportHost;
  readonly #service: ReportService;
  #kind: StreamKind = "als";
  #origin: OriginFacts | undefined;
  #phase: "open" | "ended" = "open";

  constructor(host: ReportHost, service: ReportService) {
    this.#host = host;
    this.#service = service;
    host.account.streams.add(1, this.#kind);
  }

  message(bytes: Buffer): void {
    this.#service.take(() => this.#read(bytes), bytes.length);
  }

  end(): void {
    this.#phase = "ended";
    this.#host.account.streams.add(-1, this.#kind);
  }

  #read(bytes: Buffer): Came {
    const { origin, entries, invalid } = readEntries(bytes, this.#origin);
    this.#origin = origin;
    const [first] = entries;
    if (first !== undefined) this.#carries(first.kind === "http" ? "als_http" : "als_tcp");
    return { entries, invalid, via: this.#kind === "als_tcp" ? "als_tcp" : "als_http" };
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
