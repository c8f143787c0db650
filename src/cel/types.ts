/** The two spellings of a type's name, CEL's `list(string)` and the engine's `list<string>`, and what each type's values are. */
import { Environment, Optional } from "@marcbachmann/cel-js";
import { Duration, UnsignedInt } from "@marcbachmann/cel-js/evaluator";
import type { TypeName } from "./expression.ts";
import type { EngineType, Evaluator } from "./node.ts";

const SCALARS = ["bool", "bytes", "double", "dyn", "int", "string", "type", "uint", "ip"] as const;

/** Names that documents spell shorter than the engine does. */
const ENGINE_NAMES: Readonly<Record<string, string>> = {
  timestamp: "google.protobuf.Timestamp",
  duration: "google.protobuf.Duration",
  null_type: "null",
};

const PUBLIC_NAMES = new Map(Object.entries(ENGINE_NAMES).map(([name, engineName]) => [engineName, name]));

/** `map(string, list(timestamp))` as the engine writes it. */
export function toEngineType(type: TypeName): string {
  return type
    .replace(/\s*,\s*/g, ", ")
    .replaceAll("(", "<")
    .replaceAll(")", ">")
    .replace(/[\w.]+/g, (name) => (Object.hasOwn(ENGINE_NAMES, name) ? (ENGINE_NAMES[name] ?? name) : name));
}

/** The engine's types, wherever they stand in a text of it, as documents write them. */
export function toPublicTypes(text: string): string {
  let result = text
    .replace(/\bdyn<[^<>]*>/g, "dyn")
    .replace(/\b(\w+)Namespace\b/g, (_whole, namespace: string) => namespace.toLowerCase())
    .replace(/\bgoogle\.protobuf\.(?:Timestamp|Duration)\b/g, shorter);
  for (let before = ""; before !== result;) {
    before = result;
    result = result.replace(/(\w)<([^<>]*)>/g, "$1($2)");
  }
  return result;
}

/** The public name of one type. What the checker could not know (`[]` has elements of any type) is `dyn`. */
export function toPublicType(type: EngineType): TypeName {
  if (type.name === "null") return "null_type";
  return toPublicTypes(type.name.replace(/\b[A-Z]\b/g, "dyn"));
}

const shorter = (name: string): string => PUBLIC_NAMES.get(name) ?? name;

/** Throws unless every name in the type is CEL's or among `declared`: a misspelt type is a mistake of ours. */
export function assertKnownType(type: TypeName, declared: ReadonlySet<string>): void {
  const known = new Set<string>([
    ...SCALARS,
    ...Object.keys(ENGINE_NAMES),
    "list",
    "map",
    "optional",
    ...declared,
  ]);
  for (const name of type.match(/[\w.]+/g) ?? []) {
    if (!known.has(name)) throw new Error(`the type ${type} speaks of ${name}, which is not declared`);
  }
}

/** Whether a value is of a type. Elements of lists and maps are checked when they are read. */
export type Accepts = (value: unknown, evaluator: Evaluator) => boolean;

/** The check of one type's values, chosen once when an expression is compiled. */
export function acceptsOf(type: EngineType): Accepts {
  const simple = SIMPLE.get(type.name) ?? SIMPLE.get(type.kind);
  if (simple !== undefined) return simple;
  return messageOf(type.name);
}

/** Messages of one type come of one class: the last prototype that was accepted is not looked up again. */
function messageOf(name: string): Accepts {
  let accepted: unknown;
  return (value, evaluator) => {
    if (!isObject(value)) return false;
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === accepted && accepted !== undefined) return true;
    if (evaluator.objectTypesByConstructor.get(classOf(value))?.name !== name) return false;
    accepted = prototype;
    return true;
  };
}

const SIMPLE = new Map<string, Accepts>([
  ["string", (value) => typeof value === "string"],
  ["bool", (value) => typeof value === "boolean"],
  ["int", (value) => typeof value === "bigint"],
  ["double", (value) => typeof value === "number"],
  ["uint", (value) => value instanceof UnsignedInt],
  ["null", (value) => value === null],
  ["bytes", (value) => value instanceof Uint8Array],
  ["list", (value) => Array.isArray(value)],
  ["map", (value) => isMap(value)],
  ["optional", (value) => value instanceof Optional],
  ["dyn", isCelValue],
  ["param", isCelValue],
]);

/** Whether a value is one that CEL knows: no function, promise or object of an undeclared class. */
export function isCelValue(value: unknown, evaluator: Evaluator): boolean {
  switch (typeof value) {
    case "string":
    case "bigint":
    case "number":
    case "boolean":
      return true;
    case "object":
      if (value === null || Array.isArray(value) || isMap(value)) return true;
      return evaluator.objectTypesByConstructor.has(classOf(value));
    default:
      return false;
  }
}

/** A map of CEL: a Map itself, or an object literal. A subclass of Map is a message. */
export function isMap(value: unknown): value is Map<unknown, unknown> | Record<string, unknown> {
  if (!isObject(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Map.prototype || prototype === Object.prototype || prototype === null;
}

/** Whether a value is a type, such as `int` or what `type(1)` yields. */
export function isType(value: unknown): value is { readonly name: string } {
  return isObject(value) && /^\[object Type</.test(Object.prototype.toString.call(value));
}

/** The class of an object, whatever properties it has itself. */
export function classOf(value: object): unknown {
  const prototype: unknown = Object.getPrototypeOf(value);
  return isObject(prototype) ? Reflect.get(prototype, "constructor") : undefined;
}

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

export { Duration, Environment, Optional, UnsignedInt };
