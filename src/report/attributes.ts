import { NOWHERE } from "../attributes/decode.ts";
import { NO_ORIGIN, type EntryFacts, type OriginFacts } from "../attributes/entry-facts.ts";
import type { ProxyFacts } from "../attributes/facts.ts";
import { lengthField, MalformedMessage, WireReader, type Range } from "../std/wire-reader.ts";
import type { EntryContext } from "./log-entry.ts";
import { HttpEntry } from "./http-entry.ts";
import { readOrigin } from "./origin.ts";
import { TcpEntry } from "./tcp-entry.ts";

/** Why an entry, or a whole message (`empty_message`), yields nothing. */
export type InvalidReason =
  "malformed" | "no_common_properties" | "no_request" | "empty_message" | "unknown_attributes";

/** What one message of a stream says. */
export interface Read {
  /** Undefined until a stream has named its Envoy. */
  readonly origin: OriginFacts | undefined;
  readonly entries: readonly EntryFacts[];
  /** One for each entry that was left out, and one where the message could not be read to its end. */
  readonly invalid: readonly InvalidReason[];
}

const ANY_PROXY: ProxyFacts = { principal: undefined, listenerRole: undefined };

/**
 * The entries of a StreamAccessLogsMessage (envoy.service.accesslog.v3). `previous` is the origin of the stream's message before, which
 * holds until another comes: relays send it again and again. `proxy` is the Envoy that the stream is of. Never throws; neither do the
 * getters of the entries.
 */
export function readEntries(
  message: Buffer,
  previous: OriginFacts | undefined,
  proxy: ProxyFacts = ANY_PROXY,
): Read {
  const invalid: InvalidReason[] = [];
  const reader = new WireReader(message, NOWHERE);
  const { origin, http, tcp } = outlineOf(reader, message.length, previous, invalid);
  const context: EntryContext = { origin: origin ?? NO_ORIGIN, proxy };
  const entries: EntryFacts[] = [];
  const add = (entry: HttpEntry | TcpEntry): void => {
    const found = outcomeOf(entry);
    if (found === "complete") entries.push(entry);
    else invalid.push(found);
  };
  for (const range of http) add(new HttpEntry(reader.part(range), context));
  for (const range of tcp) add(new TcpEntry(reader.part(range), context));
  if (entries.length + invalid.length === 0) invalid.push("empty_message");
  return { origin, entries, invalid };
}

function outcomeOf(entry: HttpEntry | TcpEntry): "complete" | InvalidReason {
  try {
    return entry.read();
  } catch (error) {
    if (!(error instanceof MalformedMessage)) throw error;
    return "malformed";
  }
}

interface MessageOutline {
  readonly origin: OriginFacts | undefined;
  readonly http: readonly Range[];
  readonly tcp: readonly Range[];
}

/** StreamAccessLogsMessage: identifier 1, http_logs 2, tcp_logs 3. The identifier may stand behind the entries that are its own. */
function outlineOf(
  reader: WireReader,
  length: number,
  previous: OriginFacts | undefined,
  invalid: InvalidReason[],
): MessageOutline {
  let origin = previous;
  const http: Range[] = [];
  const tcp: Range[] = [];
  orMalformed(invalid, () => {
    const fields = reader.fields({ start: 0, end: length });
    while (fields.next()) {
      const { tag } = fields;
      if (tag === lengthField(1)) orMalformed(invalid, () => (origin = readOrigin(reader, fields, previous)));
      else if (tag === lengthField(2)) orMalformed(invalid, () => collect(reader, fields, http));
      else if (tag === lengthField(3)) orMalformed(invalid, () => collect(reader, fields, tcp));
    }
  });
  return { origin, http, tcp };
}

/** HTTPAccessLogEntries and TCPAccessLogEntries: log_entry 1. */
function collect(reader: WireReader, logs: Range, into: Range[]): void {
  const fields = reader.fields(logs);
  while (fields.next()) if (fields.tag === lengthField(1)) into.push(fields.range());
}

/** What was found before stays; the rest counts as one. */
function orMalformed(invalid: InvalidReason[], read: () => void): void {
  try {
    read();
  } catch (error) {
    if (!(error instanceof MalformedMessage)) throw error;
    invalid.push("malformed");
  }
}
