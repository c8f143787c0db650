/**
 * The shapes of the engine's syntax tree that weir relies on, read from @marcbachmann/cel-js 8.0.0.
 * test/cel/node.test.ts pins them, so that an upgrade which changes them fails there and not in a verdict.
 */
import type { Span } from "./expression.ts";
import type { Meter } from "./meter.ts";

/** A type as the engine's checker describes it. `name` is the engine's spelling: `list<string>`. */
export interface EngineType {
  readonly kind: "primitive" | "list" | "map" | "message" | "dyn" | "optional" | "param" | "enum";
  readonly name: string;
  readonly keyType?: EngineType;
  readonly valueType?: EngineType;
  readonly hasDynType: boolean;
  readonly hasPlaceholderType: boolean;
}

/** A function as it was registered. */
export type Handler = (...values: readonly unknown[]) => unknown;

/** The overloads of one name and arity. */
interface Candidates {
  findFunction(types: readonly EngineType[], receiver?: EngineType): { readonly handler: Handler } | null;
}

/** Values of variables at one point of an evaluation: the root's, or those of a comprehension's turn. */
export interface Variables {
  getValue(name: string): unknown;
}

/** What the engine hands to every node's evaluation. */
export interface Evaluator {
  readonly objectTypesByConstructor: ReadonlyMap<unknown, RegisteredType>;
}

/** A class that was registered with the engine, and the types of its fields. */
export interface RegisteredType {
  readonly name: string;
  readonly fields?: Readonly<Record<string, EngineType>> | undefined;
}

/** Evaluates one node. The engine calls it with the node itself as second argument. */
export type Evaluate = (evaluator: Evaluator, node: Node, variables: Variables) => unknown;

/** The engine's type checker, as far as our own macros need it. */
export interface Checker {
  check(node: Node, scope: Scope): EngineType;
  getType(name: string): EngineType;
  createError(code: string, message: string, node: Node): Error;
}

/** The variables that the checker knows at one point. */
export interface Scope {
  forkWithVariable(name: string, type: EngineType): Scope;
}

/** A macro with a checker and an evaluation of its own: has, cel.bind, or, orValue, and those of macros.ts. */
export interface Macro {
  readonly args?: readonly Node[];
  readonly val?: Node;
  readonly exp?: Node;
  readonly receiver?: Node;
  readonly arg?: Node;
  /** A macro of ours says that it never waits. */
  readonly async?: false;
  /** What a macro of ours binds. */
  readonly binder?: Binder;
  /** How a macro of ours is evaluated; it takes the place of `evaluate` once the parts are rewritten. */
  readonly evaluation?: (meter: Meter) => Macro["evaluate"];
  typeCheck(checker: Checker, macro: Macro, scope: Scope): EngineType;
  evaluate(evaluator: Evaluator, macro: Macro, variables: Variables): unknown;
}

/** A call that the parser hands to a macro. */
export interface MacroCall {
  readonly ast: Node;
  readonly args: readonly Node[];
  readonly receiver: Node;
}

type Check = (checker: Checker, node: Node, scope: Scope) => EngineType;

interface Meta {
  /** What the checker and the evaluation take in the node's place: an expanded comprehension, a constant. */
  readonly alternate?: Node;
  readonly macro?: Macro;
  readonly check: Check;
}

interface Base<Op extends string, Args> extends Span {
  readonly op: Op;
  readonly args: Args;
  /** The whole expression. */
  readonly input: string;
  readonly meta: Meta;
  /** Set by the checker. */
  readonly checkedType?: EngineType;
  setMeta(key: "evaluate", value: Evaluate): this;
  setMeta(key: "check", value: Check): this;
  evaluate: Evaluate;
}

type Pair = readonly [Node, Node];

export type ValueNode = Base<"value", unknown> & { args: unknown };
export type IdNode = Base<"id", string>;
/** `pos` is where the field's name stands. */
export type FieldNode = Base<"." | ".?", readonly [Node, string]> & { readonly pos: number };
export type IndexNode = Base<"[]" | "[?]", Pair>;
/** `name(arguments)`. */
export type CallNode = Base<"call", [string, readonly Node[]]> & Handled<CallHandle> & Called;
/** `receiver.name(arguments)`. */
export type MethodNode = Base<"rcall", [string, Node, readonly Node[]]> & Handled<MethodHandle> & Called;
export type ListNode = Base<"list", readonly Node[]>;
export type MapNode = Base<"map", readonly Pair[]>;
export type ConditionalNode = Base<"?:", readonly [Node, Node, Node]>;
export type LogicNode = Base<"&&" | "||", Pair>;
export type UnaryNode = Base<"!_" | "-_", Node> & Handled<UnaryHandle>;
export type BinaryNode = Base<(typeof BINARY)[number], Pair> & Handled<BinaryHandle>;
/** What all, exists, exists_one, map and filter expand to; reached by `meta.alternate` only. */
export type ComprehensionNode = Base<"comprehension", Comprehension> & Handled<ComprehensionHandle>;
/** The running result of a comprehension, and its two ways to grow. */
export type ResultNode = Base<"accuValue" | "accuInc", unknown>;
export type PushNode = Base<"accuPush", Node>;

