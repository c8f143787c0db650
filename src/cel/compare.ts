import { Ip } from "../std/ip.ts";
import { entryOf, hasEntry, sizeOf, stepsOf } from "./access.ts";
import type { Meter } from "./meter.ts";
import { epochOf, nanosecondsOf } from "./time.ts";
import { Duration, isMap, Optional, UnsignedInt } from "./types.ts";

/**
 * CEL's equality: numbers by value whatever their type, lists and maps by their elements, addresses,
 * times and bytes by value; values of different types are unequal. Charges for what it reads.
 */
export function equal(meter: Meter, left: unknown, right: unknown): boolean {
  if (typeof left === "string") {
    if (typeof right !== "string" || left.length !== right.length) return false;
    if (left.length >= 64) meter.charge(left.length >> 6);
    return left === right;
  }
  if (typeof left !== "object" && typeof right !== "object") {
    // Only ints and doubles compare across types here, and JavaScript compares those exactly.
    return left === right || (isNumber(left) && isNumber(right) && compareLoosely(left, right));
  }
  return left === right || equalObjects(meter, left, right);
}

function equalObjects(meter: Meter, left: unknown, right: unknown): boolean {
  if (left instanceof UnsignedInt) return equalNumbers(left.valueOf(), right);
  if (right instanceof UnsignedInt) return equalNumbers(right.valueOf(), left);
  if (Array.isArray(left)) return Array.isArray(right) && equalLists(meter, left, right);
  if (left instanceof Uint8Array) return right instanceof Uint8Array && equalBytes(meter, left, right);
  if (isMap(left)) return isMap(right) && equalMaps(meter, left, right);
  if (left instanceof Optional) return right instanceof Optional && equalOptionals(meter, left, right);
  return equalScalars(left, right);
}

function equalScalars(left: unknown, right: unknown): boolean {
  if (left instanceof Ip) return right instanceof Ip && left.equals(right);
  if (left instanceof Date) return right instanceof Date && epochOf(left) === epochOf(right);
  if (!(left instanceof Duration && right instanceof Duration)) return false;
  return nanosecondsOf(left) === nanosecondsOf(right);
}

const isNumber = (value: unknown): value is number | bigint =>
  typeof value === "bigint" || typeof value === "number";

const compareLoosely = (left: number | bigint, right: number | bigint): boolean =>
  !(left < right) && left <= right;

function equalNumbers(left: bigint, right: unknown): boolean {
  if (right instanceof UnsignedInt) return left === right.valueOf();
  return isNumber(right) && compareLoosely(left, right);
}

function equalBytes(meter: Meter, left: Uint8Array, right: Uint8Array): boolean {
  meter.charge(left.length >> 6);
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}

function equalLists(meter: Meter, left: readonly unknown[], right: readonly unknown[]): boolean {
  if (left.length !== right.length) return false;
  meter.charge(1 + (left.length >> 3));
  return left.every((element, index) => equal(meter, element, right[index]));
}

function equalOptionals(meter: Meter, left: Optional, right: Optional): boolean {
  if (!left.hasValue() || !right.hasValue()) return left.hasValue() === right.hasValue();
  return equal(meter, left.value(), right.value());
}

type AnyMap = Map<unknown, unknown> | Record<string, unknown>;

function equalMaps(meter: Meter, left: AnyMap, right: AnyMap): boolean {
  if (sizeOf(left) !== sizeOf(right)) return false;
  meter.charge(1 + (sizeOf(left) >> 3));
  const keys = left instanceof Map ? [...left.keys()] : Object.keys(left);
  return keys.every((key) => hasEntry(right, key) && equal(meter, entryOf(left, key), entryOf(right, key)));
}

/** `element in list` and `key in map`. */
export function contains(meter: Meter, element: unknown, container: unknown): boolean {
  if (Array.isArray(container)) {
    meter.charge(container.length >> 3);
    for (const one of container) if (equal(meter, element, one)) return true;
    return false;
  }
  if (isMap(container)) return hasEntry(container, element);
  throw meter.fault("request");
}

/**
 * Negative, zero or positive, as the left value stands before, beside or after the right one; NaN where a
 * number is none. Throws when the two have no order. Charges for what it reads.
 */
export function order(meter: Meter, left: unknown, right: unknown): number {
  if (typeof left === "bigint" && typeof right === "bigint") return sign(left, right);
  if (isReal(left) && isReal(right)) return orderNumbers(left, right);
  if (typeof left === "string" && typeof right === "string") return orderTexts(meter, left, right);
  if (typeof left === "boolean" && typeof right === "boolean") return Number(left) - Number(right);
  if (left instanceof Date && right instanceof Date) return orderNumbers(epochOf(left), epochOf(right));
  if (left instanceof Duration && right instanceof Duration) {
    return orderNumbers(nanosecondsOf(left), nanosecondsOf(right));
  }
  if (left instanceof Uint8Array && right instanceof Uint8Array) {
    meter.charge(stepsOf(left));
    return Buffer.compare(left, right);
  }
  throw meter.fault("request");
}

const isReal = (value: unknown): value is number | bigint | UnsignedInt =>
  isNumber(value) || value instanceof UnsignedInt;

/** A double and an integer are ordered as doubles: CEL's conformance suite wants 2^63 - 1 not less than 2.0^63. */
function orderNumbers(left: number | bigint | UnsignedInt, right: number | bigint | UnsignedInt): number {
  const first = left.valueOf();
  const second = right.valueOf();
  if (typeof first === typeof second) return sign(first, second);
  return sign(Number(first), Number(second));
}

function sign(left: number | bigint, right: number | bigint): number {
  if (left < right) return -1;
  if (left > right) return 1;
  return left === right ? 0 : NaN;
}

/** By code points. JavaScript orders code units, which differs where a text has characters beyond the first 65,536. */
function orderTexts(meter: Meter, left: string, right: string): number {
  meter.charge(stepsOf(left));
  if (left === right) return 0;
  if (SURROGATE.test(left) || SURROGATE.test(right)) {
    return Buffer.compare(Buffer.from(left), Buffer.from(right));
  }
  return left < right ? -1 : 1;
}

const SURROGATE = /[\ud800-\udfff]/;
