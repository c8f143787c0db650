import { NO_DETAILS, type EntryDetails, type EntryFacts, type WireBytes } from "../attributes/entry-facts.ts";
import type { WireReader } from "../std/wire-reader.ts";
import { COMMON, LogEntry, type EntryContext } from "./log-entry.ts";
import { layoutOf, Outline } from "./outline.ts";

/** TCPAccessLogEntry: common_properties 1, connection_properties 2 (ConnectionProperties: received_bytes 1, sent_bytes 2). */
const TCP = layoutOf({ length: [1, 2] });
const CONNECTION = layoutOf({ varint: [1, 2] });

/** One entry about a TCP connection or UDP session (envoy.data.accesslog.v3). */
export class TcpEntry extends LogEntry implements EntryFacts {
  readonly kind = "tcp";
  readonly request = undefined;
  readonly responseCode = undefined;
  readonly responseCodeDetails = "";
  readonly #entry: Outline;
  readonly #connection: Outline;

  /** It says nothing before `read`. */
  constructor(reader: WireReader, context: EntryContext) {
    super(reader, new Outline(reader), context);
    this.#entry = new Outline(reader);
    this.#connection = new Outline(reader);
  }

  /** Walks through the entry; says what it lacks. Throws MalformedMessage. */
  read(): "complete" | "no_common_properties" {
    this.#entry.read(this.reader.whole, TCP);
    if (!this.#entry.has(1)) return "no_common_properties";
    this.common.read(this.#entry.range(1), COMMON);
    this.#connection.read(this.#entry.range(2), CONNECTION);
    return "complete";
  }

  get connectionBytes(): WireBytes {
    return { sent: this.#connection.number(2), received: this.#connection.number(1) };
  }

  requestHeader(): undefined {
    return undefined;
  }

  responseHeader(): undefined {
    return undefined;
  }

  responseTrailer(): undefined {
    return undefined;
  }

  responseHeaders(): Map<string, string> {
    return new Map();
  }

  responseTrailers(): Map<string, string> {
    return new Map();
  }

  details(): EntryDetails {
    return { ...NO_DETAILS, ...this.commonDetails() };
  }
}
