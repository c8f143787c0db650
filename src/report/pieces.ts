import { lengthField, MalformedMessage, WireFields, type Range } from "../std/wire-reader.ts";
import { bytesOf, lengthHeader } from "../std/wire-writer.ts";

/** So many bytes are read at once; an entry that is larger stays whole. */
const PIECE_BYTES = 32 * 1024;

/** envoy.service.accesslog.v3.StreamAccessLogsMessage: identifier 1, http_logs 2, tcp_logs 3; in both, log_entry 1. */
const IDENTIFIER = 1;
const LOGS: readonly number[] = [2, 3];
const LOG_ENTRY = lengthField(1);

/**
 * A large message as several that say the same one after the other, so that it need not be read at once; a small one as it is. The
 * identifier comes first. What cannot be cut stays in one piece, about which whoever reads it complains.
 */
export function* pieces(message: Buffer): Generator<Buffer> {
  const parts = message.length > PIECE_BYTES ? partsOf(message) : undefined;
  if (parts === undefined) {
    yield message;
    return;
  }
  let before = parts.identifier;
  for (const { number, range } of parts.logs) {
    for (const { start, end } of groups(message, range)) {
      const header = bytesOf(lengthHeader(number, end - start));
      yield Buffer.concat([...before, header, message.subarray(start, end)]);
      before = [];
    }
  }
  if (before.length > 0) yield Buffer.concat(before);
}

/** The identifier of a message, as a message; undefined where it has none. */
export function identifierOf(message: Buffer): Buffer | undefined {
  const identifier = partsOf(message)?.identifier ?? [];
  return identifier.length === 0 ? undefined : Buffer.concat(identifier);
}

/** How many entries a message has, as far as it can be read; one at least. */
export function countEntries(message: Buffer): number {
  let count = 0;
  for (const { range } of partsOf(message)?.logs ?? []) {
    const fields = new WireFields(message, range);
    while (hasNext(fields)) if (fields.tag === LOG_ENTRY) count++;
  }
  return Math.max(1, count);
}

interface Parts {
  /** Its fields, each with what stands before it. */
  readonly identifier: readonly Buffer[];
  readonly logs: readonly { readonly number: number; readonly range: Range }[];
}

/** Undefined where the message is malformed. */
function partsOf(message: Buffer): Parts | undefined {
  const identifier: Buffer[] = [];
  const logs: { readonly number: number; readonly range: Range }[] = [];
  const fields = new WireFields(message, { start: 0, end: message.length });
  while (hasNext(fields)) {
    const range = fields.range();
    const number = LOGS.find((one) => lengthField(one) === fields.tag);
    if (number !== undefined) logs.push({ number, range });
    else if (fields.tag === lengthField(IDENTIFIER)) {
      const header = bytesOf(lengthHeader(IDENTIFIER, range.end - range.start));
      identifier.push(header, message.subarray(range.start, range.end));
    }
  }
  return fields.end === message.length ? { identifier, logs } : undefined;
}

/** Ranges of whole entries, about as large as a piece; what is malformed ends in the last one. */
function* groups(message: Buffer, { start, end }: Range): Generator<Range> {
  const fields = new WireFields(message, { start, end });
  let from = start;
  while (hasNext(fields)) {
    if (fields.end - from < PIECE_BYTES) continue;
    yield { start: from, end: fields.end };
    from = fields.end;
  }
  if (from < end || start === end) yield { start: from, end };
}

/** Goes on to the next field; false at the end, and where it is malformed. */
function hasNext(fields: WireFields): boolean {
  try {
    return fields.next();
  } catch (error) {
    if (error instanceof MalformedMessage) return false;
    throw error;
  }
}
