import { lengthField, varintField, WireReader, type Range } from "../std/wire-reader.ts";
import type { Unit } from "../policy/domain-file-limit.ts";
import type { Asked, AskedDescriptor, AskedLimit, Entry } from "./asked.ts";

/** What a request asks, or why it cannot be answered: for whoever sent it. */
export type Reading = { readonly kind: "asked"; readonly asked: Asked } | BadRequest;

export interface BadRequest {
  readonly kind: "bad";
  readonly reason: string;
}

/** Far above what Envoy sends: how long values are lies with callers, and what is refused here is decided by Envoy's failure mode. */
const MAX_REQUEST_BYTES = 4 * 1024 * 1024;
const MAX_DESCRIPTORS = 256;
const MAX_ENTRIES = 64;
/** What the field of the request holds; a descriptor's own could hold more. */
const MAX_HITS = 2 ** 32 - 1;
const MAX_LIMIT = 2 ** 32 - 1;
const MAX_MULTIPLIER = 1_000;

/**
 * A RateLimitRequest (envoy.service.ratelimit.v3; field numbers of rls.proto): domain 1, descriptors 2, hits_addend 3. A field
 * that comes twice counts as its last. Throws MalformedMessage.
 */
export function readRequest(bytes: Buffer): Reading {
  if (bytes.length > MAX_REQUEST_BYTES) return bad(`the request is larger than ${MAX_REQUEST_BYTES} bytes`);
  const reader = new WireReader(bytes);
  const fields = reader.fields(reader.whole);
  const ranges: Range[] = [];
  let domain = "";
  let hitsAddend = 0;
  while (fields.next()) {
    if (fields.tag === lengthField(1)) domain = reader.text(fields);
    else if (fields.tag === lengthField(2)) ranges.push(fields.range());
    else if (fields.tag === varintField(3)) hitsAddend = fields.number;
  }
  if (domain === "") return bad("the domain is empty");
  if (ranges.length === 0) return bad("there are no descriptors");
  if (ranges.length > MAX_DESCRIPTORS) return bad(`there are more than ${MAX_DESCRIPTORS} descriptors`);
  if (hitsAddend > MAX_HITS) return bad(`hits_addend is more than ${MAX_HITS}`);
  const descriptors: AskedDescriptor[] = [];
  for (const [index, range] of ranges.entries()) {
    const found = readDescriptor(reader, range, hitsAddend);
    if (typeof found === "string") return bad(`descriptor ${index}: ${found}`);
    descriptors.push(found);
  }
  return { kind: "asked", asked: { domain, descriptors, hitsAddend } };
}

const bad = (reason: string): BadRequest => ({ kind: "bad", reason });

/**
 * RateLimitDescriptor: entries 1 (none where Envoy skipped all of them, as with `skip_if_absent`), limit 2, hits_addend 3 (UInt64Value: value 1), is_negative_hits 4. A text says what is wrong
 * with it.
 */
function readDescriptor(reader: WireReader, range: Range, hitsAddend: number): AskedDescriptor | string {
  const entries: Entry[] = [];
  let limit: AskedLimit | string | undefined;
  let ownHits: number | undefined;
  let direction: AskedDescriptor["direction"] = "charge";
  const fields = reader.fields(range);
  while (fields.next()) {
    if (fields.tag === lengthField(1)) entries.push(readEntry(reader, fields.range()));
    else if (fields.tag === lengthField(2)) limit = readLimit(reader, fields.range());
    else if (fields.tag === lengthField(3)) ownHits = readWrapped(reader, fields.range());
    else if (fields.tag === varintField(4)) direction = fields.number === 0 ? "charge" : "refund";
  }
  if (entries.length > MAX_ENTRIES) return `it has more than ${MAX_ENTRIES} entries`;
  if (ownHits !== undefined && ownHits > MAX_HITS) return `hits_addend is more than ${MAX_HITS}`;
  if (typeof limit === "string") return limit;
  return { entries, limit, ownHits, direction, hits: ownHits ?? Math.max(1, hitsAddend) };
}

/** Entry: key 1, value 2. */
function readEntry(reader: WireReader, range: Range): Entry {
  let key = "";
  let value = "";
  const fields = reader.fields(range);
  while (fields.next()) {
    if (fields.tag === lengthField(1)) key = reader.text(fields);
    else if (fields.tag === lengthField(2)) value = reader.text(fields);
  }
  return { key, value };
}

/** The value of a wrapped number: value 1. */
function readWrapped(reader: WireReader, range: Range): number {
  let value = 0;
  const fields = reader.fields(range);
  while (fields.next()) if (fields.tag === varintField(1)) value = fields.number;
  return value;
}

/** RateLimitOverride: requests_per_unit 1, unit 2 (envoy.type.v3.RateLimitUnit), unit_multiplier 3 (UInt32Value). */
function readLimit(reader: WireReader, range: Range): AskedLimit | string {
  let requestsPerUnit = 0;
  let number = 0;
  let multiplier = 1;
  const fields = reader.fields(range);
  while (fields.next()) {
    if (fields.tag === varintField(1)) requestsPerUnit = fields.number;
    else if (fields.tag === varintField(2)) number = fields.number;
    else if (fields.tag === lengthField(3)) multiplier = readWrapped(reader, fields.range());
  }
  const unit = UNITS.get(number);
  if (unit === undefined) return `the unit ${number} of its limit is not known`;
  if (requestsPerUnit > MAX_LIMIT) return `its limit is more than ${MAX_LIMIT}`;
  if (multiplier < 1 || multiplier > MAX_MULTIPLIER)
    return `the multiplier of its limit is not from 1 to ${MAX_MULTIPLIER}`;
  return { requestsPerUnit, unit, multiplier };
}

/** The numbers of units in requests and answers; only answers have the week yet. */
const UNITS: ReadonlyMap<number, Unit> = new Map([
  [1, "second"],
  [2, "minute"],
  [3, "hour"],
  [4, "day"],
  [5, "month"],
  [6, "year"],
  [7, "week"],
]);
