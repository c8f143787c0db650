import { z } from "zod";
import { readJson, type JsonRead } from "../std/json.ts";
import type { Output, TypeName } from "./adapter.ts";

const SCALARS = ["bool", "int", "double", "string"] as const;
const TYPE = /^(?:(list)\((\w+)\)|(map)\(string, (\w+)\)|(\w+))$/;
const MAX_OUTPUTS = 32;

/** A type that values of JSON can have: `string`, `list(string)`, `map(string, int)`, `dyn`. */
export const valueType = () => z.string({ error: TYPE_FORM }).refine(isValueType, { error: TYPE_FORM });

const TYPE_FORM = "write a type: bool, int, double, string, dyn, list(…) or map(string, …) of one of them";

function isValueType(type: string): boolean {
  const [, , ofList, , ofMap, alone] = TYPE.exec(type) ?? [];
  const part = ofList ?? ofMap ?? alone;
  return part === "dyn" || SCALARS.some((scalar) => scalar === part);
}

/** Names that expressions read: `plan`, `monthly_limit`. */
const OUTPUT_NAME = /^[a-z][a-z0-9_]{0,63}$/;

/** A mapping of outputs by name, each written as `form` says. */
export const outputsOf = <Form extends z.ZodType>(form: Form) =>
  z
    .record(z.string(), form, { error: "write a mapping of names of outputs" })
    .superRefine((outputs, context) => {
      const complain = (message: string, path: string[]): void =>
        context.addIssue({ code: "custom", message, path });
      const names = Object.keys(outputs);
      if (names.length > MAX_OUTPUTS) complain(`write at most ${MAX_OUTPUTS} outputs`, []);
      for (const name of names) {
        if (!OUTPUT_NAME.test(name)) complain("a name has a-z, 0-9 and _, and begins with a letter", [name]);
      }
    })
    .default({});

/** What a handler of a configuration declares for them. */
export const declaredOutputs = (
  types: Iterable<readonly [name: string, type: TypeName]>,
  meaning: string,
): Readonly<Record<string, Output>> =>
  Object.fromEntries(Array.from(types, ([name, type]) => [name, { type, meaning }]));

/**
 * A value that was read of JSON as one of a type, as expressions have it: whole numbers are bigints where an int is wanted. Undefined where
 * it is none of the type.
 */
export function typedValue(value: unknown, type: TypeName): unknown {
  const [, list, ofList = "", map, ofMap = ""] = TYPE.exec(type) ?? [];
  if (list !== undefined) return Array.isArray(value) ? allOf(value, ofList) : undefined;
  if (map !== undefined) return value instanceof Map ? mapOf(value, ofMap) : undefined;
  return scalarValue(value, type);
}

function scalarValue(value: unknown, type: TypeName): unknown {
  switch (type) {
    case "bool":
      return typeof value === "boolean" ? value : undefined;
    case "string":
      return typeof value === "string" ? value : undefined;
    case "int":
      return typeof value === "bigint" ? value : undefined;
    case "double":
      return typeof value === "bigint" ? Number(value) : typeof value === "number" ? value : undefined;
    default:
      return value;
  }
}

function allOf(values: readonly unknown[], type: TypeName): readonly unknown[] | undefined {
  const typed = values.map((value) => typedValue(value, type));
  return typed.includes(undefined) ? undefined : typed;
}

function mapOf(
  values: ReadonlyMap<unknown, unknown>,
  type: TypeName,
): ReadonlyMap<unknown, unknown> | undefined {
  const typed = new Map(Array.from(values, ([name, value]) => [name, typedValue(value, type)]));
  return Array.from(typed.values()).includes(undefined) ? undefined : typed;
}

/** Reads the body of an answer: objects are Maps, whole numbers bigints, others doubles. */
export const readBody = (body: Buffer): JsonRead =>
  readJson(body, { maxBytes: Number.POSITIVE_INFINITY, maxDepth: 32, maxValues: 10_000, numberOf });

const LEAST_INT = -(2n ** 63n);
const MOST_INT = 2n ** 63n - 1n;

function numberOf(digits: string): bigint | number | undefined {
  const number = Number(digits);
  if (!/^-?\d+$/.test(digits)) return Number.isFinite(number) ? number : undefined;
  const whole = BigInt(digits);
  return whole >= LEAST_INT && whole <= MOST_INT ? whole : number;
}
