import type { Input, Output, TypeName } from "./adapter.ts";

/** The variables that CEL of a configuration may read: of each its fields, by name, with their types. */
export type Variables = Readonly<Record<string, Readonly<Record<string, TypeName>>>>;

/** Values of those variables. A field that is missing has no value. */
export type Values = Readonly<Record<string, ReadonlyMap<string, unknown>>>;

/** A part of a configuration that is CEL. */
export interface Compiled {
  /**
   * Its value; undefined where it has none. Never throws, and is bounded. Where the type is known at run time only, as of what an answer's
   * JSON holds, it may be of another than it was compiled for.
   */
  evaluate(values: Values): unknown;
}

/** What is wrong with CEL, and where in its text: offsets in UTF-16 code units, the end exclusive. */
export interface CompileProblem {
  readonly start: number;
  readonly end: number;
  readonly message: string;
  readonly hint?: string;
}

/** Compiles CEL of configurations, with the functions and bounds of every expression. */
export interface Compiler {
  /** CEL that yields a type, or `json`: any value, as a text of JSON. */
  expression(source: string, variables: Variables, expected: TypeName): Compiled | CompileProblem;
  /** Text with `${CEL}` in it: what stands for itself, and what yields a text. */
  text(source: string, variables: Variables): readonly (string | Compiled)[] | CompileProblem;
}

/** What a handler of one configuration is asked with and answers, beside what its adapter declares. */
export interface Declared {
  readonly inputs?: Readonly<Record<string, Input>>;
  readonly outputs?: Readonly<Record<string, Output>>;
  /** What is wrong with CEL of the configuration, each with its place in that. */
  readonly problems?: readonly (CompileProblem & { readonly path: readonly (string | number)[] })[];
}
