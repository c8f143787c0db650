import { isList, isMapping, Literal, type Plain } from "./tree.ts";
import type { CelValue } from "./value.ts";

/** Values of a file by where they stand: `match.hosts`, `request.set.x-user`. A list is one value. */
export type Written = ReadonlyMap<string, string>;

/** One value that is other than it was; undefined: there was, or is, none. */
export interface FieldChange {
  readonly key: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
}

/** The values of a mapping, as the file writes them, below `prefix`. */
export function writtenOf(plain: Plain | undefined, prefix = ""): Written {
  const found = new Map<string, string>();
  const add = (value: Plain, key: string): void => {
    if (isMapping(value) && value.size > 0)
      for (const [name, inner] of value) add(inner, key === "" ? name : `${key}.${name}`);
    else found.set(key, isExpression(key) ? scalarText(value).trim() : scalarText(value));
  };
  const isNothing = isMapping(plain) && plain.size === 0 && prefix === "";
  if (plain !== undefined && !isNothing) add(plain, prefix);
  return found;
}

/** A block scalar ends in a line break, which means nothing to an expression. */
const isExpression = (key: string): boolean =>
  /(?:^|\.)(?:when|except|deny|require|allow|by|let\.[^.]+)$/.test(key);

/** A scalar as it is; anything else as one line of YAML. */
const scalarText = (plain: Plain): string => (typeof plain === "string" ? plain : flow(plain));

function flow(plain: Plain): string {
  if (typeof plain === "string")
    return /^[\w./*{}@+-][\w ./*{}@+-]*$/.test(plain) ? plain : JSON.stringify(plain);
  if (isList(plain)) return `[${plain.map(flow).join(", ")}]`;
  if (isMapping(plain))
    return `{${Array.from(plain, ([key, value]) => `${key}: ${flow(value)}`).join(", ")}}`;
  return plain instanceof Literal ? plain.text : "…";
}

/** The values of data, as expressions find them: `data.plans["gold"]`. Of a list each item is one value, wherever it stands. */
export function writtenData(value: CelValue, prefix: string): Written {
  if (isItems(value)) return new Map(value.map((item) => [`${prefix} ${celText(item)}`, "listed"]));
  const found = new Map<string, string>();
  const add = (one: CelValue, key: string): void => {
    const inner = isMap(one) ? one : NO_ENTRIES;
    for (const [name, each] of inner) add(each, `${key}[${JSON.stringify(name)}]`);
    if (inner.size === 0) found.set(key, celText(one));
  };
  add(value, prefix);
  return found;
}

const NO_ENTRIES: ReadonlyMap<string, CelValue> = new Map();

const isItems = (value: CelValue): value is readonly CelValue[] => Array.isArray(value);

const isMap = (value: CelValue): value is ReadonlyMap<string, CelValue> => value instanceof Map;

function celText(value: CelValue): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (isItems(value)) return `[${value.map(celText).join(", ")}]`;
  if (!isMap(value)) return value instanceof Date ? value.toISOString() : String(value);
  const entries = Array.from(value, ([key, one]) => `${JSON.stringify(key)}: ${celText(one)}`);
  return `{${entries.join(", ")}}`;
}

/** The values that differ, those of `before` first. */
export const fieldChanges = (before: Written, after: Written): readonly FieldChange[] =>
  [...new Set([...before.keys(), ...after.keys()])].flatMap((key) => {
    const [old, now] = [before.get(key), after.get(key)];
    return old === now ? [] : [{ key, before: old, after: now }];
  });
