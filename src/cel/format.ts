/** Values as text: what `string()` writes, `%s` and the other verbs of format, and quoting. */
import { isUtf8 } from "node:buffer";
import { Ip } from "../std/ip.ts";
import { MAX_TEXT, type Meter } from "./meter.ts";
import { printDuration, printTimestamp } from "./time.ts";
import { Duration, isMap, isType, Optional, UnsignedInt } from "./types.ts";

/** A scalar as CEL's `string()` writes it; undefined for lists, maps, null and messages. */
export function printScalar(value: unknown): string | undefined {
  switch (typeof value) {
    case "string":
      return value;
    case "bigint":
    case "boolean":
      return String(value);
    case "number":
      return printDouble(value);
    default:
      return printObject(value);
  }
}

function printObject(value: unknown): string | undefined {
  if (value instanceof UnsignedInt || value instanceof Ip) return value.toString();
  if (value instanceof Date) return printTimestamp(value);
  if (value instanceof Duration) return printDuration(value);
  if (value instanceof Uint8Array) return isUtf8(value) ? Buffer.from(value).toString("utf8") : undefined;
  return undefined;
}

function printDouble(value: number): string {
  if (Object.is(value, -0)) return "-0";
  if (Number.isFinite(value) || Number.isNaN(value)) return String(value);
  return value > 0 ? "+Inf" : "-Inf";
}

/** A type by its name. */
export const printType = (type: unknown): string | undefined =>
  isType(type) ? type.name.replace(/^null$/, "null_type") : undefined;

/** Fills a list of values into a text, as CEL's strings extension says. `%%` is a percent sign. */
export function format(meter: Meter, text: string, values: readonly unknown[]): string {
  let result = "";
  let used = 0;
  let from = 0;
  for (const verb of text.matchAll(/%(?:\.(\d{1,2}))?(.?)/gsu)) {
    const [whole, precision, letter = ""] = verb;
    const filled = whole === "%%" ? "%" : fill(meter, letter, values[used++], precision);
    result += text.slice(from, verb.index) + filled;
    from = verb.index + whole.length;
    if (result.length > MAX_TEXT) meter.exhaust();
  }
  result += text.slice(from);
  if (result.length > MAX_TEXT) meter.exhaust();
  if (used !== values.length) throw meter.fault("request");
  meter.charge(result.length >> 6);
  return result;
}

function fill(meter: Meter, letter: string, value: unknown, precision: string | undefined): string {
  const digits = precision === undefined ? 6 : Number(precision);
  switch (letter) {
    case "s":
      return print(meter, value, 0);
    case "d":
      return isInteger(value) || typeof value === "number" ? print(meter, value, 0) : refuse(meter);
    case "b":
      return typeof value === "boolean" ? (value ? "1" : "0") : inBase(meter, value, 2);
    case "o":
      return inBase(meter, value, 8);
    case "x":
      return hexadecimal(meter, value);
    case "X":
      return hexadecimal(meter, value).toUpperCase();
    case "f":
      return real(meter, value, (number) => fixed(number, digits));
    case "e":
      return real(meter, value, (number) => exponential(number, digits));
    default:
      return refuse(meter);
  }
}

function refuse(meter: Meter): never {
  throw meter.fault("request");
}

const isInteger = (value: unknown): value is bigint | UnsignedInt =>
  typeof value === "bigint" || value instanceof UnsignedInt;

const inBase = (meter: Meter, value: unknown, base: number): string =>
  isInteger(value) ? value.valueOf().toString(base) : refuse(meter);

function hexadecimal(meter: Meter, value: unknown): string {
  if (typeof value === "string") return Buffer.from(value, "utf8").toString("hex");
  return value instanceof Uint8Array ? Buffer.from(value).toString("hex") : inBase(meter, value, 16);
}

function real(meter: Meter, value: unknown, print: (number: number) => string): string {
  const number = isInteger(value) ? Number(value.valueOf()) : value;
  if (typeof number !== "number") return refuse(meter);
  if (!Number.isFinite(number)) return String(number);
  return Object.is(number, -0) ? `-${print(0)}` : print(number);
}

/** `toFixed` writes numbers from 10^21 on with an exponent; those are whole. */
function fixed(number: number, digits: number): string {
  if (Math.abs(number) >= 1e21) return `${BigInt(number)}${digits === 0 ? "" : `.${"0".repeat(digits)}`}`;
  return rounded(digits, (kept) => number.toFixed(kept));
}

function exponential(number: number, digits: number): string {
  return rounded(digits, (kept) => number.toExponential(kept)).replace(/([-+])(\d)$/, "$10$2");
}

/** Half of the last digit is rounded to the even one; JavaScript, which writes up to 100 digits, rounds it up. */
function rounded(digits: number, write: (digits: number) => string): string {
  const [mantissa = "", exponent = ""] = write(100).split(/(?=e)/);
  const end = mantissa.length - 100 + digits;
  const kept = mantissa.slice(0, end).replace(/\.$/, "");
  const isHalf = /^50*$/.test(mantissa.slice(end));
  return isHalf && /[02468]$/.test(kept) ? kept + exponent : write(digits);
}

/** What `%s` writes: scalars as `string()` does, lists and maps with their elements. */
function print(meter: Meter, value: unknown, depth: number): string {
  meter.charge(1);
  // What is infinite is `+Inf` for string() and `Infinity` here, as CEL's extension has it.
  const isInfinite = typeof value === "number" && Math.abs(value) === Infinity;
  const scalar = isInfinite ? String(value) : (printScalar(value) ?? printType(value));
  if (scalar !== undefined) return scalar;
  if (value === null) return "null";
  if (depth > 8) return refuse(meter);
  if (Array.isArray(value)) return `[${printAll(meter, value, depth).join(", ")}]`;
  if (value instanceof Optional || !isMap(value)) return refuse(meter);
  const entries: readonly [unknown, unknown][] = value instanceof Map ? [...value] : Object.entries(value);
  const lines = entries.map((entry) => printAll(meter, entry, depth).join(": "));
  return `{${lines.sort().join(", ")}}`;
}

function printAll(meter: Meter, values: readonly unknown[], depth: number): readonly string[] {
  let length = 0;
  return values.map((value) => {
    const text = print(meter, value, depth + 1);
    if ((length += text.length) > MAX_TEXT) meter.exhaust();
    return text;
  });
}

const ESCAPES = new Map([
  ["\x07", "\\a"],
  ["\b", "\\b"],
  ["\f", "\\f"],
  ["\n", "\\n"],
  ["\r", "\\r"],
  ["\t", "\\t"],
  ["\v", "\\v"],
  ["\\", "\\\\"],
  ['"', '\\"'],
]);

/** The text in double quotes, so that CEL reads it back as the same text. */
export function quote(meter: Meter, text: string): string {
  const result = Array.from(text, (character) => ESCAPES.get(character) ?? character).join("");
  if (result.length + 2 > MAX_TEXT) meter.exhaust();
  return `"${result}"`;
}
