import type { Problem } from "./expression.ts";
import { bindingOf, comprehensionOf, presenceOf, written, type Checker, type Node } from "./node.ts";
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
 * have refused, sends calls to our functions, and lets `has()` check its argument like any other selection.
 */
export function prepare(root: Node, replaced: Replaced): readonly Problem[] {
  const problems: Problem[] = [];
  const report = (node: Node, code: Problem["code"], message: string, hint?: string): void => {
    problems.push({
      code,
      message,
      start: node.start,
      end: node.end,
      ...(hint === undefined ? {} : { hint }),
    });
  };
  const descend = (node: Node, depth: number, loops: number): void => {
    if (depth > MAX_DEPTH) {
      if (problems.length === 0)
        report(node, "cel-limit", `the expression is nested deeper than ${MAX_DEPTH}`);
      return;
    }
    if (isNegativeMinimum(node)) return;
    if (node.op === "value" && typeof node.args === "bigint" && node.args > MAX_INT) {
      report(node, "cel-type", "the number does not fit into 64 bits", "write it as a double: 1e20");
    }
    const loop = comprehensionOf(node);
    if (loop !== undefined && loops === MAX_COMPREHENSIONS) {
      report(node, "cel-limit", `comprehensions stand at most ${MAX_COMPREHENSIONS} deep in one another`);
    }
    if (node.op === "rcall" && bindingOf(node) !== undefined && !isNamespace(node.args[1], "cel")) {
      report(node, "cel-type", "bind is a function of cel only", "write cel.bind(name, value, expression)");
    }
    substitute(node, replaced);
    for (const child of written(node)) {
      const isBody = loop !== undefined && child !== loop.iterable;
      descend(child, depth + 1, isBody ? loops + 1 : loops);
    }
  };
  descend(root, 0, 0);
  return problems;
}

/** -2^63 is written as the negation of a number that does not fit by itself. */
const isNegativeMinimum = (node: Node): boolean =>
  node.op === "-_" && node.args.op === "value" && node.args.args === MAX_INT + 1n;

const isNamespace = (node: Node, name: string): boolean => node.op === "id" && node.args === name;

function substitute(node: Node, replaced: Replaced): void {
  const macro = node.meta.macro;
  if (macro !== undefined && presenceOf(node) !== undefined) {
    macro.typeCheck = (checker, _macro, variables) => checkPresence(checker, node, variables);
  }
  if (node.op !== "call" && node.op !== "rcall") return;
  const arity = node.op === "call" ? node.args[1].length : node.args[2].length;
  if (replaced.has(replacedKey(node.op, node.args[0], arity))) node.args[0] = replacedName(node.args[0]);
}

/** The engine's own check takes any field, and no index within the path. */
function checkPresence(checker: Checker, node: Node, variables: unknown): ReturnType<Checker["check"]> {
  const argument = presenceOf(node);
  if (argument?.op !== "." && argument?.op !== ".?") {
    throw checker.createError(
      "invalid_macro_argument",
      "has() takes a selection such as has(auth.user)",
      argument ?? node,
    );
  }
  checker.check(argument, variables);
  return checker.getType("bool");
}
