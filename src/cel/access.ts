/** How a field or an element of a value is had. Undefined says that there is none. */
import type { Meter } from "./meter.ts";
import type { Evaluator } from "./node.ts";
import { classOf, isMap, Optional, UnsignedInt } from "./types.ts";

/**
 * The element of a list, map or message under `key`, or undefined where it has none.
 * Throws when the value has no elements at all, and what a getter throws.
 */
export function elementOf(meter: Meter, evaluator: Evaluator, value: unknown, key: unknown): unknown {
  if (Array.isArray(value)) return elementAt(value, mapKey(key));
  if (typeof value !== "object" || value === null) throw meter.fault("request");
  if (isMap(value)) return entryOf(value, key);
  if (value instanceof Optional)
    return value.hasValue() ? elementOf(meter, evaluator, value.value(), key) : undefined;
  const fields = evaluator.objectTypesByConstructor.get(classOf(value))?.fields;
  if (typeof key !== "string" || fields === undefined) throw meter.fault("request");
  return key in fields ? fieldOf(value, key) : undefined;
}

const elementAt = (list: readonly unknown[], index: unknown): unknown =>
  typeof index === "bigint" ? list[Number(index)] : undefined;

/** The field of a message that is known to declare it. */
export function fieldOf(message: object, name: string): unknown {
  return message instanceof Map ? message.get(name) : (message as Readonly<Record<string, unknown>>)[name];
}

/** The entry of a map. */
export function entryOf(map: Map<unknown, unknown> | Record<string, unknown>, key: unknown): unknown {
  const name = typeof key === "string" ? key : mapKey(key);
  if (map instanceof Map) {
    const found = map.get(name);
    return found === undefined && typeof name === "bigint" ? map.get(unsignedKey(map, name)) : found;
  }
  return typeof name === "string" && Object.hasOwn(map, name) ? map[name] : undefined;
}

/** Whether a map has the key. */
export function hasEntry(map: Map<unknown, unknown> | Record<string, unknown>, key: unknown): boolean {
  const name = mapKey(key);
  if (map instanceof Map) return map.has(name) || unsignedKey(map, name) !== undefined;
  return typeof name === "string" && Object.hasOwn(map, name);
}

/** The uint among a map's keys that is as great as an int. Only maps that an expression makes have such keys. */
function unsignedKey(map: Map<unknown, unknown>, name: unknown): unknown {
  if (typeof name !== "bigint") return undefined;
  for (const key of map.keys()) if (key instanceof UnsignedInt && key.valueOf() === name) return key;
  return undefined;
}

/** The key to look for: a uint or a whole double finds the int of the same value, as CEL compares them. */
export function mapKey(key: unknown): unknown {
  if (key instanceof UnsignedInt) return key.valueOf();
  return typeof key === "number" && Number.isSafeInteger(key) ? BigInt(key) : key;
}

/** Index and element of a list, key and value of a map; undefined of anything else. */
export function entriesOf(value: unknown): Iterable<readonly [unknown, unknown]> | undefined {
  if (Array.isArray(value)) return indexed(value);
  if (!isMap(value)) return undefined;
  return value instanceof Map ? value : Object.entries(value);
}

function* indexed(list: readonly unknown[]): Generator<readonly [bigint, unknown]> {
  for (const [index, element] of list.entries()) yield [BigInt(index), element];
}

/** How many elements a value has, 0 where it has none. */
export function sizeOf(value: unknown): number {
  if (typeof value === "string" || Array.isArray(value)) return value.length;
  if (typeof value !== "object" || value === null) return 0;
  if (value instanceof Map) return value.size;
  if (value instanceof Uint8Array) return value.length;
  return isMap(value) ? Object.keys(value).length : 0;
}

/** The steps that reading a whole value stands for: 64 code units or bytes each, or 8 elements. */
export function stepsOf(value: unknown): number {
  switch (typeof value) {
    case "string":
      return value.length >> 6;
    case "object":
      if (value === null) return 0;
      return value instanceof Uint8Array ? value.length >> 6 : sizeOf(value) >> 3;
    default:
      return 0;
  }
}
