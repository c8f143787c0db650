/**
 * How operators, calls, literals and loops are evaluated. The engine parses, checks, and carries functions
 * out; the rest is ours, so that faults are recorded where they arise, work costs steps, nothing is
 * allocated for a missing value, and map literals are real maps.
 */
import { add, inInt64, subtract } from "./arithmetic.ts";
import { hasEntry, stepsOf } from "./access.ts";
import { contains, equal, order } from "./compare.ts";
import type { Meter } from "./meter.ts";
import {
  typeOf,
  type BinaryNode,
  type CallNode,
  type ComprehensionNode,
  type ConditionalNode,
  type Evaluate,
  type Evaluator,
  type Handler,
  type ListNode,
  type LogicNode,
  type MapNode,
  type MethodNode,
  type Node,
  type UnaryNode,
} from "./node.ts";
import { UnsignedInt } from "./types.ts";

/** `&&` and `||`: an operand that is `decisive` decides, whatever became of the other one. */
export function logic(meter: Meter, node: LogicNode, decisive: boolean): Evaluate {
  const [left, right] = node.args;
  return (evaluator, _node, variables) => {
    let first: unknown;
    let failure: unknown;
    try {
      first = left.evaluate(evaluator, left, variables);
    } catch (error) {
      failure = meter.fail(error);
    }
    if (first === decisive) return decisive;
    if (first !== !decisive && failure === undefined) failure = meter.fault("request");
    const second = right.evaluate(evaluator, right, variables);
    if (second === decisive) return decisive;
    if (failure !== undefined) throw meter.fail(failure);
    if (second !== !decisive) throw meter.fault("request");
    return second;
  };
}

export function conditional(meter: Meter, node: ConditionalNode): Evaluate {
  const [condition, yes, no] = node.args;
  return (evaluator, _node, variables) => {
    const value = condition.evaluate(evaluator, condition, variables);
    if (value === true) return yes.evaluate(evaluator, yes, variables);
    if (value === false) return no.evaluate(evaluator, no, variables);
    throw meter.fault("request");
  };
}

export function unary(meter: Meter, node: UnaryNode): Evaluate {
  const operand = node.args;
  return (evaluator, _node, variables) => {
    const value = operand.evaluate(evaluator, operand, variables);
    try {
      const result = node.handle(value, node, evaluator);
      return typeof result === "bigint" ? inInt64(meter, result) : result;
    } catch (error) {
      throw meter.fail(error);
    }
  };
}

/** `request.method == "GET"`: most comparisons have a constant on their right, and need no more than this. */
function comparison(meter: Meter, left: Node, constant: string, isEqual: boolean): Evaluate {
  return (evaluator, _node, variables) =>
    equal(meter, left.evaluate(evaluator, left, variables), constant) === isEqual;
}

type Operation = (evaluator: Evaluator, left: unknown, right: unknown) => unknown;

export function binary(meter: Meter, node: BinaryNode): Evaluate {
  const [left, right] = node.args;
  const constant: unknown = right.op === "value" ? right.args : undefined;
  if (typeof constant === "string" && (node.op === "==" || node.op === "!=")) {
    return comparison(meter, left, constant, node.op === "==");
  }
  const operate = operationOf(meter, node);
  return (evaluator, _node, variables) => {
    const first = left.evaluate(evaluator, left, variables);
    const second = right.evaluate(evaluator, right, variables);
    try {
      return operate(evaluator, first, second);
    } catch (error) {
      throw meter.fail(error);
    }
  };
}

function operationOf(meter: Meter, node: BinaryNode): Operation {
  const engines: Operation = (evaluator, left, right) => node.handle(left, right, node, evaluator);
  switch (node.op) {
    case "==":
      return (_evaluator, left, right) => equal(meter, left, right);
    case "!=":
      return (_evaluator, left, right) => !equal(meter, left, right);
    case "in":
      return (_evaluator, left, right) => contains(meter, left, right);
    case "+":
      return (evaluator, left, right) => add(meter, left, right) ?? engines(evaluator, left, right);
    case "-":
      return (evaluator, left, right) => subtract(meter, left, right) ?? engines(evaluator, left, right);
    case "*":
    case "/":
    case "%":
      return (evaluator, left, right) => {
        const result = engines(evaluator, left, right);
        return typeof result === "bigint" ? inInt64(meter, result) : result;
      };
    case "<":
      return (_evaluator, left, right) => order(meter, left, right) < 0;
    case "<=":
      return (_evaluator, left, right) => order(meter, left, right) <= 0;
    case ">":
      return (_evaluator, left, right) => order(meter, left, right) > 0;
    case ">=":
      return (_evaluator, left, right) => order(meter, left, right) >= 0;
  }
}

