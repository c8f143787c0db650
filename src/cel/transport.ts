/**
 * Values as they travel in a google.protobuf.Struct, which knows texts, doubles, booleans, lists and maps only. The type of each is known at
 * both ends; where it is `dyn`, what a Struct does not know is a text that says what it is: `=int:5`.
 */
import { Ip } from "../std/ip.ts";
import type { StructValue } from "../std/struct.ts";
import type { TypeName } from "./expression.ts";
import { Meter } from "./meter.ts";
import { parseDuration, parseTimestamp, printDuration, printTimestamp } from "./time.ts";
import { Duration, UnsignedInt } from "./types.ts";

/** Values nest no deeper; a Struct that is read is cut at twice as much. */
const MAX_DEPTH = 16;

/** A value for the way; undefined where it is not of the type, or of none that travels. */
export const packed = (value: unknown, type: TypeName): StructValue | undefined => pack(value, type, 0);

/** The value that was packed; undefined where what came is none of the type. */
export function unpacked(value: unknown, type: TypeName): unknown {
  try {
    return unpack(value, type);
  } catch {
    // What is read was sent by whoever speaks to Envoy as weir does: it may be anything.
    return undefined;
  }
}

/** Whether values of a type travel at all: objects with fields do not, nor do what is optional and types themselves. */
export function isPackable(type: TypeName): boolean {
  const parts = partsOf(type);
  if (parts === undefined) return type === "dyn" || Object.hasOwn(SCALARS, type);
  return (parts.key === undefined || Object.hasOwn(KEYS, parts.key)) && isPackable(parts.element);
}

interface Scalar {
  readonly pack: (value: unknown) => StructValue | undefined;
  readonly unpack: (value: unknown) => unknown;
}

const same = (type: "string" | "boolean" | "number"): Scalar => ({
  pack: (value) => (typeof value === type ? (value as string | boolean | number) : undefined),
  unpack: (value) => (typeof value === type ? value : undefined),
});

/** What travels as text. */
const text = (print: (value: unknown) => string | undefined, read: (text: string) => unknown): Scalar => ({
  pack: print,
  unpack: (value) => (typeof value === "string" ? read(value) : undefined),
});

const SCALARS: Readonly<Record<string, Scalar>> = {
  bool: same("boolean"),
  double: same("number"),
  string: {
    ...same("string"),
    // Half a surrogate pair is no UTF-8.
    pack: (value) => (typeof value === "string" && value.isWellFormed() ? value : undefined),
  },
  int: {
    pack: (value) => (typeof value === "bigint" ? wholeNumber(value) : undefined),
    unpack: (value) => BigInt(digitsOf(value)),
  },
  uint: {
    pack: (value) => (value instanceof UnsignedInt ? wholeNumber(value.valueOf()) : undefined),
    unpack: (value) => new UnsignedInt(BigInt(digitsOf(value))),
  },
  timestamp: text(
    (value) => (value instanceof Date ? printTimestamp(value) : undefined),
    (written) => parseTimestamp(new Meter(), written),
  ),
  duration: text(
    (value) => (value instanceof Duration ? printDuration(value) : undefined),
    (written) => parseDuration(new Meter(), written),
  ),
  ip: text(
    (value) => (value instanceof Ip ? value.toString() : undefined),
    (written) => Ip.parse(written),
  ),
  bytes: text(
    (value) => (value instanceof Uint8Array ? Buffer.from(value).toString("base64") : undefined),
    (written) => new Uint8Array(Buffer.from(written, "base64")),
  ),
};

/** A double holds whole numbers to 2^53 exactly; greater ones are their digits. */
function wholeNumber(value: bigint): number | string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
}

function digitsOf(value: unknown): number | string {
  if (typeof value === "number" || (typeof value === "string" && value !== "")) return value;
  throw new TypeError("not a whole number");
}

/** The types of keys, and how each is the text that a Struct's keys are. */
const KEYS: Readonly<Record<string, Pick<Scalar, "unpack">>> = {
  string: { unpack: (key) => key },
  bool: { unpack: (key) => key === "true" },
  int: { unpack: (key) => BigInt(String(key)) },
};

interface Parts {
  readonly key: TypeName | undefined;
  readonly element: TypeName;
}

