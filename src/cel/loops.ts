/** CEL's comprehensions of two variables: index and element of a list, key and value of a map. */
import { entriesOf, hasEntry, stepsOf } from "./access.ts";
import { MAX_ELEMENTS, type Meter } from "./meter.ts";
import {
  countNodes,
  typeOf,
  type Binder,
  type Checker,
  type EngineType,
  type Macro,
  type MacroCall,
  type Node,
  type Scope,
  type Variables,
} from "./node.ts";
import type { MacroDeclaration } from "./signature.ts";
import { acceptsOf, isCelValue, isMap } from "./types.ts";

export const LOOPS: readonly MacroDeclaration[] = [
  loop("all", 1, { typeOf: truth, gather: (meter) => new Quantifier(meter, false) }),
  loop("exists", 1, { typeOf: truth, gather: (meter) => new Quantifier(meter, true) }),
  ...["existsOne", "exists_one"].map((name) =>
    loop(name, 1, { typeOf: truth, gather: (meter) => new Single(meter) }),
  ),
  ...([1, 2] as const).flatMap((parts) => [
    loop("transformList", parts, { typeOf: listOf, gather: () => new Elements() }),
    loop("transformMap", parts, { typeOf: mapOf, gather: () => new Entries() }),
    loop("transformMapEntry", parts, { typeOf: entriesType, gather: (meter) => new MergedEntries(meter) }),
  ]),
];

/** What a loop makes of its turns. `typeOf` refuses a body of the wrong type. */
interface Kind {
  readonly typeOf: (checker: Checker, body: Node, key: EngineType) => EngineType;
  readonly gather: (meter: Meter) => Gatherer;
}

interface Gatherer {
  /** Takes one turn, whose body is evaluated by calling it. */
  take(key: unknown, body: () => unknown): "more" | "enough";
  result(): unknown;
}

/** A loop whose call has two names and so many parts: the body, and before it a condition where there are two. */
function loop(name: string, parts: 1 | 2, kind: Kind): MacroDeclaration {
  const parameters = Array.from({ length: 2 + parts }, () => "ast").join(", ");
  return { signature: `list.${name}(${parameters}): dyn`, expand: (call) => loopMacro(call, kind) };
}

function loopMacro({ ast, args: [first, second, ...bodies], receiver }: MacroCall, kind: Kind): Macro {
  const names = [first, second].map((node) => (node?.op === "id" ? node.args : ""));
  const binder: Binder = { names, source: receiver, bodies, turns: "each" };
  return {
    async: false,
    binder,
    typeCheck(checker, _macro, scope) {
      if (names.includes("") || names[0] === names[1])
        throw checker.createError("invalid_macro_argument", "a loop has two different names", ast);
      return checkLoop(checker, binder, kind, scope);
    },
    evaluate() {
      throw new Error("the macro was not rewritten");
    },
    evaluation: (meter) => evaluateLoop(meter, binder, kind),
  };
}

function checkLoop(
  checker: Checker,
  { names, source, bodies }: Binder,
  kind: Kind,
  scope: Scope,
): EngineType {
  const { key, value } = elementsOf(checker, source, scope);
  const [first = "", second = ""] = names;
  const inner = scope.forkWithVariable(first, key).forkWithVariable(second, value);
  const [body, condition] = bodies.toReversed();
  if (condition !== undefined) requireBool(checker, condition, checker.check(condition, inner));
  if (body === undefined) throw new Error("a loop has a body");
  checker.check(body, inner);
  return kind.typeOf(checker, body, key);
}

/** The types of what the two names stand for. What is in `[]` or `{}` may be anything. */
function elementsOf(checker: Checker, source: Node, scope: Scope): { key: EngineType; value: EngineType } {
  const type = checker.check(source, scope);
  const open = (part: EngineType | undefined): EngineType =>
    part === undefined || part.hasPlaceholderType ? checker.getType("dyn") : part;
  if (type.kind === "list") return { key: checker.getType("int"), value: open(type.valueType) };
  if (type.kind === "map" || type.kind === "dyn")
    return { key: open(type.keyType), value: open(type.valueType) };
  const message = `a loop goes through a list or a map, not ${type.name}`;
  throw checker.createError("invalid_comprehension_range", message, source);
}

function requireBool(checker: Checker, node: Node, type: EngineType): void {
  if (type.name === "bool" || type.kind === "dyn") return;
  throw checker.createError("invalid_condition_type", `a condition is bool, not ${type.name}`, node);
}

function truth(checker: Checker, body: Node): EngineType {
  requireBool(checker, body, typeOf(body));
  return checker.getType("bool");
}

function listOf(checker: Checker, body: Node): EngineType {
  return checker.getType(`list<${typeOf(body).name}>`);
}

function mapOf(checker: Checker, body: Node, key: EngineType): EngineType {
  return checker.getType(`map<${key.name}, ${typeOf(body).name}>`);
}

