import { doubleField, lengthField, MalformedMessage, varintField } from "../std/wire-reader.ts";
import type { Range, WireReader } from "../std/wire-reader.ts";

/** Lists and maps nest no deeper than this. */
const MAX_DEPTH = 32;

/** More attributes than this no record has. */
const MAX_ATTRIBUTES = 1_000;

/**
 * The KeyValues (key 1, value 2) among the fields of a message, Maps all the way down; of a key that comes twice the last. Throws
 * MalformedMessage.
 */
export function readKeyValues(
  reader: WireReader,
  message: Range,
  tag: number,
  depth = 0,
): Map<string, unknown> {
  const values = new Map<string, unknown>();
  const fields = reader.fields(message);
  const pair = reader.fields(message);
  while (fields.next()) {
    if (fields.tag !== tag) continue;
    let key = "";
    let value: unknown;
    pair.enter(fields);
    while (pair.next()) {
      if (pair.tag === lengthField(1)) key = reader.text(pair);
      else if (pair.tag === lengthField(2)) value = readAny(reader, pair, depth);
    }
    values.set(key, value);
    if (values.size > MAX_ATTRIBUTES) throw new MalformedMessage("too many attributes");
  }
  return values;
}

/** AnyValue: string 1, bool 2, int 3, double 4, array 5 (values 1), kvlist 6 (values 1), bytes 7, which is left out. */
function readAny(reader: WireReader, range: Range, depth: number): unknown {
  let value: unknown;
  const fields = reader.fields(range);
  while (fields.next()) {
    const { tag } = fields;
    if (tag === lengthField(1)) value = reader.text(fields);
    else if (tag === varintField(2)) value = fields.number !== 0;
    else if (tag === varintField(3)) value = Number(fields.int64());
    else if (tag === doubleField(4)) value = reader.double(fields);
    else if (depth < MAX_DEPTH && tag === lengthField(5)) value = readList(reader, fields, depth + 1);
    else if (depth < MAX_DEPTH && tag === lengthField(6))
      value = readKeyValues(reader, fields, lengthField(1), depth + 1);
  }
  return value;
}

function readList(reader: WireReader, range: Range, depth: number): unknown[] {
  const values: unknown[] = [];
  const fields = reader.fields(range);
  while (fields.next()) if (fields.tag === lengthField(1)) values.push(readAny(reader, fields, depth));
  return values;
}