/** Of `list(T)` and `map(K, V)`; undefined of what has no parts. */
function partsOf(type: TypeName): Parts | undefined {
  if (type === "list") return { key: undefined, element: "dyn" };
  if (type === "map") return { key: "string", element: "dyn" };
  const [, kind, inner = ""] = /^(list|map)\((.*)\)$/.exec(type) ?? [];
  if (kind === undefined) return undefined;
  if (kind === "list") return { key: undefined, element: inner };
  const comma = inner.indexOf(",");
  return { key: inner.slice(0, comma).trim(), element: inner.slice(comma + 1).trim() };
}

function pack(value: unknown, type: TypeName, depth: number): StructValue | undefined {
  if (depth > MAX_DEPTH) return undefined;
  if (type === "dyn") return packDynamic(value, depth);
  const parts = partsOf(type);
  if (parts === undefined) return Object.hasOwn(SCALARS, type) ? SCALARS[type]?.pack(value) : undefined;
  return parts.key === undefined
    ? packList(value, parts.element, depth)
    : packMap(value, parts.key, parts.element, depth);
}

function packList(value: unknown, element: TypeName, depth: number): StructValue | undefined {
  if (!Array.isArray(value)) return undefined;
  const items: StructValue[] = [];
  for (const item of value) {
    const one = pack(item, element, depth + 1);
    if (one === undefined) return undefined;
    items.push(one);
  }
  return items;
}

const KEY_TYPES: Readonly<Record<string, string>> = { string: "string", boolean: "bool", bigint: "int" };

function packMap(value: unknown, key: TypeName, element: TypeName, depth: number): StructValue | undefined {
  if (!(value instanceof Map) || Object.getPrototypeOf(value) !== Map.prototype) return undefined;
  const entries = new Map<string, StructValue>();
  for (const [name, one] of value as ReadonlyMap<unknown, unknown>) {
    const packedOne = pack(one, element, depth + 1);
    if (packedOne === undefined || KEY_TYPES[typeof name] !== key) return undefined;
    entries.set(String(name), packedOne);
  }
  return entries;
}

function packDynamic(value: unknown, depth: number): StructValue | undefined {
  switch (typeof value) {
    case "boolean":
    case "number":
      return value;
    case "string":
      return value.startsWith("=") ? tagged("string", value) : SCALARS["string"]?.pack(value);
    case "bigint":
      return tagged("int", value);
    default:
      if (Array.isArray(value)) return packList(value, "dyn", depth);
      if (value === null) return "=null:";
      if (value instanceof Map) return packMap(value, "string", "dyn", depth);
      return packObject(value);
  }
}

function packObject(value: unknown): string | undefined {
  if (value instanceof UnsignedInt) return tagged("uint", value);
  if (value instanceof Date) return tagged("timestamp", value);
  if (value instanceof Duration) return tagged("duration", value);
  if (value instanceof Ip) return tagged("ip", value);
  return value instanceof Uint8Array ? tagged("bytes", value) : undefined;
}

function tagged(type: TypeName, value: unknown): string | undefined {
  const found = SCALARS[type]?.pack(value);
  return typeof found === "string" || typeof found === "number" ? `=${type}:${found}` : undefined;
}

function unpack(value: unknown, type: TypeName): unknown {
  if (type === "dyn") return unpackDynamic(value);
  const parts = partsOf(type);
  if (parts === undefined) return Object.hasOwn(SCALARS, type) ? SCALARS[type]?.unpack(value) : undefined;
  return parts.key === undefined
    ? unpackList(value, parts.element)
    : unpackMap(value, parts.key, parts.element);
}

function unpackList(value: unknown, element: TypeName): unknown {
  if (!Array.isArray(value)) return undefined;
  const items = value.map((item: unknown) => unpack(item, element));
  return items.every((item) => item !== undefined) ? items : undefined;
}

function unpackMap(value: unknown, key: TypeName, element: TypeName): unknown {
  const keys = KEYS[key];
  if (!(value instanceof Map) || keys === undefined) return undefined;
  const entries = new Map<unknown, unknown>();
  for (const [name, one] of value as ReadonlyMap<unknown, unknown>) {
    const found = unpack(one, element);
    if (found === undefined) return undefined;
    entries.set(keys.unpack(name), found);
  }
  return entries;
}

function unpackDynamic(value: unknown): unknown {
  if (Array.isArray(value)) return unpackList(value, "dyn");
  if (value instanceof Map) return unpackMap(value, "string", "dyn");
  if (typeof value !== "string") return value ?? undefined;
  const [, type, inner] = /^=(\w+):([^]*)$/.exec(value) ?? [];
  if (type === undefined || inner === undefined) return value;
  return type === "null" ? null : unpack(inner, type);
}
