import { printScalar } from "./format.ts";

/**
 * A value as a text of JSON; undefined where a part of it has no such form. Whole numbers that a double does not hold, times and addresses
 * are texts, as in protobuf's JSON; bytes are base64.
 */
export function printJson(value: unknown): string | undefined {
  const plain = plainOf(value, 0);
  return plain === undefined ? undefined : JSON.stringify(plain);
}

const MAX_DEPTH = 32;

type Plain = string | number | boolean | null | readonly Plain[] | { readonly [name: string]: Plain };

function plainOf(value: unknown, depth: number): Plain | undefined {
  if (depth > MAX_DEPTH) return undefined;
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  if (typeof value === "bigint" && Number.isSafeInteger(Number(value))) return Number(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (Array.isArray(value)) return all(value.map((item) => plainOf(item, depth + 1)));
  if (value instanceof Map) return objectOf(value, depth);
  return printScalar(value);
}

function objectOf(map: ReadonlyMap<unknown, unknown>, depth: number): Plain | undefined {
  const entries: [string, Plain][] = [];
  for (const [key, item] of map) {
    const name = printScalar(key);
    const plain = plainOf(item, depth + 1);
    if (name === undefined || plain === undefined) return undefined;
    entries.push([name, plain]);
  }
  // A name such as __proto__ is one like any other here.
  return Object.fromEntries(entries);
}

const all = (items: readonly (Plain | undefined)[]): readonly Plain[] | undefined =>
  items.every((item) => item !== undefined) ? items : undefined;
