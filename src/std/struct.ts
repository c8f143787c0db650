import { doubleField, lengthField, varintField, type Range, type WireReader } from "./wire-reader.ts";

/** Values nest no deeper than this; what is deeper is null. */
const MAX_DEPTH = 32;

/**
 * A google.protobuf.Struct (struct.proto) as Maps, arrays, strings, numbers, booleans and null, so that a
 * key named `__proto__` is a key like any other.
 */
export function readStruct(reader: WireReader, range: Range, depth = 0): Map<string, unknown> {
  const fields = new Map<string, unknown>();
  reader.each(range, (tag) => {
    if (tag !== lengthField(1)) return false;
    readField(reader, reader.message(), fields, depth);
    return true;
  });
  return fields;
}

function readField(reader: WireReader, entry: Range, into: Map<string, unknown>, depth: number): void {
  let key = "";
  let value: unknown = null;
  reader.each(entry, (tag) => {
    if (tag === lengthField(1)) key = reader.string();
    else if (tag === lengthField(2)) value = readValue(reader, reader.message(), depth + 1);
    else return false;
    return true;
  });
  into.set(key, value);
}

/** Value: null 1, number 2, string 3, bool 4, struct 5, list 6. */
function readValue(reader: WireReader, range: Range, depth: number): unknown {
  let value: unknown = null;
  reader.each(range, (tag) => {
    if (tag === doubleField(2)) value = reader.double();
    else if (tag === lengthField(3)) value = reader.string();
    else if (tag === varintField(4)) value = reader.varint() !== 0;
    else if (depth < MAX_DEPTH && tag === lengthField(5)) value = readStruct(reader, reader.message(), depth);
    else if (depth < MAX_DEPTH && tag === lengthField(6)) value = readList(reader, reader.message(), depth);
    else return false;
    return true;
  });
  return value;
}

function readList(reader: WireReader, range: Range, depth: number): unknown[] {
  const values: unknown[] = [];
  reader.each(range, (tag) => {
    if (tag !== lengthField(1)) return false;
    values.push(readValue(reader, reader.message(), depth + 1));
    return true;
  });
  return values;
}
