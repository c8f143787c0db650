import { Ip } from "../std/ip.ts";
import type {
  Declarations,
  Engine,
  Environment,
  Expression,
  Parsed,
  Problem,
  TypeName,
} from "./expression.ts";
import { FUNCTIONS, overloads } from "./functions.ts";
import { MACROS } from "./macros.ts";
import { Meter } from "./meter.ts";
import { typeOf, type EngineType, type Evaluator, type Node, type Variables } from "./node.ts";
import { prepare, replacedKey, replacedName, type Replaced } from "./prepare.ts";
import { problemOf, type Known } from "./problem.ts";
import { rewrite } from "./rewrite.ts";
import type { Overload } from "./signature.ts";
import { assertKnownType, Environment as EngineEnvironment, toEngineType, toPublicType } from "./types.ts";
import { traceOf, type Tracing } from "./trace.ts";
import { walk } from "./walk.ts";

/** The longest source of an expression, in UTF-8 bytes. */
export const MAX_SOURCE_BYTES = 4_096;

const LIMITS = { maxAstNodes: 2_000, maxDepth: 50, maxListElements: 1_000, maxMapEntries: 1_000 };

// The engine tells types apart by their constructors.
class MathNamespace {
  readonly name = "math";
}
class Base64Namespace {
  readonly name = "base64";
}
class StringsNamespace {
  readonly name = "strings";
}