export type Node =
  | ValueNode
  | IdNode
  | FieldNode
  | IndexNode
  | CallNode
  | MethodNode
  | ListNode
  | MapNode
  | ConditionalNode
  | LogicNode
  | UnaryNode
  | BinaryNode
  | ComprehensionNode
  | ResultNode
  | PushNode;

export const BINARY = ["==", "!=", "in", "+", "-", "*", "/", "%", "<", "<=", ">", ">="] as const;

export interface Comprehension {
  readonly iterVarName: string;
  readonly iterable: Node;
  readonly init: Node;
  readonly step: Node;
  /** Asked before every turn with the running result; false ends the loop. */
  condition?: (result: unknown) => boolean;
}

interface Called {
  /** Set by the checker. */
  readonly candidates: Candidates;
  readonly argTypes: readonly EngineType[];
}

interface Handled<Handle> {
  /** Set by the checker: carries the operation out on evaluated operands. */
  readonly handle: Handle;
}

type CallHandle = (values: readonly unknown[], node: Node, evaluator: Evaluator) => unknown;
type MethodHandle = (values: readonly unknown[], evaluator: Evaluator, node: Node) => unknown;
type UnaryHandle = (operand: unknown, node: Node, evaluator: Evaluator) => unknown;
type BinaryHandle = (left: unknown, right: unknown, node: Node, evaluator: Evaluator) => unknown;
type ComprehensionHandle = (
  items: unknown,
  args: Comprehension,
  evaluator: Evaluator,
  variables: Variables,
) => unknown;

export const isBinary = (node: Node): node is BinaryNode => BINARY.some((op) => op === node.op);

/** The children of a node as it was written: macros unexpanded, a comprehension's variable among them. */
export function written(node: Node): readonly Node[] {
  switch (node.op) {
    case "value":
    case "id":
    case "accuValue":
    case "accuInc":
      return [];
    case ".":
    case ".?":
      return [node.args[0]];
    case "call":
      return node.args[1];
    case "rcall":
      return [node.args[1], ...node.args[2]];
    case "map":
      return node.args.flat();
    case "!_":
    case "-_":
    case "accuPush":
      return [node.args];
    case "comprehension":
      return [node.args.iterable, node.args.init, node.args.step];
    default:
      return node.args;
  }
}

/** The children that are evaluated: what macros expanded to in place of what was written. */
export function executed(node: Node): readonly Node[] {
  const { alternate, macro } = node.meta;
  if (alternate !== undefined) return [alternate];
  if (macro === undefined) return written(node);
  if (macro.binder !== undefined) return [macro.binder.source, ...macro.binder.bodies];
  const parts = [macro.val, macro.exp, macro.receiver, macro.arg, ...(macro.args ?? [])];
  return parts.filter((part) => part !== undefined);
}

/** How many nodes an evaluation goes through, were each evaluated once. */
export function countNodes(node: Node): number {
  return executed(node).reduce((count, child) => count + countNodes(child), 1);
}

/** The comprehension that a call was expanded to, if it is a macro of that kind. */
export function comprehensionOf(node: Node): Comprehension | undefined {
  const alternate = node.meta.alternate;
  return alternate?.op === "comprehension" ? alternate.args : undefined;
}

/** Names, and the parts of a macro that may use them. */
export interface Binder {
  readonly names: readonly string[];
  /** What the names stand for, or are taken from; it does not see them. */
  readonly source: Node;
  readonly bodies: readonly Node[];
  /** Whether the bodies are evaluated once, or for each element of the source. */
  readonly turns: "one" | "each";
}

/** What a macro binds: a comprehension, `cel.bind(name, value, body)`, or a macro of ours. */
export function binderOf(node: Node): Binder | undefined {
  if (node.op !== "rcall") return undefined;
  const { macro } = node.meta;
  if (macro?.binder !== undefined) return macro.binder;
  const [name, source, parts] = node.args;
  const loop = comprehensionOf(node);
  if (loop !== undefined) return { names: [loop.iterVarName], source, bodies: parts.slice(1), turns: "each" };
  const [variable, value, body] = parts;
  if (name !== "bind" || macro === undefined || variable?.op !== "id") return undefined;
  if (value === undefined || body === undefined) return undefined;
  return { names: [variable.args], source: value, bodies: [body], turns: "one" };
}

/** The argument of a `has(argument)`. */
export function presenceOf(node: Node): Node | undefined {
  if (node.op !== "call" || node.args[0] !== "has" || node.meta.macro === undefined) return undefined;
  return node.args[1][0];
}

/** The string that a node is a literal of. */
export function constantString(node: Node | undefined): string | undefined {
  return node?.op === "value" && typeof node.args === "string" ? node.args : undefined;
}

/** The type that the checker found. */
export function typeOf(node: Node): EngineType {
  if (node.checkedType === undefined) throw new Error(`a node of kind ${node.op} was not checked`);
  return node.checkedType;
}