function entriesType(checker: Checker, body: Node): EngineType {
  const type = typeOf(body);
  if (type.kind === "map" || type.kind === "dyn") return type;
  throw checker.createError("invalid_macro_argument", `transformMapEntry takes maps, not ${type.name}`, body);
}

/** The names of one turn, and what is known outside of the loop. */
class Turn implements Variables {
  key: unknown;
  value: unknown;
  readonly #names: readonly string[];
  readonly #outer: Variables;

  constructor(names: readonly string[], outer: Variables) {
    this.#names = names;
    this.#outer = outer;
  }

  getValue(name: string): unknown {
    if (name === this.#names[0]) return this.key;
    return name === this.#names[1] ? this.value : this.#outer.getValue(name);
  }
}

/** A turn costs a step and one more for every 32 nodes of its bodies, as in the loops of one variable. */
function evaluateLoop(meter: Meter, { names, source, bodies }: Binder, kind: Kind): Macro["evaluate"] {
  const { keyType, valueType } = typeOf(source);
  const acceptsKey = keyType === undefined ? isCelValue : acceptsOf(keyType);
  const acceptsValue = valueType === undefined ? isCelValue : acceptsOf(valueType);
  const cost = 1 + (bodies.reduce((count, body) => count + countNodes(body), 0) >> 5);
  const [body, condition] = bodies.toReversed();
  if (body === undefined) throw new Error("a loop has a body");
  return (evaluator, _macro, outer) => {
    const items = source.evaluate(evaluator, source, outer);
    // A list is walked as it is.
    if (!Array.isArray(items)) meter.charge(stepsOf(items));
    const entries = entriesOf(items);
    if (entries === undefined) throw meter.fault("request");
    const turn = new Turn(names, outer);
    const gatherer = kind.gather(meter);
    const evaluateBody = () => body.evaluate(evaluator, body, turn);
    for (const [key, value] of entries) {
      meter.charge(cost);
      if (!acceptsKey(key, evaluator) || !acceptsValue(value, evaluator)) throw meter.fault("request");
      turn.key = key;
      turn.value = value;
      const isWanted = condition === undefined || condition.evaluate(evaluator, condition, turn);
      if (isWanted !== true && isWanted !== false) throw meter.fault("request");
      if (isWanted && gatherer.take(key, evaluateBody) === "enough") break;
    }
    return gatherer.result();
  };
}

/** `all` and `exists`: the decisive outcome of one turn decides, whatever became of the others. */
class Quantifier implements Gatherer {
  readonly #meter: Meter;
  readonly #decisive: boolean;
  #isDecided = false;
  #failure: Error | undefined;

  constructor(meter: Meter, decisive: boolean) {
    this.#meter = meter;
    this.#decisive = decisive;
  }

  take(_key: unknown, body: () => unknown): "more" | "enough" {
    try {
      const outcome = body();
      this.#isDecided = outcome === this.#decisive;
      if (typeof outcome !== "boolean") this.#failure ??= this.#meter.fault("request");
    } catch (error) {
      this.#failure ??= this.#meter.fail(error);
    }
    return this.#isDecided ? "enough" : "more";
  }

  result(): boolean {
    if (!this.#isDecided && this.#failure !== undefined) throw this.#failure;
    return this.#isDecided === this.#decisive;
  }
}

/** `existsOne`: here no error is absorbed, as CEL says. */
class Single implements Gatherer {
  readonly #meter: Meter;
  #count = 0;

  constructor(meter: Meter) {
    this.#meter = meter;
  }

  take(_key: unknown, body: () => unknown): "more" {
    const outcome = body();
    if (typeof outcome !== "boolean") throw this.#meter.fault("request");
    if (outcome) this.#count++;
    return "more";
  }

  result(): boolean {
    return this.#count === 1;
  }
}

class Elements implements Gatherer {
  readonly #elements: unknown[] = [];

  take(_key: unknown, body: () => unknown): "more" {
    this.#elements.push(body());
    return "more";
  }

  result(): readonly unknown[] {
    return this.#elements;
  }
}

class Entries implements Gatherer {
  readonly #entries = new Map<unknown, unknown>();

  take(key: unknown, body: () => unknown): "more" {
    this.#entries.set(key, body());
    return "more";
  }

  result(): ReadonlyMap<unknown, unknown> {
    return this.#entries;
  }
}

class MergedEntries implements Gatherer {
  readonly #meter: Meter;
  readonly #entries = new Map<unknown, unknown>();

  constructor(meter: Meter) {
    this.#meter = meter;
  }

  take(_key: unknown, body: () => unknown): "more" {
    const map = body();
    if (!isMap(map)) throw this.#meter.fault("request");
    this.#meter.charge(1 + stepsOf(map));
    for (const [key, value] of entriesOf(map) ?? []) {
      if (hasEntry(this.#entries, key)) throw this.#meter.fault("request");
      this.#entries.set(key, value);
    }
    if (this.#entries.size > MAX_ELEMENTS) this.#meter.exhaust();
    return "more";
  }

  result(): ReadonlyMap<unknown, unknown> {
    return this.#entries;
  }
}
