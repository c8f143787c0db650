import { BROKEN, isList, isMapping, Literal, type Plain } from "./tree.ts";

/**
 * A value as expressions see it: whole numbers are bigints (CEL's int), other numbers doubles, mappings Maps, so that a
 * key named `__proto__` is a key like any other.
 */
export type CelValue =
  string | bigint | number | boolean | null | Date | readonly CelValue[] | ReadonlyMap<string, CelValue>;

/** The least and the most that CEL's int holds. */
const LEAST_INT = -(2n ** 63n);
const MOST_INT = 2n ** 63n - 1n;

/** A whole number as CEL's int; undefined when it is beyond that. */
export function intOf(digits: string): bigint | undefined {
  const value = /^-0[xo]/i.test(digits) ? undefined : BigInt(digits.replace(/^\+/, ""));
  return value === undefined || value < LEAST_INT || value > MOST_INT ? undefined : value;
}

/** Whether YAML wrote a whole number: `5`, `-5`, `0x1f`, `0o17`. */
export const isWhole = (text: string): boolean => /^([-+]?\d+|0x[\da-f]+|0o[0-7]+)$/i.test(text);

/** A scalar of YAML as expressions see it; undefined of a number that CEL cannot hold. */
export function scalarValue(plain: string | Literal): string | bigint | number | boolean | undefined {
  if (typeof plain === "string" || typeof plain.value === "boolean")
    return typeof plain === "string" ? plain : plain.value;
  if (isWhole(plain.text)) return intOf(plain.text);
  return Number.isFinite(plain.value) ? plain.value : undefined;
}

/** A value of YAML as expressions see it; undefined where a part of it is broken or beyond what CEL holds. */
export function celValueOf(plain: Plain): CelValue | undefined {
  if (plain === BROKEN) return undefined;
  if (typeof plain === "string" || plain instanceof Literal) return scalarValue(plain);
  if (isList(plain)) {
    const items = plain.map(celValueOf);
    return items.every((item) => item !== undefined) ? items : undefined;
  }
  if (!isMapping(plain)) return undefined;
  const entries = new Map<string, CelValue>();
  for (const [key, one] of plain) {
    const value = celValueOf(one);
    if (value === undefined) return undefined;
    entries.set(key, value);
  }
  return entries;
}

/** Whether a value, as JSON is read, is one that expressions hold. */
export function isCelValue(value: unknown): value is CelValue {
  if (value instanceof Map) return value.values().every(isCelValue);
  if (Array.isArray(value)) return value.every(isCelValue);
  return value === null || ["string", "bigint", "number", "boolean"].includes(typeof value);
}
