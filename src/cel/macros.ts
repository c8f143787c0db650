/** The macros that the engine lacks. Each checks itself and brings its own evaluation. */
import { stepsOf } from "./access.ts";
import { order } from "./compare.ts";
import { LOOPS } from "./loops.ts";
import type { Meter } from "./meter.ts";
import {
  typeOf,
  type Checker,
  type EngineType,
  type Macro,
  type MacroCall,
  type Node,
  type Variables,
} from "./node.ts";
import type { MacroDeclaration } from "./signature.ts";
import { Optional, UnsignedInt } from "./types.ts";

/** How many numbers `math.greatest` and `math.least` compare, beside those of a list. */
const MAX_NUMBERS = 8;

export const MACROS: readonly MacroDeclaration[] = [
  ...LOOPS,
  { signature: "optional.optMap(ast, ast): optional<dyn>", expand: (call) => optionalMap(call, "value") },
  {
    signature: "optional.optFlatMap(ast, ast): optional<dyn>",
    expand: (call) => optionalMap(call, "optional"),
  },
  ...Array.from({ length: MAX_NUMBERS }, (_, index) => "ast, ".repeat(index) + "ast").flatMap(
    (parameters): readonly MacroDeclaration[] => [
      { signature: `MathNamespace.greatest(${parameters}): dyn`, expand: (call) => extreme(call, 1) },
      { signature: `MathNamespace.least(${parameters}): dyn`, expand: (call) => extreme(call, -1) },
    ],
  ),
];

const notRewritten = (): never => {
  throw new Error("the macro was not rewritten");
};

/** `optMap` and `optFlatMap`, whose expression yields a value or an optional. */
function optionalMap(
  { ast, args: [variable, body], receiver }: MacroCall,
  yields: "value" | "optional",
): Macro {
  const name = variable?.op === "id" ? variable.args : "";
  if (body === undefined) throw new Error("optMap has two arguments");
  return {
    async: false,
    binder: { names: [name], source: receiver, bodies: [body], turns: "one" },
    typeCheck(checker, _macro, scope) {
      if (name === "")
        throw checker.createError("invalid_macro_argument", "the first argument is a name", ast);
      const type = checkOptional(checker, receiver, checker.check(receiver, scope));
      const result = checker.check(body, scope.forkWithVariable(name, type));
      if (yields === "value") return checker.getType(`optional<${result.name}>`);
      return checker.getType(`optional<${checkOptional(checker, body, result).name}>`);
    },
    evaluate: notRewritten,
    evaluation: (meter) => (evaluator, _macro, outer) => {
      const optional = receiver.evaluate(evaluator, receiver, outer);
      if (!(optional instanceof Optional)) throw meter.fault("request");
      if (!optional.hasValue()) return optional;
      const value: unknown = optional.value();
      const inner: Variables = { getValue: (wanted) => (wanted === name ? value : outer.getValue(wanted)) };
      const result = body.evaluate(evaluator, body, inner);
      if (yields === "value") return Optional.of(result);
      if (!(result instanceof Optional)) throw meter.fault("request");
      return result;
    },
  };
}

/** The type of an optional's value. */
function checkOptional(checker: Checker, node: Node, type: EngineType): EngineType {
  if (type.kind !== "optional" && type.kind !== "dyn")
    throw checker.createError("optional_expected", `must be optional, but is ${type.name}`, node);
  const { valueType } = type;
  return valueType === undefined || valueType.hasPlaceholderType ? checker.getType("dyn") : valueType;
}

const NUMBERS = ["int", "uint", "double", "dyn"];

/** `math.greatest` and `math.least`: the first number that no other one stands before (-1) or after (1). */
function extreme({ ast, args, receiver }: MacroCall, direction: 1 | -1): Macro {
  return {
    async: false,
    args,
    typeCheck(checker, _macro, scope) {
      const namespace = checker.check(receiver, scope);
      const types = numberTypes(args.map((argument) => checker.check(argument, scope)));
      const [first] = types;
      const isGood = types.every((type) => NUMBERS.includes(type.name));
      if (namespace.name !== "MathNamespace" || first === undefined || !isGood) {
        const found = args.map((argument) => typeOf(argument).name).join(", ");
        const called = `${namespace.name}.${direction > 0 ? "greatest" : "least"}(${found})`;
        throw checker.createError("no_matching_overload", `found no matching overload for '${called}'`, ast);
      }
      return types.every((type) => type === first) ? first : checker.getType("dyn");
    },
    evaluate: notRewritten,
    evaluation: (meter) => (evaluator, _macro, variables) => {
      const values = args.map((argument) => argument.evaluate(evaluator, argument, variables));
      const [first, ...rest] = numbersOf(meter, values);
      const best = rest.reduce((kept, one) => (order(meter, one, kept) * direction > 0 ? one : kept), first);
      return best ?? refuse(meter);
    },
  };
}

function numberTypes(types: readonly EngineType[]): readonly EngineType[] {
  const [first] = types;
  return types.length === 1 && first?.kind === "list" && first.valueType !== undefined
    ? [first.valueType]
    : types;
}

function numbersOf(meter: Meter, values: readonly unknown[]): readonly unknown[] {
  const [first] = values;
  const numbers: readonly unknown[] = values.length === 1 && Array.isArray(first) ? first : values;
  meter.charge(stepsOf(numbers));
  const isNumber = (one: unknown): boolean =>
    typeof one === "bigint" || typeof one === "number" || one instanceof UnsignedInt;
  return numbers.every(isNumber) ? numbers : refuse(meter);
}

function refuse(meter: Meter): never {
  throw meter.fault("request");
}