/** The functions that every expression has, and one meter for all expressions. */
export function createEngine(): Engine {
  const meter = new Meter();
  const functions = overloads();
  const replaced = new Set(functions.filter((one) => one.replaces === true).map((one) => keyOf(one)));
  const base = new EngineEnvironment({
    enableOptionalTypes: true,
    homogeneousAggregateLiterals: false,
    limits: LIMITS,
  })
    .registerType("ip", { ctor: Ip, fields: {} })
    .registerType("MathNamespace", MathNamespace)
    .registerType("Base64Namespace", Base64Namespace)
    .registerType("StringsNamespace", StringsNamespace)
    .registerConstant("math", "MathNamespace", new MathNamespace())
    .registerConstant("base64", "Base64Namespace", new Base64Namespace())
    .registerConstant("strings", "StringsNamespace", new StringsNamespace())
    // Only the checker looks at these: how values compare is in compare.ts.
    .registerOperator("ip == ip", () => false)
    .registerOperator("optional<A> == optional<A>", () => false)
    .registerOperator("bytes < bytes", () => false)
    .registerOperator("bytes <= bytes", () => false)
    .registerOperator("bytes > bytes", () => false)
    .registerOperator("bytes >= bytes", () => false);
  for (const one of functions) register(base, meter, one);
  for (const { signature, expand } of MACROS) base.registerFunction(signature, expand);
  const constants = new Set(base.getDefinitions().variables.map((variable) => variable.name));
  const signatures = Map.groupBy(
    FUNCTIONS.map((one) => one.signature),
    (signature) => /(\w+)\(/.exec(signature.replace(/^list\(string\)\./, ""))?.[1] ?? "",
  );
  return {
    environment: (declarations) =>
      new CelEnvironment({ base, meter, replaced, constants, signatures }, declarations),
  };
}

function keyOf({ signature }: Overload): string {
  const { op, name, arity } = partsOf(signature);
  return replacedKey(op, name, arity);
}

/** `list<string>.join(string): string` is a method `join` of one argument. */
function partsOf(signature: string): { op: "call" | "rcall"; receiver: string; name: string; arity: number } {
  const [, receiver = "", name = "", parameters = ""] =
    /^(?:([\w.<>]+)\.)?(\w+)\((.*)\):/.exec(signature) ?? [];
  const arity = parameters === "" ? 0 : parameters.split(",").length;
  return { op: receiver === "" ? "call" : "rcall", receiver, name, arity };
}

function register(base: EngineEnvironment, meter: Meter, { signature, call, replaces }: Overload): void {
  if (call === undefined) return;
  const { name } = partsOf(signature);
  const handler = (call as (meter: Meter, ...values: readonly unknown[]) => unknown).bind(undefined, meter);
  const engineSignature =
    replaces === true ? signature.replace(`${name}(`, `${replacedName(name)}(`) : signature;
  base.registerFunction(engineSignature, handler, {
    async: false,
  });
}

interface Shared {
  readonly base: EngineEnvironment;
  readonly meter: Meter;
  readonly replaced: Replaced;
  readonly constants: ReadonlySet<string>;
  /** Of all functions, by name. */
  readonly signatures: ReadonlyMap<string, readonly string[]>;
}

/** The engine's parsed expression, whose tree is checked and rewritten in place. */
interface Draft {
  readonly root: Node;
  readonly check: () => { valid: boolean; error?: unknown };
}

class CelEnvironment implements Environment {
  readonly #shared: Shared;
  readonly #engine: EngineEnvironment;
  readonly #evaluator: Evaluator;
  readonly #drafts = new WeakMap<Parsed, Draft>();
  readonly #known: Known;

  constructor(shared: Shared, { types, variables }: Declarations) {
    const declared = new Set(types.map((type) => type.name));
    const engine = shared.base.clone();
    for (const { name, constructedBy, fields } of types) {
      engine.registerType(name, { ctor: constructedBy, fields: engineTypes(fields, declared) });
    }
    for (const [name, type] of Object.entries(engineTypes(variables, declared)))
      engine.registerVariable(name, type);
    this.#shared = shared;
    this.#engine = engine;
    this.#evaluator = evaluatorOf(engine);
    const fieldsByType = new Map(types.map((type) => [type.name, Object.keys(type.fields)]));
    this.#known = {
      signatures: shared.signatures,
      variables: [...Object.keys(variables), ...shared.constants],
      fieldsOf: (type) => fieldsByType.get(type) ?? [],
    };
  }

  parse(source: string): Parsed | readonly Problem[] {
    if (Buffer.byteLength(source) > MAX_SOURCE_BYTES) {
      const message = `an expression has at most ${MAX_SOURCE_BYTES} bytes`;
      return [{ code: "cel-limit", message, start: 0, end: source.length }];
    }
    if (source.trim() === "") {
      return [{ code: "cel-syntax", message: "the expression is empty", start: 0, end: source.length }];
    }
    try {
      return this.#parse(source);
    } catch (error) {
      return [problemOf(error, source, this.#known)];
    }
  }

  #parse(source: string): Parsed | readonly Problem[] {
    const evaluate = this.#engine.parse(source);
    // The engine's declarations leave out what its nodes carry beside the syntax; node.ts describes that.
    const root = evaluate.ast as unknown as Node;
    const read = (literal: string) => this.#engine.parse(literal).ast as unknown as Node;
    const problems = prepare(root, this.#shared.replaced, read);
    if (problems.length > 0) return problems;
    const constant = root.op === "value" && typeof root.args === "boolean" ? root.args : undefined;
    const { reads, guarded, compared } = walk(root, this.#shared.constants);
    const parsed: Parsed = { source, reads, guarded, compared, constant };
    this.#drafts.set(parsed, { root, check: () => evaluate.check() });
    return parsed;
  }

  compile(parsed: Parsed, expected: TypeName): Expression | readonly Problem[] {
    const draft = this.#drafts.get(parsed);
    if (draft === undefined)
      throw new Error("the expression was compiled before, or parsed by another environment");
    this.#drafts.delete(parsed);
    try {
      return this.#compile(parsed, draft, expected);
    } catch (error) {
      return [problemOf(error, parsed.source, this.#known)];
    }
  }

  #compile({ source, reads }: Parsed, draft: Draft, expected: TypeName): Expression | readonly Problem[] {
    const { valid, error } = draft.check();
    const type = draft.root.checkedType;
    if (!valid || type === undefined) return [problemOf(error, source, this.#known)];
    const { meter } = this.#shared;
    const problems = [...rewrite(meter, draft.root), ...unexpectedType(type, expected, source)];
    if (problems.length > 0) return problems;
    const { root } = draft;
    const evaluate = evaluationOf(meter, root, this.#evaluator, type);
    return {
      source,
      reads,
      type: toPublicType(type),
      evaluate: (context) => meter.run(evaluate, context),
      trace: (context) => traceOf(root, { source, reads, ...this.#tracing(context) }),
    };
  }

  #tracing(context: object): Pick<Tracing, "evaluate" | "constants"> {
    const { meter, constants } = this.#shared;
    const evaluator = this.#evaluator;
    return {
      constants,
      evaluate: (node) => meter.run(evaluationOf(meter, node, evaluator, typeOf(node)), context),
    };
  }
}

function engineTypes(
  types: Readonly<Record<string, TypeName>>,
  declared: ReadonlySet<string>,
): Record<string, string> {
  const entries = Object.entries(types).map(([name, type]) => {
    assertKnownType(type, declared);
    return [name, toEngineType(type)] as const;
  });
  return Object.fromEntries(entries);
}

/** The last word on what an evaluation returns: a bool where the checker promised one. */
function evaluationOf(
  meter: Meter,
  root: Node,
  evaluator: Evaluator,
  type: EngineType,
): (context: object) => unknown {
  const isBool = type.name === "bool";
  return (context) => {
    const value = root.evaluate(evaluator, root, new ContextVariables(context));
    if (isBool && typeof value !== "boolean") throw meter.fault("request");
    return value;
  };
}

/** The variables of an expression, by their names in the context. */
class ContextVariables implements Variables {
  readonly #context: Readonly<Record<string, unknown>>;

  constructor(context: object) {
    this.#context = context as Readonly<Record<string, unknown>>;
  }

  getValue(name: string): unknown {
    return this.#context[name];
  }
}

/** What the engine hands to every node. It keeps it to itself, so a node of ours asks for it. */
function evaluatorOf(engine: EngineEnvironment): Evaluator {
  const probe = engine.parse("true");
  const { valid } = probe.check();
  let found: Evaluator | undefined;
  (probe.ast as unknown as Node).setMeta("evaluate", (evaluator) => {
    found = evaluator;
    return true;
  });
  probe({});
  if (!valid || found === undefined) throw new Error("the engine no longer evaluates through its nodes");
  return found;
}

function unexpectedType(type: EngineType, expected: TypeName, source: string): readonly Problem[] {
  if (expected === "any" || expected === "dyn" || fits(type, toEngineType(expected))) return [];
  const span = { start: 0, end: source.length };
  const found = toPublicType(type);
  if (type.kind !== "dyn")
    return [{ ...span, code: "cel-type", message: `must be ${expected}, but is ${found}` }];
  const message = `must be ${expected}, but its type is known at run time only`;
  return [{ ...span, code: "cel-type", message, hint: hintFor(expected) }];
}

function hintFor(expected: TypeName): string {
  if (expected === "bool") return "write `== true`, or bool(...) for a string";
  return `convert it: ${expected.replace(/\(.*$/, "")}(...)`;
}

/** An empty list or map fits every type of its kind. */
function fits(type: EngineType, expected: string): boolean {
  if (type.name === expected) return true;
  const isEmpty = type.valueType?.kind === "param";
  return isEmpty && expected.startsWith(`${type.kind}<`);
}
