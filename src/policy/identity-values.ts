import { Unknown } from "../cel/expression.ts";
import type { ClaimType, WrittenClaim, WrittenClaims } from "./identity-claims.ts";
import type { RecordType } from "./records.ts";

/**
 * The typed value of verified facts: each declared claim under its name, and all of them as `raw`.
 * A claim of another type than declared has no value, as one that is missing; only a missing one has its `else`.
 */
export const claimsReader =
  (claims: WrittenClaims, type: RecordType) =>
  (facts: ReadonlyMap<string, unknown>): object => {
    const values: [string, unknown][] = [["raw", facts]];
    for (const [name, claim] of claims) {
      const value = claimOf(claim, facts);
      if (value !== undefined) values.push([name, value]);
    }
    return type.construct(values);
  };

/**
 * The value that a test describes by the names of its fields. What is not of the field's type is missing, as it would be
 * in a token; whole numbers are ints where the field is one.
 */
export const fieldsReader =
  (type: RecordType, claims: WrittenClaims = new Map()) =>
  (fields: ReadonlyMap<string, unknown>): object => {
    const values: [string, unknown][] = Object.entries(type.fields).flatMap(([name, fieldType]) => {
      const given = fields.get(name) ?? (name === "raw" ? fields : undefined);
      const value = given === undefined ? claims.get(name)?.else : readGiven(fieldType, given);
      return value === undefined ? [] : [[name, value]];
    });
    return type.construct(values);
  };

/** What is UNKNOWN stays so. */
const readGiven = (type: string, given: unknown): unknown =>
  given instanceof Unknown ? given : (READERS[type] ?? same)(given);

/** A plain value as one of a type; undefined when it is none. */
export const typedValue = (type: string | undefined, value: unknown): unknown =>
  (READERS[type ?? "dyn"] ?? same)(value);

const same: Reader = (value) => value;

function claimOf(
  { path, type, else: otherwise }: WrittenClaim,
  facts: ReadonlyMap<string, unknown>,
): unknown {
  let found: unknown = facts;
  for (const key of path) found = found instanceof Map ? found.get(key) : undefined;
  if (found === undefined || found === null) return otherwise;
  // RFC 8693 section 4.2: the scopes are one text with spaces between them.
  if (path.length === 1 && path[0] === "scope" && typeof found === "string")
    return found.split(" ").filter((word) => word !== "");
  return READERS[type](found);
}

/** Reads one value of JSON, or one that is of the type already; undefined when it is neither. */
type Reader = (value: unknown) => unknown;

const READERS: Readonly<Partial<Record<string, Reader>>> & Readonly<Record<ClaimType, Reader>> = {
  string: textOf,
  bool: (value) => (typeof value === "boolean" ? value : undefined),
  double: (value) => (typeof value === "number" ? value : undefined),
  int: intOf,
  timestamp: momentOf,
  "list(string)": (value) => listOf(typeof value === "string" ? [value] : value, textOf),
  "list(int)": (value) => listOf(value, intOf),
  "map(string, dyn)": (value) => (value instanceof Map ? value : undefined),
  dyn: (value) => value,
};

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function intOf(value: unknown): bigint | undefined {
  if (typeof value === "bigint") return value;
  return typeof value === "number" && Number.isSafeInteger(value) ? BigInt(value) : undefined;
}

/** A NumericDate (RFC 7519 section 2), or a text of RFC 3339. */
function momentOf(value: unknown): Date | undefined {
  if (value instanceof Date) return value;
  const ms = typeof value === "number" ? value * 1_000 : typeof value === "string" ? rfc3339(value) : NaN;
  return Math.abs(ms) <= MAX_MOMENT_MS ? new Date(ms) : undefined;
}

/** The end of the year 9999, beyond which CEL has no timestamps. */
const MAX_MOMENT_MS = 253_402_300_799_999;

const rfc3339 = (text: string): number =>
  /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(text) ? Date.parse(text) : NaN;

function listOf(value: unknown, read: Reader): readonly unknown[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const items = value.map((item: unknown) => read(item));
  return items.every((item) => item !== undefined) ? items : undefined;
}
