import { parseCidr, Ip } from "../std/ip.ts";
import * as evaluate from "./evaluate.ts";
import * as read from "./read.ts";
import type { Problem } from "./expression.ts";
import type { Meter } from "./meter.ts";
import {
  binderOf,
  constantString,
  countNodes,
  executed,
  isBinary,
  presenceOf,
  type Evaluate,
  type FieldNode,
  type IndexNode,
  type Macro,
  type Node,
} from "./node.ts";
import { compileRegex, regexMatch } from "./regex.ts";
import { toPublicType } from "./types.ts";

/**
 * Gives every node of a checked expression our evaluation, and returns what the checker does not see:
 * regular expressions that are bad or not constant, bad constant addresses, fields named at run time.
 */
export function rewrite(meter: Meter, root: Node): readonly Problem[] {
  const rewriter = new Rewriter(meter);
  rewriter.descend(root, new Set());
  return rewriter.problems;
}

class Rewriter {
  readonly problems: Problem[] = [];
  readonly #meter: Meter;

  constructor(meter: Meter) {
    this.#meter = meter;
  }

  descend(node: Node, bound: ReadonlySet<string>): void {
    const { alternate, macro } = node.meta;
    if (alternate !== undefined) {
      this.descend(alternate, bound);
    } else if (macro !== undefined) {
      this.#macro(node, macro, bound);
    } else if (node.op === "comprehension") {
      const { iterable, init, step, iterVarName } = node.args;
      this.descend(iterable, bound);
      this.descend(init, bound);
      this.descend(step, new Set([...bound, iterVarName]));
      node.setMeta("evaluate", evaluate.comprehension(this.#meter, node, countNodes(step)));
    } else {
      for (const child of executed(node)) this.descend(child, bound);
      const evaluation = this.#evaluationOf(node, bound);
      if (evaluation !== undefined) node.setMeta("evaluate", evaluation);
    }
  }

  #macro(node: Node, macro: Macro, bound: ReadonlySet<string>): void {
    const argument = presenceOf(node);
    if (argument?.op === "." || argument?.op === ".?") {
      this.descend(argument.args[0], bound);
      const present = read.presence(this.#meter, argument);
      macro.evaluate = (evaluator, _macro, variables) => present(evaluator, argument, variables);
      return;
    }
    const binder = binderOf(node);
    const inner = binder === undefined ? bound : new Set([...bound, ...binder.names]);
    for (const part of executed(node)) this.descend(part, binder?.bodies.includes(part) ? inner : bound);
    const meter = this.#meter;
    if (macro.evaluation !== undefined) {
      macro.evaluate = macro.evaluation(meter);
      return;
    }
    const engines = macro.evaluate.bind(macro);
    macro.evaluate = (evaluator, self, variables) => {
      try {
        return engines(evaluator, self, variables);
      } catch (error) {
        throw meter.fail(error);
      }
    };
  }

  #evaluationOf(node: Node, bound: ReadonlySet<string>): Evaluate | undefined {
    const meter = this.#meter;
    switch (node.op) {
      case "id":
        return bound.has(node.args) ? read.local(node) : read.variable(meter, node);
      case ".":
      case ".?":
        this.#refuseNamespace(node);
        return selectsOptional(node)
          ? read.optionalElement(meter, node.args[0], node.args[1])
          : readField(meter, node, node.args[1], bound);
      case "[]":
      case "[?]":
        return this.#index(node, bound);
      case "map":
        return this.#map(node);
      case "call":
      case "rcall":
        return this.#call(node) ?? evaluate.call(meter, node);
      default:
        return operatorOf(meter, node);
    }
  }

  /** A namespace has functions only, but the engine takes any field of its own ones for a dyn. */
  #refuseNamespace(node: FieldNode): void {
    const type = node.args[0].checkedType;
    if (type?.name.endsWith("Namespace") !== true) return;
    this.#report(node, "cel-type", `${toPublicType(type)} has no field ${node.args[1]}`);
  }

