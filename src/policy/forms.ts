import type { z } from "zod";

/** A piece of JSON Schema (draft 7). */
export type JsonSchema = z.core.JSONSchema.BaseSchema;

/**
 * What a value looks like to the one who writes it. The schemas of this folder read values by code, which JSON Schema
 * cannot tell; this is what editors know of them. It never decides anything here.
 */
export type Form =
  /** What is said beside what is known of the schema already. */
  | { readonly kind: "json"; readonly json: JsonSchema }
  /** A value that one of these schemas reads. */
  | { readonly kind: "either"; readonly of: readonly z.ZodType[] }
  /** A mapping from names of the file's choice. */
  | { readonly kind: "entries"; readonly key: z.ZodType; readonly value: z.ZodType };

/** Filled where schemas are declared, and never after. */
const FORMS = new WeakMap<z.core.$ZodType, readonly Form[]>();

/** What editors are told of a schema beside what the library tells of it; the later holds over the earlier. */
export const formsOf = (schema: z.core.$ZodType): readonly Form[] => FORMS.get(schema) ?? [];

/** The same schema, of which editors are told this too. */
export function formed<S extends z.ZodType>(form: Form, schema: S): S {
  FORMS.set(schema, [...formsOf(schema), form]);
  return schema;
}

/** The same, as JSON Schema. */
export const told = <S extends z.ZodType>(json: JsonSchema, schema: S): S =>
  formed({ kind: "json", json }, schema);

/** A mapping with exactly one of these keys. */
export const exactlyOne = (keys: readonly string[]): JsonSchema => ({
  oneOf: keys.map((key) => ({ required: [key] })),
});

/** What YAML writes where text is expected: a number and true or false are the text that stands in the file. */
export const SCALAR = ["string", "number", "boolean"] as const;