/** `name(arguments)` and `receiver.name(arguments)`: charged by the size of what they are given. */
export function call(meter: Meter, node: CallNode | MethodNode): Evaluate {
  const operands = operandsOf(node);
  const handler = handlerOf(node, operands);
  const [first, second] = operands;
  if (handler !== undefined && first !== undefined && operands.length === 1) {
    return callOfOne(meter, handler, first);
  }
  if (handler !== undefined && first !== undefined && second !== undefined && operands.length === 2) {
    return callOfTwo(meter, handler, first, second);
  }
  return callOfMany(meter, node, operands);
}

const operandsOf = (node: CallNode | MethodNode): readonly Node[] =>
  node.op === "call" ? node.args[1] : [node.args[1], ...node.args[2]];

/** What carries the call out, where the types say so at load. Choosing it at run time costs more than most calls. */
function handlerOf(node: CallNode | MethodNode, operands: readonly Node[]): Handler | undefined {
  if (operands.some((operand) => typeOf(operand).hasDynType)) return undefined;
  const receiver = node.op === "rcall" ? typeOf(node.args[1]) : undefined;
  if (receiver?.hasPlaceholderType === true) return undefined;
  return node.candidates.findFunction(node.argTypes, receiver)?.handler;
}

function callOfOne(meter: Meter, handler: Handler, operand: Node): Evaluate {
  return (evaluator, _node, variables) => {
    const value = operand.evaluate(evaluator, operand, variables);
    const steps = stepsOf(value);
    if (steps > 0) meter.charge(steps);
    try {
      return handler(value);
    } catch (error) {
      throw meter.fail(error);
    }
  };
}

function callOfTwo(meter: Meter, handler: Handler, left: Node, right: Node): Evaluate {
  return (evaluator, _node, variables) => {
    const first = left.evaluate(evaluator, left, variables);
    const second = right.evaluate(evaluator, right, variables);
    const steps = stepsOf(first) + stepsOf(second);
    if (steps > 0) meter.charge(steps);
    try {
      return handler(first, second);
    } catch (error) {
      throw meter.fail(error);
    }
  };
}

function callOfMany(meter: Meter, node: CallNode | MethodNode, operands: readonly Node[]): Evaluate {
  return (evaluator, _node, variables) => {
    const values = operands.map((operand) => operand.evaluate(evaluator, operand, variables));
    meter.charge(values.reduce<number>((steps, value) => steps + stepsOf(value), 0));
    try {
      return node.op === "call" ? node.handle(values, node, evaluator) : node.handle(values, evaluator, node);
    } catch (error) {
      throw meter.fail(error);
    }
  };
}

/** A list of constants is made once. The empty one is not: `map` and `filter` gather their results in it. */
export function list(node: ListNode): Evaluate {
  const elements = node.args;
  if (elements.length > 0 && elements.every((one) => one.op === "value")) {
    const constants: readonly unknown[] = Object.freeze(elements.map((one) => one.args));
    return () => constants;
  }
  return (evaluator, _node, variables) => elements.map((one) => one.evaluate(evaluator, one, variables));
}

/** A map literal is a Map, so that no key is lost or special; a key that comes twice is an error, as CEL says. */
export function map(meter: Meter, node: MapNode): Evaluate {
  const entries = node.args;
  const hasUints = entries.some(([key]) => ["uint", "dyn"].includes(typeOf(key).name));
  // To find a uint among keys takes a look at each.
  const isTaken = hasUints ? hasEntry : (map: Map<unknown, unknown>, key: unknown) => map.has(key);
  return (evaluator, _node, variables) => {
    const result = new Map<unknown, unknown>();
    for (const [keyNode, valueNode] of entries) {
      const key = keyNode.evaluate(evaluator, keyNode, variables);
      if (!isKey(key) || isTaken(result, key)) throw meter.fault("request");
      result.set(key, valueNode.evaluate(evaluator, valueNode, variables));
    }
    return result;
  };
}

const isKey = (key: unknown): boolean =>
  typeof key === "string" ||
  typeof key === "bigint" ||
  typeof key === "boolean" ||
  key instanceof UnsignedInt;

/**
 * A loop. The engine swallows what is thrown inside `all` and `exists`, so the budget ends the loop through
 * its condition, and the meter's flag decides afterwards. A turn costs a step and one more for every 32
 * nodes of the body, so that a step is bounded in time.
 */
export function comprehension(meter: Meter, node: ComprehensionNode, bodySize: number): Evaluate {
  const { args } = node;
  const condition = args.condition;
  const cost = 1 + (bodySize >> 5);
  args.condition =
    condition === undefined ? () => meter.take(cost) : (result) => condition(result) && meter.take(cost);
  return (evaluator, _node, variables) => {
    const items = args.iterable.evaluate(evaluator, args.iterable, variables);
    // The engine walks a list as it is, and copies the keys of a map first.
    if (!Array.isArray(items)) meter.charge(stepsOf(items));
    try {
      return node.handle(items, args, evaluator, variables);
    } catch (error) {
      throw meter.fail(error);
    }
  };
}
