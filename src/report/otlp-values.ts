import type { AddressFacts } from "../attributes/entry-facts.ts";
import { readJson } from "../std/json.ts";
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

/** Bounds of a value that is JSON: what a namespace of metadata or an object of the filter state has. */
const JSON_LIMITS = { maxBytes: 65_536, maxDepth: 32, maxValues: 5_000 };

/** What Envoy's formats yield where there is nothing. A header whose value is this is therefore none. */
const NOTHING = "-";

/** A scalar as text; empty where there is none. */
export function textOf(value: unknown): string {
  if (typeof value === "string") return value === NOTHING ? "" : value;
  return typeof value === "number" || typeof value === "boolean" ? String(value) : "";
}

/** Undefined of what is no number of at least 0. */
export const numberOf = (text: string): number | undefined =>
  /^\d{1,15}$/.test(text) ? Number(text) : undefined;

/** Names in a certificate, which Envoy parts by commas. */
export const listOf = (text: string): readonly string[] => (text === "" ? [] : text.split(","));

/** `192.0.2.1:80`, `[2001:db8::1]:80`, the path of a pipe, the name of an internal listener. */
export function readAddressText(text: string): AddressFacts | undefined {
  if (text === "") return undefined;
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? [];
  const address = bracketed ?? plain;
  return address === undefined ? { address: text, port: undefined } : { address, port: Number(port) };
}

/** FilterObject as JSON, whose uint64 are texts, in the form in which Envoy's own stream brings it. */
export function messageCounts(counts: ReadonlyMap<unknown, unknown>): Map<string, bigint> {
  const count = (name: string): bigint => {
    const digits = counts.get(name);
    return typeof digits === "string" && /^\d{1,18}$/.test(digits) ? BigInt(digits) : 0n;
  };
  return new Map([
    ["request_message_count", count("requestMessageCount")],
    ["response_message_count", count("responseMessageCount")],
  ]);
}

/** A value that came as JSON, or as lists and maps of OpenTelemetry's; undefined of anything else. */
export function structureOf(value: unknown): unknown {
  if (value instanceof Map || Array.isArray(value)) return value;
  if (typeof value !== "string" || value === NOTHING) return undefined;
  const read = readJson(Buffer.from(value), JSON_LIMITS);
  return read.kind === "value" ? read.value : undefined;
}
