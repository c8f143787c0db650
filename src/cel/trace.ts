import type { Read, Trace } from "./expression.ts";
import { binderOf, presenceOf, written as children, type LogicNode, type Node } from "./node.ts";

/** What a trace is made with. */
export interface Tracing {
  readonly source: string;
  readonly reads: readonly Read[];
  /** The value of one node of the tree; never throws. */
  readonly evaluate: (node: Node) => unknown;
  /** The names that stand for no attribute: types and namespaces. */
  readonly constants: ReadonlySet<string>;
}

/**
 * What a node and the parts that it is written of come to, each looked at by itself. What CEL would not look at, because
 * something before it decides, is not evaluated; nor is what depends on the variable of a loop.
 */
export function traceOf(node: Node, tracing: Tracing): Trace {
  const value = tracing.evaluate(node);
  return { ...outlined(node, tracing), state: "reached", value, parts: partsOf(node, tracing) };
}

function partsOf(node: Node, tracing: Tracing): readonly Trace[] {
  const trace = (part: Node): Trace => traceOf(part, tracing);
  const isTold = (part: Node): boolean => !isConstant(part, tracing.constants);
  switch (node.op) {
    case "&&":
    case "||":
      return untilDecided(operandsOf(node), node.op === "||", tracing);
    case "?:": {
      const [condition, yes, no] = node.args;
      const decided = trace(condition);
      return [
        decided,
        decided.value === true ? trace(yes) : unreached(yes, tracing),
        decided.value === false ? trace(no) : unreached(no, tracing),
      ];
    }
    default:
      return told(node).filter(isTold).map(trace);
  }
}

/** The parts with a value of their own. A path is one thing: what it goes through says nothing. */
function told(node: Node): readonly Node[] {
  if (presenceOf(node) !== undefined || isPath(node)) return [];
  const binder = binderOf(node);
  return binder === undefined ? children(node) : [binder.source];
}

/** `a && b && c` is one question of three parts, however its tree leans. */
function operandsOf(node: LogicNode): readonly Node[] {
  return node.args.flatMap((side) => (side.op === node.op ? operandsOf(side) : [side]));
}

function untilDecided(operands: readonly Node[], decisive: boolean, tracing: Tracing): readonly Trace[] {
  let isDecided = false;
  return operands.map((operand) => {
    if (isDecided) return unreached(operand, tracing);
    const traced = traceOf(operand, tracing);
    isDecided = traced.value === decisive;
    return traced;
  });
}

const unreached = (node: Node, tracing: Tracing): Trace => ({
  ...outlined(node, tracing),
  state: "unreached",
  value: undefined,
  parts: [],
});

function outlined({ start, end }: Node, { source, reads }: Tracing): Pick<Trace, "source" | "reads"> {
  return {
    source: written(source, start, end),
    reads: reads.filter((read) => read.start >= start && read.end <= end),
  };
}

/** The engine's spans leave out a parenthesis at either end: what belongs to one inside is added. */
function written(source: string, start: number, end: number): string {
  const text = source.slice(start, end);
  let open = 0;
  let closed = 0;
  for (const [sign] of text.matchAll(STRING_OR_PARENTHESIS)) {
    if (sign === "(") open++;
    else if (sign === ")" && open > 0) open--;
    else if (sign === ")") closed++;
  }
  return `${"(".repeat(closed)}${text}${")".repeat(open)}`;
}

const STRING_OR_PARENTHESIS = /"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[()]/g;

/** `request.headers["x-a"]`, and no index that is to be found out. */
function isPath(node: Node): boolean {
  switch (node.op) {
    case "id":
      return true;
    case ".":
    case ".?":
      return isPath(node.args[0]);
    case "[]":
    case "[?]":
      return isPath(node.args[0]) && node.args[1].op === "value";
    default:
      return false;
  }
}

function isConstant(node: Node, constants: ReadonlySet<string>): boolean {
  if (node.op === "id") return constants.has(node.args);
  if (node.op === "value") return true;
  return (
    (node.op === "list" || node.op === "map") && children(node).every((one) => isConstant(one, constants))
  );
}
