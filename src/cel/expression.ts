/**
 * What the rest of weir knows about CEL: names, values and the third truth value.
 * Nothing here imports the engine; `environment.ts` does.
 */

import type { Fault } from "../std/fault.ts";

/** A CEL type as documents write it: `string`, `list(string)`, `map(string, string)`, `ip`, `Request`. */
export type TypeName = string;

/** The third value of a condition, and the value of an expression that could not be evaluated. */
export class Unknown {
  readonly fault: Fault;
  constructor(fault: Fault) {
    this.fault = fault;
    Object.freeze(this);
  }
}

/** One shared value a fault, so that being UNKNOWN allocates nothing. */
export const UNKNOWN: Readonly<Record<Fault, Unknown>> = Object.freeze({
  request: new Unknown("request"),
  "raw-headers": new Unknown("raw-headers"),
  budget: new Unknown("budget"),
  ours: new Unknown("ours"),
});

/** A range of the expression's own source, in UTF-16 code units from 0, end exclusive. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** One mistake in one expression. `code` is a code of the diagnostics catalogue. */
export interface Problem extends Span {
  readonly code: "cel-syntax" | "cel-type" | "cel-limit" | "regex-not-constant" | "bad-regex";
  readonly message: string;
  readonly hint?: string;
}

/**
 * One attribute path that an expression reads, as written: `request.headers["x-a"]` has the root
 * `request` and the steps `headers`, `x-a`. Steps end at the first index that is not a constant string.
 * Names bound by a comprehension or by cel.bind are not attributes and are not reported.
 */
export interface Read extends Span {
  readonly root: string;
  readonly steps: readonly Step[];
  /** How the last step is read: `has(a.b)`, `a.?b` and `"b" in a` (reported as the path `a`) never fail. */
  readonly how: "value" | "has" | "optional";
}

export interface Step extends Span {
  readonly name: string;
  /** `.name` or `["name"]`. */
  readonly access: "field" | "index";
}

/** A parsed expression: what it reads is known, its type is not yet. */
export interface Parsed {
  readonly source: string;
  readonly reads: readonly Read[];
  /**
   * Constant keys whose presence an enclosing `&&`, `?:` or `has()` proves before the read:
   * the reads among `reads` that are guarded. Used to warn of unguarded map look-ups.
   */
  readonly guarded: ReadonlySet<Read>;
  /** Comparisons `==`, `!=`, `in` whose one side is this read. */
  readonly compared: ReadonlySet<Read>;
  /** The value, where the expression is a literal constant. */
  readonly constant: boolean | undefined;
}

/** A compiled expression. `evaluate` never throws and never awaits. */
export interface Expression {
  readonly source: string;
  readonly type: TypeName;
  readonly reads: readonly Read[];
  /** `context` has one property a variable of the environment; getters are welcome. */
  evaluate(context: object): unknown;
  /** What it and its parts come to, for telling why. Each part is evaluated by itself, so it costs much more. */
  trace(context: object): Trace;
}

/** What one part of an expression came to. */
export interface Trace {
  readonly source: string;
  /** What the part reads. */
  readonly reads: readonly Read[];
  /** `unreached`: something before it decided. */
  readonly state: "reached" | "unreached";
  /** UNKNOWN where it has no value; undefined where it was not looked at. */
  readonly value: unknown;
  readonly parts: readonly Trace[];
}

/** One class whose values an expression may read fields of. */
export interface ObjectType {
  readonly name: TypeName;
  /** Its values' constructor; a subclass of Map is read by `get`, any other by property. */
  readonly constructedBy: abstract new (...args: never[]) => object;
  readonly fields: Readonly<Record<string, TypeName>>;
}

/** What an environment declares beside the functions that every environment has. */
export interface Declarations {
  readonly types: readonly ObjectType[];
  readonly variables: Readonly<Record<string, TypeName>>;
}

/** Parses and compiles expressions over one set of declarations. */
export interface Environment {
  parse(source: string): Parsed | readonly Problem[];
  /** `expected` is a type name or `any`. Compiling twice the same `parsed` is an error. */
  compile(parsed: Parsed, expected: TypeName): Expression | readonly Problem[];
}

/** Makes environments that share one meter, so that nested evaluations keep their own budgets. */
export interface Engine {
  environment(declarations: Declarations): Environment;
}
