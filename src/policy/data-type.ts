import type { CelValue } from "./value.ts";

/** A type as it is inferred: `nothing` is that of the items of an empty list. */
type Type =
  | { readonly kind: "plain"; readonly name: string }
  | { readonly kind: "list" | "map"; readonly item: Type }
  | { readonly kind: "nothing" };

const plain = (name: string): Type => ({ kind: "plain", name });

const DYN = plain("dyn");

/** The CEL type of a value: `map(string, list(int))`; `dyn` for what holds values of several types. */
export const typeNameOf = (value: CelValue): string => print(typeOf(value));

function typeOf(value: CelValue): Type {
  if (value instanceof Map) return { kind: "map", item: common(value.values()) };
  if (isItems(value)) return { kind: "list", item: common(value) };
  switch (typeof value) {
    case "string":
      return plain("string");
    case "bigint":
      return plain("int");
    case "number":
      return plain("double");
    case "boolean":
      return plain("bool");
    default:
      return value instanceof Date ? plain("timestamp") : DYN;
  }
}

const isItems = (value: CelValue): value is readonly CelValue[] => Array.isArray(value);

function common(values: Iterable<CelValue>): Type {
  let type: Type = { kind: "nothing" };
  for (const value of values) type = join(type, typeOf(value));
  return type;
}

/** The narrowest type that both have. */
function join(left: Type, right: Type): Type {
  if (left.kind === "nothing") return right;
  if (right.kind === "nothing") return left;
  if (left.kind === "plain" || right.kind === "plain") {
    return left.kind === "plain" && right.kind === "plain" && left.name === right.name ? left : DYN;
  }
  return left.kind === right.kind ? { kind: left.kind, item: join(left.item, right.item) } : DYN;
}

function print(type: Type): string {
  switch (type.kind) {
    case "plain":
      return type.name;
    case "list":
      return `list(${print(type.item)})`;
    case "map":
      return `map(string, ${print(type.item)})`;
    case "nothing":
      return "dyn";
  }
}
