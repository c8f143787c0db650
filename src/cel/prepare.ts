import type { Problem, Span } from "./expression.ts";
import { mend } from "./mend.ts";
import {
  binderOf,
  presenceOf,
  written,
  type Binder,
  type Checker,
  type EngineType,
  type Node,
  type Scope,
} from "./node.ts";
import { MAX_INT } from "./arithmetic.ts";

/** How deep an expression may be nested, chains such as `a || b || c` included. */
export const MAX_DEPTH = 500;
/** How many comprehensions may stand within one another. */
export const MAX_COMPREHENSIONS = 2;

/** Names of functions, as `call/1` or `rcall/0` and the name, that we carry out in the engine's place. */
export type Replaced = ReadonlySet<string>;

/** Behind a replaced function's name, so that the engine takes our overloads and not its own. */
const OURS = "__";

export const replacedKey = (op: "call" | "rcall", name: string, arity: number): string =>
  `${op}:${name}:${arity}`;

export const replacedName = (name: string): string => name + OURS;

/** What a message of the engine says, with the names that were written. */
export const withoutReplaced = (text: string): string => text.replace(/(\w+?)__(?=\()/g, "$1");

/**
 * Looks over a parsed expression before it is checked: refuses what is too deep and what the parser should
 * have refused, sends calls to our functions, lets `has()` check its argument like any other selection, and
 * mends what the engine reads or types otherwise than CEL. `read` reads an expression of one literal.
 */
export function prepare(root: Node, replaced: Replaced, read: (literal: string) => Node): readonly Problem[] {
  const problems: Problem[] = [];
  const descend = (node: Node, depth: number, loops: number): void => {
    if (depth > MAX_DEPTH) {
      const message = `the expression is nested deeper than ${MAX_DEPTH}`;
      if (problems.length === 0) problems.push({ ...spanOf(node), code: "cel-limit", message });
      return;
    }
    if (isNegativeMinimum(node)) return;
    const binder = binderOf(node);
    problems.push(...mistakesOf(node, binder, loops));
    substitute(node, replaced);
    mend(node, read);
    for (const child of written(node)) {
      const isBody = binder?.turns === "each" && child !== binder.source;
      descend(child, depth + 1, isBody ? loops + 1 : loops);
    }
  };
  descend(root, 0, 0);
  return problems;
}

const spanOf = ({ start, end }: Node): Span => ({ start, end });

/** What the parser should have refused in a node that stands within so many loops. */
function mistakesOf(node: Node, binder: Binder | undefined, loops: number): readonly Problem[] {
  const mistakes: Problem[] = [];
  if (node.op === "value" && typeof node.args === "bigint" && node.args > MAX_INT) {
    const message = "the number does not fit into 64 bits";
    mistakes.push({ ...spanOf(node), code: "cel-type", message, hint: "write it as a double: 1e20" });
  }
  if (binder?.turns === "each" && loops === MAX_COMPREHENSIONS) {
    const message = `comprehensions stand at most ${MAX_COMPREHENSIONS} deep in one another`;
    mistakes.push({ ...spanOf(node), code: "cel-limit", message });
  }
  const isBinding = binder !== undefined && node.op === "rcall" && node.args[0] === "bind";
  if (isBinding && !isNamespace(node.args[1], "cel")) {
    const hint = "write cel.bind(name, value, expression)";
    mistakes.push({ ...spanOf(node), code: "cel-type", message: "bind is a function of cel only", hint });
  }
  return mistakes;
}

/** -2^63 is written as the negation of a number that does not fit by itself. */
const isNegativeMinimum = (node: Node): boolean =>
  node.op === "-_" && node.args.op === "value" && node.args.args === MAX_INT + 1n;

const isNamespace = (node: Node, name: string): boolean => node.op === "id" && node.args === name;

function substitute(node: Node, replaced: Replaced): void {
  const macro = node.meta.macro;
  if (macro !== undefined && presenceOf(node) !== undefined) {
    macro.typeCheck = (checker, _macro, scope) => checkPresence(checker, node, scope);
  }
  if (node.op !== "call" && node.op !== "rcall") return;
  const arity = node.op === "call" ? node.args[1].length : node.args[2].length;
  if (replaced.has(replacedKey(node.op, node.args[0], arity))) node.args[0] = replacedName(node.args[0]);
}

/** The engine's own check takes any field, and no index within the path. */
function checkPresence(checker: Checker, node: Node, scope: Scope): EngineType {
  const argument = presenceOf(node);
  if (argument?.op !== "." && argument?.op !== ".?") {
    throw checker.createError(
      "invalid_macro_argument",
      "has() takes a selection such as has(auth.user)",
      argument ?? node,
    );
  }
  checker.check(argument, scope);
  return checker.getType("bool");
}
