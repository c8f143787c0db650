import type { AnyValue, Attributes, HrTime } from "@opentelemetry/api";
import { resourceFromAttributes } from "@opentelemetry/resources";
import type { FieldValue } from "../../src/adapter/report.ts";

/** Who says it; one object, by which records are put together. */
export const SCOPE = { name: "weir" };

export type Resource = ReturnType<typeof resourceFromAttributes>;

export const resourceOf = (attributes: ReadonlyMap<string, string>): Resource =>
  resourceFromAttributes(Object.fromEntries(attributes));

/** Milliseconds of the epoch, with fractions, as seconds and nanoseconds. */
export function timeOf(ms: number): HrTime {
  const seconds = Math.floor(ms / 1_000);
  return [seconds, Math.round((ms - seconds * 1_000) * 1_000_000)];
}

/** What is no time, or before 1970, is none. */
export const isTime = (ms: number | undefined): ms is number => ms !== undefined && ms > 0 && ms < 8.64e15;

const MAX_TEXT_LENGTH = 16_384;

/** Values as attributes; objects become maps, texts that are very long are cut. */
export function attributesOf(...maps: readonly ReadonlyMap<string, FieldValue>[]): Attributes {
  const attributes: Attributes = {};
  for (const [name, value] of maps.flatMap((map) => [...map])) {
    // A plain assignment of this one name would change what kind of object it is.
    if (name !== "__proto__") attributes[name] = valueOf(value);
  }
  return attributes;
}

function valueOf(value: FieldValue): AnyValue {
  if (typeof value === "string")
    return value.length > MAX_TEXT_LENGTH ? `${value.slice(0, MAX_TEXT_LENGTH)}…` : value;
  if (typeof value !== "object" || value === null) return value;
  if (isList(value)) return value.map(valueOf);
  const entries = Object.entries(value).map(([name, one]): [string, AnyValue] => [name, valueOf(one)]);
  return Object.fromEntries(entries);
}

const isList = (value: object): value is readonly FieldValue[] => Array.isArray(value);

/** 32 hex digits of an id of 16 or 32. */
export const wholeTraceId = (traceId: string): string => traceId.padStart(32, "0");
