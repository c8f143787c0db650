import type { EntryFacts } from "../attributes/entry-facts.ts";
import { readStruct, readValue } from "../std/struct.ts";
import { doubleField, lengthField, varintField, WireReader, type Range } from "../std/wire-reader.ts";

/** What Envoy wrote with an object that weir does not read. */
export const UNREADABLE = Symbol("unreadable");

const PREFIX = "type.googleapis.com/";

type ReadObject = (reader: WireReader, value: Range) => unknown;

/** By the name of the message; wrappers have their value in field 1 (wrappers.proto). */
const TYPES: ReadonlyMap<string, ReadObject> = new Map<string, ReadObject>([
  ["google.protobuf.Struct", readStruct],
  ["google.protobuf.Value", readValue],
  ["google.protobuf.StringValue", (reader, value) => reader.text(lengthIn(reader, value))],
  ["google.protobuf.BytesValue", (reader, value) => new Uint8Array(reader.bytes(lengthIn(reader, value)))],
  ["google.protobuf.BoolValue", (reader, value) => integerIn(reader, value) !== 0n],
  ["google.protobuf.Int64Value", (reader, value) => integerIn(reader, value)],
  ["google.protobuf.Int32Value", (reader, value) => integerIn(reader, value)],
  ["google.protobuf.UInt64Value", (reader, value) => BigInt.asUintN(64, integerIn(reader, value))],
  ["google.protobuf.UInt32Value", (reader, value) => BigInt.asUintN(32, integerIn(reader, value))],
  ["google.protobuf.DoubleValue", doubleIn],
  ["envoy.extensions.filters.http.grpc_stats.v3.FilterObject", grpcStats],
]);

/**
 * One object of the filter state, a google.protobuf.Any: type_url 1, value 2. `UNREADABLE` where its type is none of those above.
 * Throws MalformedMessage.
 */
export function readState(reader: WireReader, any: Range): unknown {
  let type = "";
  let value: Range = { start: any.end, end: any.end };
  const fields = reader.fields(any);
  while (fields.next()) {
    if (fields.tag === lengthField(1)) type = reader.text(fields);
    else if (fields.tag === lengthField(2)) value = fields.range();
  }
  const read = type.startsWith(PREFIX) ? TYPES.get(type.slice(PREFIX.length)) : undefined;
  return read === undefined ? UNREADABLE : read(reader, value);
}

/** One object of an entry's filter state; undefined where it is not there, or cannot be read. */
export function stateOf(entry: EntryFacts, name: string): unknown {
  const raw = entry.rawFilterState(name);
  if (raw === undefined) return entry.origin.via === "als" ? undefined : entry.filterState().get(name);
  const object = readStateText(raw);
  return object === UNREADABLE ? undefined : object;
}

/** The same of binary text, as `rawFilterState` has it. */
export function readStateText(binaryText: string): unknown {
  const reader = new WireReader(Buffer.from(binaryText, "latin1"));
  try {
    return readState(reader, reader.whole);
  } catch {
    return UNREADABLE;
  }
}

/**
 * The objects of a `map<string, google.protobuf.Any>` by name, without those that cannot be read. Istio's proxies up to 1.23 wrote peers
 * as bytes of a schema of their own under `wasm.…`: those are left out too.
 */
export function readFilterState(reader: WireReader, message: Range, entryTag: number): Map<string, unknown> {
  const objects = new Map<string, unknown>();
  const fields = reader.fields(message);
  while (fields.next() && objects.size < MAX_OBJECTS) {
    if (fields.tag !== entryTag) continue;
    const entry = reader.fields(fields);
    let name = "";
    let object: unknown = UNREADABLE;
    while (entry.next()) {
      if (entry.tag === lengthField(1)) name = reader.text(entry);
      else if (entry.tag === lengthField(2)) object = readState(reader, entry);
    }
    const isForeign = name.startsWith("wasm.") && object instanceof Uint8Array;
    if (object !== UNREADABLE && !isForeign) objects.set(name, object);
  }
  return objects;
}

const MAX_OBJECTS = 1_000;

/** One object by its name, as it came. */
export function rawState(
  reader: WireReader,
  message: Range,
  entryTag: number,
  name: string,
): string | undefined {
  const range = reader.mapValue(message, entryTag, name);
  return range && reader.binaryText(range);
}

function lengthIn(reader: WireReader, message: Range): Range {
  let found: Range = { start: message.end, end: message.end };
  const fields = reader.fields(message);
  while (fields.next()) if (fields.tag === lengthField(1)) found = fields.range();
  return found;
}

function integerIn(reader: WireReader, message: Range): bigint {
  let found = 0n;
  const fields = reader.fields(message);
  while (fields.next()) if (fields.tag === varintField(1)) found = fields.int64();
  return found;
}

function doubleIn(reader: WireReader, message: Range): number {
  let found = 0;
  const fields = reader.fields(message);
  while (fields.next()) if (fields.tag === doubleField(1)) found = reader.double(fields);
  return found;
}

/** FilterObject: request_message_count 1, response_message_count 2. */
function grpcStats(reader: WireReader, message: Range): Map<string, bigint> {
  const counts = new Map([
    ["request_message_count", 0n],
    ["response_message_count", 0n],
  ]);
  const fields = reader.fields(message);
  while (fields.next()) {
    if (fields.tag === varintField(1)) counts.set("request_message_count", fields.int64());
    else if (fields.tag === varintField(2)) counts.set("response_message_count", fields.int64());
  }
  return counts;
}
