/** How values are read from the context and from one another. Every fault is recorded here, where it arises. */
import { elementOf, entryOf, fieldOf, hasEntry } from "./access.ts";
import type { Meter } from "./meter.ts";
import {
  typeOf,
  type Evaluate,
  type Evaluator,
  type FieldNode,
  type IdNode,
  type IndexNode,
  type Node,
} from "./node.ts";
import { acceptsOf, isCelValue, isMap, Optional } from "./types.ts";

/** A variable of the environment: read from the context, where its getter may fail, and checked once. */
export function variable(meter: Meter, node: IdNode): Evaluate {
  const name = node.args;
  const accepts = acceptsOf(typeOf(node));
  return (evaluator, _node, variables) => {
    let value: unknown;
    try {
      value = variables.getValue(name);
    } catch (error) {
      throw meter.fail(error);
    }
    if (value === undefined || !accepts(value, evaluator)) throw refuse(meter, value);
    return value;
  };
}

/** A variable of a comprehension or of cel.bind: the engine has checked its value. */
export function local(node: IdNode): Evaluate {
  const name = node.args;
  return (_evaluator, _node, variables) => variables.getValue(name);
}

/** `value.name` and `value["name"]`, where the name is constant. */
export function field(meter: Meter, node: FieldNode | IndexNode, name: string): Evaluate {
  const [left] = node.args;
  const accepts = acceptsOf(typeOf(node));
  const read = readerOf(meter, left);
  return (evaluator, _node, variables) => {
    const value = left.evaluate(evaluator, left, variables);
    let found: unknown;
    try {
      found = read(evaluator, value, name);
    } catch (error) {
      throw meter.fail(error);
    }
    if (found === undefined || !accepts(found, evaluator)) throw refuse(meter, found);
    return found;
  };
}

/** `request.method`: a field of a message that is a variable, the two readings in one. Most of what rules read is such. */
export function fieldOfVariable(
  meter: Meter,
  variableNode: IdNode,
  node: FieldNode | IndexNode,
  name: string,
): Evaluate {
  const root = variableNode.args;
  const acceptsRoot = acceptsOf(typeOf(variableNode));
  const accepts = acceptsOf(typeOf(node));
  return (evaluator, _node, variables) => {
    let found: unknown;
    try {
      const value = variables.getValue(root);
      if (value === undefined || !acceptsRoot(value, evaluator)) throw refuse(meter, value);
      found = fieldOf(value as object, name);
    } catch (error) {
      throw meter.fail(error);
    }
    if (found === undefined || !accepts(found, evaluator)) throw refuse(meter, found);
    return found;
  };
}

/** `value[index]`. */
export function element(meter: Meter, node: IndexNode): Evaluate {
  const [left, index] = node.args;
  const accepts = acceptsOf(typeOf(node));
  return (evaluator, _node, variables) => {
    const value = left.evaluate(evaluator, left, variables);
    const key = index.evaluate(evaluator, index, variables);
    let found: unknown;
    try {
      found = elementOf(meter, evaluator, value, key);
    } catch (error) {
      throw meter.fail(error);
    }
    if (found === undefined || !accepts(found, evaluator)) throw refuse(meter, found);
    return found;
  };
}

/** `value.?name`, `value[?index]`, and any selection from an optional value: an optional. */
export function optionalElement(meter: Meter, left: Node, key: Node | string): Evaluate {
  return (evaluator, _node, variables) => {
    const value = left.evaluate(evaluator, left, variables);
    const name = typeof key === "string" ? key : key.evaluate(evaluator, key, variables);
    let found: unknown;
    try {
      found = elementOf(meter, evaluator, value, name);
    } catch (error) {
      throw meter.fail(error);
    }
    if (found === undefined) return Optional.none();
    if (!isCelValue(found, evaluator)) throw refuse(meter, found);
    return Optional.of(found);
  };
}

/** `has(value.name)`: whether a value has the field; UNKNOWN where the value itself is missing. */
export function presence(meter: Meter, node: FieldNode): Evaluate {
  const [left, name] = node.args;
  return (evaluator, _node, variables) => {
    const value = left.evaluate(evaluator, left, variables);
    try {
      if (isMap(value)) return hasEntry(value, name);
      const found = elementOf(meter, evaluator, value, name);
      return found !== undefined && meter.present(found) === found;
    } catch (error) {
      throw meter.fail(error);
    }
  };
}

type Reader = (evaluator: Evaluator, value: unknown, name: string) => unknown;

/** The shortest way to a field that the left side's type allows. */
function readerOf(meter: Meter, left: Node): Reader {
  const type = typeOf(left);
  // What has these types was checked when it was read itself.
  if (type.kind === "message") return (_evaluator, value, name) => fieldOf(value as object, name);
  if (type.kind === "map") return (_evaluator, value, name) => entryOf(value as Map<unknown, unknown>, name);
  return (evaluator, value, name) => elementOf(meter, evaluator, value, name);
}

/** The fault of a value that is missing, UNKNOWN, or not of its type. */
function refuse(meter: Meter, value: unknown): Error {
  meter.present(value);
  return meter.fault("request");
}
