import type { Decl } from "@bufbuild/cel-spec/cel/expr/checked_pb.js";
import type { SimpleTest } from "@bufbuild/cel-spec/cel/expr/conformance/test/simple_pb.js";
import { Unknown, type Engine, type Problem, type TypeName } from "../../../src/cel/expression.ts";
import type { Case } from "./cases.ts";
import { spelt, speltExpected, typeNameOf, valueOf } from "./values.ts";

/**
 * What became of a case:
 * - `passed`: the value or the type that it expects, or an error or a refusal where it expects an error
 * - `refused`: a mistake found at load
 * - `error`: no value at run time
 * - `undeclarable`: it declares what no environment of weir's has
 * - `mistyped`: another type than it expects
 * - `wrong`: another value, or any where it expects an error
 */
export type Outcome =
  | { readonly kind: "passed" | "error" }
  | { readonly kind: "refused" | "undeclarable"; readonly why: string }
  | { readonly kind: "mistyped" | "wrong"; readonly found: string; readonly expected: string };

/** Runs a case through the engine that policies use. */
export function run(engine: Engine, { test }: Case): Outcome {
  const why = undeclarable(test);
  if (why !== undefined) return { kind: "undeclarable", why };
  const environment = engine.environment({ types: [], variables: variablesOf(test) });
  const parsed = environment.parse(test.expr);
  if (!("source" in parsed)) return refused(test, parsed);
  const expression = environment.compile(parsed, "any");
  if (!("source" in expression)) return refused(test, expression);
  const typed = judgeType(test, expression.type);
  return typed.kind !== "passed" || test.checkOnly
    ? typed
    : judgeValue(test, expression.evaluate(contextOf(test)));
}

function undeclarable({ container, typeEnv }: SimpleTest): string | undefined {
  if (container !== "") return "a container";
  if (typeEnv.some(({ declKind }) => declKind.case === "function")) return "a function";
  return typeEnv.some(({ name }) => name.includes(".")) ? "a name with dots" : undefined;
}

/** A variable that a case binds and does not declare is a dyn. */
function variablesOf({ bindings, typeEnv }: SimpleTest): Readonly<Record<string, TypeName>> {
  const bound = Object.keys(bindings).map((name): [string, TypeName] => [name, "dyn"]);
  const declared = typeEnv.map((one): [string, TypeName] => [one.name, typeIn(one)]);
  return Object.fromEntries([...bound, ...declared]);
}

const typeIn = ({ declKind }: Decl): TypeName =>
  typeNameOf(declKind.case === "ident" ? declKind.value.type : undefined);

function contextOf({ bindings }: SimpleTest): object {
  const values = Object.entries(bindings).map(([name, { kind }]): [string, unknown] => {
    if (kind.case !== "value") throw new Error(`${name} is bound to no value`);
    return [name, valueOf(kind.value)];
  });
  return Object.fromEntries(values);
}

const expectsError = ({ resultMatcher }: SimpleTest): boolean =>
  resultMatcher.case === "evalError" || resultMatcher.case === "anyEvalErrors";

function refused(test: SimpleTest, [first]: readonly Problem[]): Outcome {
  return expectsError(test) ? { kind: "passed" } : { kind: "refused", why: first?.message ?? "" };
}

function judgeType({ resultMatcher }: SimpleTest, found: TypeName): Outcome {
  if (resultMatcher.case !== "typedResult") return { kind: "passed" };
  const expected = typeNameOf(resultMatcher.value.deducedType);
  return found === expected ? { kind: "passed" } : { kind: "mistyped", found, expected };
}

function judgeValue(test: SimpleTest, value: unknown): Outcome {
  const isError = value instanceof Unknown;
  if (expectsError(test)) return isError ? { kind: "passed" } : wrong(spelt(value), "an error");
  if (isError) return { kind: "error" };
  const found = spelt(value);
  const expected = expectedOf(test);
  return found === expected ? { kind: "passed" } : wrong(found, expected);
}

const wrong = (found: string, expected: string): Outcome => ({ kind: "wrong", found, expected });

/** A case that says nothing of its result expects `true`. */
function expectedOf({ resultMatcher }: SimpleTest): string {
  switch (resultMatcher.case) {
    case "value":
      return speltExpected(resultMatcher.value);
    case "typedResult":
      if (resultMatcher.value.result === undefined)
        throw new Error("the case expects a type without a value");
      return speltExpected(resultMatcher.value.result);
    case undefined:
      return "true";
    default:
      throw new Error(`no case expects ${resultMatcher.case}`);
  }
}
