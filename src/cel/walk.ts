import type { Read, Step } from "./expression.ts";
import {
  binderOf,
  constantString,
  presenceOf,
  written,
  type FieldNode,
  type IndexNode,
  type Node,
} from "./node.ts";

/** What an expression reads. The sets are subsets of `reads`. */
export interface Walked {
  readonly reads: readonly Read[];
  readonly guarded: ReadonlySet<Read>;
  readonly compared: ReadonlySet<Read>;
}

type Access = FieldNode | IndexNode;

/** Where the walk stands: names bound by comprehensions and cel.bind, and paths known to be present. */
interface Scope {
  readonly bound: ReadonlySet<string>;
  readonly present: ReadonlySet<string>;
}

/**
 * Every attribute path of an expression as it is written, in the order of reading, inside `has()`, macros
 * and optional selection too. The engine's checker is no help there: it accepts `has(auth.usr)`.
 * `constants` are the names that stand for no attribute: types and namespaces.
 */
export function walk(root: Node, constants: ReadonlySet<string>): Walked {
  const walker = new Walker();
  walker.visit(root, { bound: constants, present: new Set() });
  return walker;
}

class Walker implements Walked {
  readonly reads: Read[] = [];
  readonly guarded = new Set<Read>();
  readonly compared = new Set<Read>();

  visit(node: Node, scope: Scope): void {
    if (node.op === "id" || isAccess(node)) {
      this.#read(node, scope, "value");
      return;
    }
    switch (node.op) {
      case "&&":
      case "||":
        this.#logic(node.args, scope, node.op === "&&");
        return;
      case "?:":
        this.#conditional(node.args, scope);
        return;
      case "==":
      case "!=":
      case "in":
        this.#compare(node.args[0], scope);
        if (node.op === "in") this.visit(node.args[1], scope);
        else this.#compare(node.args[1], scope);
        return;
      case "call":
      case "rcall":
        this.#call(node, scope);
        return;
      default:
        for (const child of written(node)) this.visit(child, scope);
    }
  }

  /** CEL absorbs an error of either side when the other one decides, so each side guards the other. */
  #logic([left, right]: readonly [Node, Node], scope: Scope, holds: boolean): void {
    this.visit(left, proving(scope, right, holds));
    this.visit(right, proving(scope, left, holds));
  }

  #conditional([condition, yes, no]: readonly [Node, Node, Node], scope: Scope): void {
    this.visit(condition, scope);
    this.visit(yes, proving(scope, condition, true));
    this.visit(no, proving(scope, condition, false));
  }

  #compare(side: Node, scope: Scope): void {
    if (!isAccess(side) && side.op !== "id") {
      this.visit(side, scope);
      return;
    }
    const read = this.#read(side, scope, "value");
    // Behind an index that is not constant, what is compared is not the read itself.
    if (read?.end === side.end) this.compared.add(read);
  }

  #call(node: Node, scope: Scope): void {
    const argument = presenceOf(node);
    const binder = binderOf(node);
    if (argument !== undefined) {
      if (isAccess(argument)) this.#read(argument, scope, "has");
      else this.visit(argument, scope);
    } else if (binder !== undefined) {
      this.visit(binder.source, scope);
      const inner = { ...scope, bound: new Set([...scope.bound, ...binder.names]) };
      for (const body of binder.bodies) this.visit(body, inner);
    } else {
      for (const child of written(node)) this.visit(child, scope);
    }
  }

  /** Reports the path of an access once, and visits what stands in its indexes and at its foot. */
  #read(node: Access | Extract<Node, { op: "id" }>, scope: Scope, how: Read["how"]): Read | undefined {
    this.#visitInside(node, scope);
    const path = pathOf(node, scope.bound);
    if (path === undefined) return undefined;
    const { root, steps, end, isWhole, isOptional } = path;
    const last = how === "has" && !isWhole ? "value" : how;
    const read: Read = {
      root,
      steps,
      start: path.start,
      end,
      how: isOptional && last === "value" ? "optional" : last,
    };
    this.reads.push(read);
    if (read.how !== "value" || isPresent(read, scope.present)) this.guarded.add(read);
    return read;
  }

  #visitInside(node: Node, scope: Scope): void {
    if (!isAccess(node)) {
      if (node.op !== "id") this.visit(node, scope);
      return;
    }
    this.#visitInside(node.args[0], scope);
    if (!isField(node) && node.args[1].op !== "value") this.visit(node.args[1], scope);
  }
}

interface Path {
  readonly root: string;
  readonly steps: readonly Step[];
  readonly start: number;
  readonly end: number;
  /** False behind an index that is no constant string: the path ended before it. */
  readonly isWhole: boolean;
  readonly isOptional: boolean;
}

function pathOf(node: Node, bound: ReadonlySet<string>): Path | undefined {
  if (node.op === "id") {
    if (bound.has(node.args)) return undefined;
    const { start, end } = node;
    return { root: node.args, steps: [], start, end, isWhole: true, isOptional: false };
  }
  if (!isAccess(node)) return undefined;
  const path = pathOf(node.args[0], bound);
  if (path?.isWhole !== true) return path;
  const step = stepOf(node);
  if (step === undefined) return { ...path, isWhole: false };
  const isOptional = path.isOptional || node.op === ".?" || node.op === "[?]";
  return { ...path, steps: [...path.steps, step], end: node.end, isOptional };
}

/** The step's span is the name's, or that of the constant between the brackets. */
function stepOf(node: Access): Step | undefined {
  if (isField(node)) {
    return { name: node.args[1], access: "field", start: node.pos, end: node.end };
  }
  const name = constantString(node.args[1]);
  if (name === undefined) return undefined;
  return { name, access: "index", start: node.args[1].start, end: node.args[1].end };
}

const isField = (node: Access): node is FieldNode => node.op === "." || node.op === ".?";

function isAccess(node: Node): node is Access {
  return node.op === "." || node.op === ".?" || node.op === "[]" || node.op === "[?]";
}

/** The scope in which `condition` is known to be `outcome`. */
function proving(scope: Scope, condition: Node, outcome: boolean): Scope {
  const proved = provedBy(condition, outcome, scope.bound);
  return proved.length === 0 ? scope : { ...scope, present: new Set([...scope.present, ...proved]) };
}

/** The paths that are present where `node` is `outcome`. */
function provedBy(node: Node, outcome: boolean, bound: ReadonlySet<string>): readonly string[] {
  switch (node.op) {
    case "!_":
      return provedBy(node.args, !outcome, bound);
    case "&&":
    case "||":
      if ((node.op === "&&") !== outcome) return [];
      return node.args.flatMap((side) => provedBy(side, outcome, bound));
    case "in": {
      const name = constantString(node.args[0]);
      return outcome && name !== undefined ? keysOf(pathOf(node.args[1], bound), name) : [];
    }
    case "call": {
      const argument = presenceOf(node);
      return outcome && argument !== undefined ? keysOf(pathOf(argument, bound)) : [];
    }
    default:
      return [];
  }
}

function keysOf(path: Path | undefined, ...more: readonly string[]): readonly string[] {
  if (path?.isWhole !== true) return [];
  return [keyOf(path.root, [...path.steps.map((step) => step.name), ...more])];
}

function isPresent({ root, steps }: Read, present: ReadonlySet<string>): boolean {
  if (present.size === 0) return false;
  const names = steps.map((step) => step.name);
  return names.some((_, index) => present.has(keyOf(root, names.slice(0, index + 1))));
}

const keyOf = (root: string, names: readonly string[]): string => JSON.stringify([root, ...names]);
