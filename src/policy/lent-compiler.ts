import type { Compiled, CompileProblem, Compiler, Values, Variables } from "../adapter/expressions.ts";
import { Unknown, type Engine, type Environment, type Expression, type TypeName } from "../cel/expression.ts";
import { printScalar } from "../cel/format.ts";
import { printJson } from "../cel/json.ts";
import { suggest } from "../std/suggest.ts";
import { Records, type RecordType } from "./records.ts";
import { splitText } from "./text.ts";

/** Compiles what is CEL in the configurations of handlers. */
export class LentCompiler implements Compiler {
  readonly #engine: Engine;
  readonly #records = new Records();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  expression(source: string, variables: Variables, expected: TypeName): Compiled | CompileProblem {
    const found = this.#compile(source, variables, expected === "json" ? "any" : expected);
    if (!("compiled" in found)) return found;
    return expected === "json" ? mapped(found.compiled, printJson) : found.compiled;
  }

  text(source: string, variables: Variables): readonly (string | Compiled)[] | CompileProblem {
    const split = splitText(source);
    if ("message" in split) return split;
    const parts: (string | Compiled)[] = [];
    for (const part of split) {
      if (part.kind === "text") {
        parts.push(part.value);
        continue;
      }
      const found = this.#compile(part.source, variables, "any");
      if (!("compiled" in found)) {
        return { ...found, start: found.start + part.start, end: found.end + part.start };
      }
      parts.push(mapped(found.compiled, printScalar));
    }
    return parts;
  }

  #compile(
    source: string,
    variables: Variables,
    expected: TypeName,
  ): { readonly compiled: Compiled } | CompileProblem {
    const types = new Map(
      Object.entries(variables).map(([name, fields]) => [name, this.#records.of(fields)]),
    );
    const environment: Environment = this.#engine.environment({
      types: [...new Set(types.values())],
      variables: Object.fromEntries(Array.from(types, ([name, { name: type }]) => [name, type])),
    });
    const parsed = environment.parse(source);
    if (!("reads" in parsed)) return parsed[0] ?? NO_EXPRESSION;
    for (const { root, steps } of parsed.reads) {
      const [step] = steps;
      const fields = Object.keys(variables[root] ?? {});
      if (step === undefined || !types.has(root) || fields.includes(step.name)) continue;
      const near = suggest(step.name, fields);
      const hint = near === undefined ? `there are ${fields.join(", ")}` : `did you mean ${near}?`;
      return { start: step.start, end: step.end, message: `there is no ${root}.${step.name}`, hint };
    }
    const expression = environment.compile(parsed, "any");
    if (!("evaluate" in expression)) return expression[0] ?? NO_EXPRESSION;
    const { type } = expression;
    // What an answer's JSON holds has a type at run time only.
    if (expected !== "any" && type !== expected && !/\bdyn\b/.test(type)) {
      return { start: 0, end: source.length, message: `this yields ${type}, not ${expected}` };
    }
    return { compiled: lent(expression, types) };
  }
}

const NO_EXPRESSION: CompileProblem = { start: 0, end: 0, message: "this is no expression" };

const lent = (expression: Expression, types: ReadonlyMap<string, RecordType>): Compiled => ({
  evaluate(values: Values) {
    const context = Object.fromEntries(
      Array.from(types, ([name, type]) => [name, type.construct(values[name] ?? [])]),
    );
    const value = expression.evaluate(context);
    return value instanceof Unknown ? undefined : value;
  },
});

const mapped = (compiled: Compiled, print: (value: unknown) => string | undefined): Compiled => ({
  evaluate(values) {
    const value = compiled.evaluate(values);
    return value === undefined ? undefined : print(value);
  },
});
