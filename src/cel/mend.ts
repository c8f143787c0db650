/** What the engine reads or types otherwise than CEL, put right before an expression is checked. */
import { binderOf, type Checker, type EngineType, type Node, type ValueNode } from "./node.ts";

/** Mends one node of a parsed expression. `read` reads an expression that is one literal. */
export function mend(node: Node, read: (literal: string) => Node): void {
  switch (node.op) {
    case "value":
      if (node.args instanceof Uint8Array) node.args = bytesOf(node, read);
      return;
    case ".":
    case ".?":
    case "[]":
    case "[?]":
      retype(node.args[0], openType);
      return;
    case "rcall": {
      const binder = binderOf(node);
      if (binder?.turns === "each") retype(binder.source, openType);
      return;
    }
    case "+":
      retype(node, typeOfSum);
      return;
    default:
  }
}

/** The engine takes each code unit of a literal for a byte, where CEL takes the bytes of UTF-8. */
function bytesOf(node: ValueNode, read: (literal: string) => Node): unknown {
  const literal = node.input.slice(node.start, node.end);
  const escaped = literal.replace(/[^\p{ASCII}]/gu, (character) =>
    Buffer.from(character).toString("hex").replace(/../g, "\\x$&"),
  );
  return escaped === literal ? node.args : read(escaped).args;
}

type Retype = (checker: Checker, type: EngineType, node: Node) => EngineType;

/** Has the checker take another type for a node than it finds. */
function retype(node: Node, change: Retype): void {
  const { check } = node.meta;
  node.setMeta("check", (checker, self, scope) => change(checker, check(checker, self, scope), self));
}

/** What is selected from `[]`, `{}` or `optional.none()` may be anything; the engine has no type for it. */
const openType: Retype = (checker, type) => {
  if (!type.hasPlaceholderType) return type;
  return checker.getType(OPEN.get(type.kind) ?? "dyn");
};

const OPEN = new Map([
  ["list", "list<dyn>"],
  ["map", "map<dyn, dyn>"],
  ["optional", "optional<dyn>"],
]);

/** The engine takes the sum of a duration and a timestamp, in this order, for a duration. */
const typeOfSum: Retype = (checker, type, node) => {
  if (node.op !== "+" || node.args[1].checkedType?.name !== TIMESTAMP) return type;
  return checker.getType(TIMESTAMP);
};

const TIMESTAMP = "google.protobuf.Timestamp";
