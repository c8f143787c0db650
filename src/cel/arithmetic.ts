/** `+`, `-` and negation, where the engine's own are not CEL's or grow without bound. */
import { MAX_ELEMENTS, MAX_TEXT, type Meter } from "./meter.ts";
import { durationOf, epochOf, nanosecondsOf, timestampOf } from "./time.ts";
import { Duration } from "./types.ts";

export const MAX_INT = 2n ** 63n - 1n;
const MIN_INT = -(2n ** 63n);

/** Passes an int through, or records the overflow. */
export function inInt64(meter: Meter, value: bigint): bigint {
  if (value > MAX_INT || value < MIN_INT) throw meter.fault("request");
  return value;
}

/** The sum, or undefined where the engine's own addition does it. */
export function add(meter: Meter, left: unknown, right: unknown): unknown {
  if (typeof left === "bigint" && typeof right === "bigint") return inInt64(meter, left + right);
  if (typeof left === "string" && typeof right === "string") return concatenate(meter, left, right);
  if (Array.isArray(left) && Array.isArray(right)) {
    if (left.length + right.length > MAX_ELEMENTS) meter.exhaust();
    meter.charge((left.length + right.length) >> 3);
    return [...(left as readonly unknown[]), ...(right as readonly unknown[])];
  }
  if (left instanceof Uint8Array && right instanceof Uint8Array) {
    if (left.length + right.length > MAX_TEXT) meter.exhaust();
    meter.charge((left.length + right.length) >> 6);
    return Buffer.concat([left, right]);
  }
  return addTimes(meter, left, right);
}

function addTimes(meter: Meter, left: unknown, right: unknown): unknown {
  if (left instanceof Duration && right instanceof Duration) {
    return durationOf(meter, nanosecondsOf(left) + nanosecondsOf(right));
  }
  if (left instanceof Date && right instanceof Duration) return moved(meter, left, nanosecondsOf(right));
  if (left instanceof Duration && right instanceof Date) return moved(meter, right, nanosecondsOf(left));
  return undefined;
}

/** The difference, or undefined where the engine's own subtraction does it. */
export function subtract(meter: Meter, left: unknown, right: unknown): unknown {
  if (typeof left === "bigint" && typeof right === "bigint") return inInt64(meter, left - right);
  if (left instanceof Duration && right instanceof Duration) {
    return durationOf(meter, nanosecondsOf(left) - nanosecondsOf(right));
  }
  if (left instanceof Date && right instanceof Duration) return moved(meter, left, -nanosecondsOf(right));
  if (left instanceof Date && right instanceof Date) {
    return durationOf(meter, epochOf(left) - epochOf(right));
  }
  return undefined;
}

/** Two texts as one, within the bound. */
export function concatenate(meter: Meter, left: string, right: string): string {
  const length = left.length + right.length;
  if (length > MAX_TEXT) meter.exhaust();
  if (length >= 64) meter.charge(length >> 6);
  return left + right;
}

function moved(meter: Meter, timestamp: Date, nanoseconds: bigint): Date {
  return timestampOf(meter, epochOf(timestamp) + nanoseconds);
}
