import { z } from "zod";
import { anyText, expected, field, type Read } from "./fields.ts";
import { formed, SCALAR, told } from "./forms.ts";
import { BROKEN, isMapping, Literal } from "./tree.ts";

const isArray = (value: unknown): value is readonly unknown[] => Array.isArray(value);

/** A list that is not empty; `what` its items are is for messages. */
export function list<T>(item: z.ZodType<T>, what: string, most = 1000) {
  const described = told({ minItems: 1, maxItems: most, description: `a list of ${what}` }, z.array(item));
  const read = field({}, (value): Read<unknown[]> => {
    if (!isArray(value) || value.length === 0) return expected(`a list of ${what}`, "list");
    if (value.length <= most) return { value: [...value] };
    const message = `${value.length} are too many: at most ${most}`;
    return { reason: { kind: "refused", code: "wrong-value", message, at: "key" } };
  });
  return formed({ kind: "either", of: [described] }, read.pipe(described));
}

/** A mapping with the keys of `shape` and no others. */
export function mapping<S extends z.ZodRawShape>(shape: S) {
  const object = z.strictObject(shape, {
    error: ({ code }) => (code === "unrecognized_keys" ? keysOf(shape) : undefined),
  });
  const read = field({}, (value): Read<Readonly<Record<string, unknown>>> => {
    if (!isMapping(value)) return expected("a mapping", "mapping");
    // Without a prototype, so that a key named __proto__ is a key that is not known.
    return { value: withoutPrototype(value) };
  });
  return formed({ kind: "either", of: [object] }, read.pipe(object));
}

function withoutPrototype(entries: ReadonlyMap<string, unknown>): Readonly<Record<string, unknown>> {
  const object: Readonly<Record<string, unknown>> = Object.fromEntries(entries);
  Object.setPrototypeOf(object, null);
  return object;
}

/** The keys that a mapping takes, as the message of the issue that knows the others. */
const keysOf = (shape: z.ZodRawShape): string => Object.keys(shape).join(" ");

/** A mapping from names that the file chooses. */
export function entries<T>(value: z.ZodType<T>, key: z.ZodType<string> = anyText()) {
  const read = field({}, (found): Read<Map<unknown, unknown>> =>
    isMapping(found) ? { value: new Map(found) } : expected("a mapping", "mapping"),
  );
  return formed({ kind: "entries", key, value }, read.pipe(z.map(key, value)));
}

/** A value as a test writes it: whole numbers, texts, lists and mappings of such. */
export type PlainValue = string | number | boolean | readonly PlainValue[] | ReadonlyMap<string, PlainValue>;

/** Any value. */
export const plainValue = () =>
  field({ type: [...SCALAR, "array", "object"] }, (value): Read<PlainValue> => {
    const plain = plainOf(value);
    return plain === undefined ? expected("a value", "text") : { value: plain };
  });

function plainOf(value: unknown): PlainValue | undefined {
  // What is broken has its diagnostic already.
  if (value === BROKEN) return "";
  if (typeof value === "string") return value;
  if (value instanceof Literal) return value.value;
  if (isArray(value)) {
    const items = value.map((item) => plainOf(item));
    return items.every((item) => item !== undefined) ? items : undefined;
  }
  if (!isMapping(value)) return undefined;
  const inner = new Map<string, PlainValue>();
  for (const [key, one] of value) {
    const plain = plainOf(one);
    if (plain === undefined) return undefined;
    inner.set(key, plain);
  }
  return inner;
}