  #index(node: IndexNode, bound: ReadonlySet<string>): Evaluate {
    const [left, index] = node.args;
    const name = constantString(index);
    const type = left.checkedType?.kind === "optional" ? left.checkedType.valueType : left.checkedType;
    if (type?.kind === "message" && name === undefined) {
      this.#report(index, "cel-type", `a field of ${toPublicType(type)} is named by a constant string`);
    }
    if (selectsOptional(node)) return read.optionalElement(this.#meter, left, index);
    return name === undefined ? read.element(this.#meter, node) : readField(this.#meter, node, name, bound);
  }

  #map(node: Extract<Node, { op: "map" }>): Evaluate {
    for (const [key] of node.args) {
      const type = key.checkedType;
      if (type !== undefined && !["string", "int", "uint", "bool", "dyn"].includes(type.name)) {
        const found = toPublicType(type);
        this.#report(key, "cel-type", `a key of a map is a string, an int, a uint or a bool, not ${found}`);
      }
    }
    return evaluate.map(this.#meter, node);
  }

  /** The calls whose constant arguments are read at load. */
  #call(node: Extract<Node, { op: "call" | "rcall" }>): Evaluate | undefined {
    const { receiver, rest } = partsOf(node);
    switch (node.args[0]) {
      case "matches":
        return receiver === undefined ? undefined : this.#matches(receiver, rest[0] ?? node);
      case "inCidr":
        this.#constants(rest[0], "a network such as 10.0.0.0/8", (text) => parseCidr(text) !== undefined);
        return undefined;
      case "ip":
        if (node.op === "call")
          this.#constants(receiver, "an IP address", (text) => Ip.parse(text) !== undefined);
        return undefined;
      default:
        return undefined;
    }
  }

  #matches(subject: Node, pattern: Node): Evaluate | undefined {
    const text = constantString(pattern);
    if (text === undefined) {
      const hint = 'write the expression as a constant, such as r"^/v[0-9]+/"';
      this.#report(pattern, "regex-not-constant", "a regular expression must be a constant string", hint);
      return undefined;
    }
    const regex = compileRegex(text);
    if (typeof regex === "string") {
      this.#report(pattern, "bad-regex", `not a regular expression of RE2: ${regex}`);
      return undefined;
    }
    return regexMatch(this.#meter, regex, subject);
  }

  #constants(node: Node | undefined, expected: string, isGood: (text: string) => boolean): void {
    for (const one of node?.op === "list" ? node.args : [node]) {
      const text = constantString(one);
      if (one === undefined || text === undefined || isGood(text)) continue;
      this.#report(one, "cel-type", `"${text}" is not ${expected}`);
    }
  }

  #report(node: Node, code: Problem["code"], message: string, hint?: string): void {
    const { start, end } = node;
    this.problems.push({ code, message, start, end, ...(hint === undefined ? {} : { hint }) });
  }
}

/** The nodes that need nothing but their operands; constants and running results the engine evaluates. */
function operatorOf(meter: Meter, node: Node): Evaluate | undefined {
  switch (node.op) {
    case "&&":
    case "||":
      return evaluate.logic(meter, node, node.op === "||");
    case "?:":
      return evaluate.conditional(meter, node);
    case "!_":
    case "-_":
      return evaluate.unary(meter, node);
    case "list":
      return evaluate.list(node);
    default:
      return isBinary(node) ? evaluate.binary(meter, node) : undefined;
  }
}

/** `a.?b`, and any selection from what is optional already. */
function selectsOptional(node: Extract<Node, { op: "." | ".?" | "[]" | "[?]" }>): boolean {
  return node.op === ".?" || node.op === "[?]" || node.args[0].checkedType?.kind === "optional";
}

/** The first operand, and the others, of both forms of a call. */
function partsOf(node: Extract<Node, { op: "call" | "rcall" }>): {
  receiver: Node | undefined;
  rest: readonly Node[];
} {
  if (node.op === "rcall") return { receiver: node.args[1], rest: node.args[2] };
  const [receiver, ...rest] = node.args[1];
  return { receiver, rest };
}

/** A field of a message that is a variable of the context is read in one go. */
function readField(
  meter: Meter,
  node: FieldNode | IndexNode,
  name: string,
  bound: ReadonlySet<string>,
): Evaluate {
  const [left] = node.args;
  const isVariable = left.op === "id" && !bound.has(left.args) && left.checkedType?.kind === "message";
  return isVariable && left.meta.alternate === undefined
    ? read.fieldOfVariable(meter, left, node, name)
    : read.field(meter, node, name);
}
