import { messageField, numberField, textField, doubleField as doubleValue } from "./wire-writer.ts";
import { doubleField, lengthField, varintField, type Range, type WireReader } from "./wire-reader.ts";

/** Values nest no deeper than this; what is deeper is null. */
const MAX_DEPTH = 32;

/**
 * A google.protobuf.Struct (struct.proto) as Maps, arrays, strings, numbers, booleans and null, so that a
 * key named `__proto__` is a key like any other. Throws MalformedMessage.
 */
export function readStruct(reader: WireReader, range: Range, depth = 0): Map<string, unknown> {
  const struct = new Map<string, unknown>();
  const fields = reader.fields(range);
  while (fields.next()) {
    if (fields.tag === lengthField(1)) readEntry(reader, fields, struct, depth);
  }
  return struct;
}

function readEntry(reader: WireReader, entry: Range, into: Map<string, unknown>, depth: number): void {
  let key = "";
  let value: unknown = null;
  const fields = reader.fields(entry);
  while (fields.next()) {
    if (fields.tag === lengthField(1)) key = reader.text(fields);
    else if (fields.tag === lengthField(2)) value = readValue(reader, fields, depth + 1);
  }
  into.set(key, value);
}

/** A google.protobuf.Value: null 1, number 2, string 3, bool 4, struct 5, list 6. Throws MalformedMessage. */
export function readValue(reader: WireReader, range: Range, depth = 0): unknown {
  let value: unknown = null;
  const fields = reader.fields(range);
  while (fields.next()) {
    const { tag } = fields;
    if (tag === doubleField(2)) value = reader.double(fields);
    else if (tag === lengthField(3)) value = reader.text(fields);
    else if (tag === varintField(4)) value = fields.number !== 0;
    else if (depth < MAX_DEPTH && tag === lengthField(5)) value = readStruct(reader, fields, depth);
    else if (depth < MAX_DEPTH && tag === lengthField(6)) value = readList(reader, fields, depth);
  }
  return value;
}

function readList(reader: WireReader, range: Range, depth: number): unknown[] {
  const values: unknown[] = [];
  const fields = reader.fields(range);
  while (fields.next()) {
    if (fields.tag === lengthField(1)) values.push(readValue(reader, fields, depth + 1));
  }
  return values;
}

/** A value that a Struct holds. */
export type StructValue =
  string | number | boolean | readonly StructValue[] | ReadonlyMap<string, StructValue>;

/** The message of a Struct: fields 1, a map of key 1 and value 2. */
export function structMessage(fields: ReadonlyMap<string, StructValue>): string {
  let message = "";
  for (const [key, value] of fields)
    message += messageField(1, textField(1, key) + messageField(2, valueMessage(value)));
  return message;
}

function valueMessage(value: StructValue): string {
  if (typeof value === "string") return textField(3, value);
  if (typeof value === "number") return doubleValue(2, value);
  if (typeof value === "boolean") return numberField(4, value ? 1 : 0);
  if (isMap(value)) return messageField(5, structMessage(value));
  return messageField(6, value.map((item) => messageField(1, valueMessage(item))).join(""));
}

const isMap = (
  value: readonly StructValue[] | ReadonlyMap<string, StructValue>,
): value is ReadonlyMap<string, StructValue> => value instanceof Map;
