import { UNKNOWN, Unknown, type Expression, type Read } from "../cel/expression.ts";
import { isPackable, unpacked } from "../cel/transport.ts";
import { secretIn } from "./compile-asks.ts";
import type { Code } from "./codes.ts";
import { CarriedIdentities } from "./evidence.ts";
import type { RecordType } from "./records.ts";
import type { Scope } from "./scope.ts";
import type { Carry } from "./telemetry.ts";

/** Why what an expression reads of the check is not carried. */
export interface CarryProblem {
  readonly code: Code;
  readonly message: string;
  readonly hint: string;
}

/** What of a check is an object with fields, and the types of those. */
export interface CarriedTypes {
  readonly identities: ReadonlyMap<string, RecordType>;
  readonly answers: ReadonlyMap<string, RecordType>;
}

/**
 * What the expressions over entries of one policy read of its checks: found out at load, path by path, so that a check leaves
 * `auth.user.team` and not all that a token says; and put together again for the entry.
 */
export class Carries {
  readonly #scope: Scope;
  readonly #types: CarriedTypes;
  readonly #carries = new Map<string, Carry>();
  readonly #roots = new Map<string, Branch>();

  /** `scope` is the policy's own, in which rules of checks are compiled. */
  constructor(scope: Scope, types: CarriedTypes) {
    this.#scope = scope;
    this.#types = types;
  }

  get all(): readonly Carry[] {
    return [...this.#carries.values()];
  }

  /** A name that is carried as a whole: `writes` or `platform.writes`. */
  addName(name: string): CarryProblem | undefined {
    const carry = this.#carry(name);
    return "message" in carry ? carry : undefined;
  }

  /** A read that begins with `auth`, `path` or an answer's name. */
  addRead(read: Read): CarryProblem | undefined {
    const names = read.steps.map(({ name }) => name);
    const least = read.root === "auth" ? 2 : 1;
    const isRaw = read.root === "auth" && names[1] === "raw" && names.length === 2;
    if (read.how !== "has" && (names.length < least || isRaw)) return notWhole([read.root, ...names]);
    const firstTold = read.how === "value" ? names.length + 1 : read.how === "has" ? names.length : 1;
    for (let length = firstTold; length <= names.length; length++) {
      const problem = this.#add(read.root, names.slice(0, length), "presence");
      if (problem !== undefined) return problem;
    }
    return read.how === "has" ? undefined : this.#add(read.root, names, "value");
  }

  /** The value of a name that is carried as a whole; UNKNOWN where it was not. */
  valueOf(name: string, values: ReadonlyMap<string, unknown> | undefined): unknown {
    const carry = this.#carries.get(name);
    return (carry && valueOf(carry, values)) ?? UNKNOWN.ours;
  }

  /** The value of `auth`, `path` or an answer with what was carried of it. */
  restore(root: string, values: ReadonlyMap<string, unknown> | undefined): unknown {
    const branch = this.#roots.get(root);
    if (branch === undefined) return root === "auth" ? new CarriedIdentities() : UNKNOWN.ours;
    return restored(branch, values, "root");
  }

  #add(root: string, names: readonly string[], what: "value" | "presence"): CarryProblem | undefined {
    const carry = this.#carry(what === "value" ? pathText(root, names) : presenceText(root, names));
    if ("message" in carry) return carry;
    let branch = this.#branchOf(root);
    for (const [index, name] of names.entries()) {
      const known = branch.children.get(name);
      const next = known ?? newBranch(index === 0 ? this.#identityType(root, name) : undefined);
      branch.children.set(name, next);
      branch = next;
    }
    branch[what] = carry;
    return undefined;
  }

  #branchOf(root: string): Branch {
    const known = this.#roots.get(root);
    if (known !== undefined) return known;
    const made = newBranch(root === "auth" ? IDENTITIES : this.#types.answers.get(root));
    this.#roots.set(root, made);
    return made;
  }

  #identityType(root: string, name: string): RecordType | undefined {
    return root === "auth" ? this.#types.identities.get(name) : undefined;
  }

  #carry(source: string): Carry | CarryProblem {
    const known = this.#carries.get(source);
    if (known !== undefined) return known;
    const expression = this.#compile(source);
    if (expression === undefined || !isPackable(expression.type)) {
      const isObject = /^(?:Record_|Workload$|Shared_)/.test(expression?.type ?? "");
      const type = isObject ? "an object with fields" : (expression?.type ?? "of no known type");
      const message = `${source} is ${type}, and a check carries plain values to the entry only`;
      return { code: "not-carried", message, hint: "read a part of it that is a value, or a list of such" };
    }
    const secret = secretIn(this.#scope.mentions(expression));
    if (secret !== undefined && expression.type !== "bool") {
      const message = `${source} depends on ${secret}, which is secret, and what is carried to the entry is logged`;
      return {
        code: "secret-value",
        message,
        hint: "carry what a comparison comes to, which is true or false",
      };
    }
    const carry = { name: source, expression };
    this.#carries.set(source, carry);
    return carry;
  }

  /** What path patterns bind need not be asked for first: here it may be missing. */
  #compile(source: string): Expression | undefined {
    const [, binding] = /^path\.(\w+)$/.exec(source) ?? [];
    const asked = binding === undefined ? undefined : this.#scope.compiler(`has(path.${binding})`);
    const scope = asked !== undefined && "reads" in asked ? this.#scope.proving(asked) : this.#scope;
    const found = scope.compiler(source);
    return "evaluate" in found ? found : undefined;
  }
}

/** One step of what is read: its own value, whether it is there, and what is read further in. */
interface Branch {
  /** Makes what stands for it; a Map where it has no fields of its own. */
  readonly type: Pick<RecordType, "construct"> | undefined;
  readonly children: Map<string, Branch>;
  value: Carry | undefined;
  presence: Carry | undefined;
}

const newBranch = (type: Branch["type"]): Branch => ({
  type,
  children: new Map(),
  value: undefined,
  presence: undefined,
});

const IDENTITIES: Branch["type"] = { construct: (entries) => new CarriedIdentities(entries) };

/** Undefined where there was none; UNKNOWN where that was not carried. */
function restored(
  branch: Branch,
  values: ReadonlyMap<string, unknown> | undefined,
  where: "root" | "inside",
): unknown {
  const own = branch.value && valueOf(branch.value, values);
  if (own !== undefined) return own;
  const presence = branch.presence && valueOf(branch.presence, values);
  if (presence === false) return undefined;
  if (branch.children.size === 0) return (branch.value === undefined && presence === true) || UNKNOWN.ours;
  const parts = Array.from(branch.children, ([name, child]) => ({
    name,
    child,
    found: restored(child, values, "inside"),
  }));
  const isKnown = presence === true || parts.some(({ found }) => !(found instanceof Unknown));
  if (!isKnown && where === "inside") return UNKNOWN.ours;
  const present = parts.filter(({ found }) => found !== undefined);
  if (branch.type !== undefined)
    return branch.type.construct(present.map(({ name, found }) => [name, found]));
  // A map has its keys or not: nothing can stand there for what is not known.
  const isUncertain = parts.some(
    ({ child, found }) => found instanceof Unknown && child.presence !== undefined,
  );
  if (isUncertain) return UNKNOWN.ours;
  const known = present.filter(({ found }) => !(found instanceof Unknown));
  return new Map(known.map(({ name, found }) => [name, found]));
}

function valueOf({ name, expression }: Carry, values: ReadonlyMap<string, unknown> | undefined): unknown {
  const found = values?.get(name);
  return found === undefined ? undefined : unpacked(found, expression.type);
}

/** Steps that are fields; those further in are keys of maps. */
const fieldsOf = (root: string): number => (root === "auth" ? 2 : 1);

const pathText = (root: string, names: readonly string[]): string =>
  names.reduce(
    (text, name, index) => (index < fieldsOf(root) ? `${text}.${name}` : `${text}[${JSON.stringify(name)}]`),
    root,
  );

function presenceText(root: string, names: readonly string[]): string {
  const outer = names.slice(0, -1);
  const last = names.at(-1) ?? "";
  return outer.length < fieldsOf(root)
    ? `has(${pathText(root, names)})`
    : `${JSON.stringify(last)} in ${pathText(root, outer)}`;
}

function notWhole(names: readonly string[]): CarryProblem {
  const path = names.join(".");
  const message = `${path} is read as a whole, and checks carry to the entry only what is named`;
  return {
    code: "not-carried",
    message,
    hint: `read a part of it, such as ${path}.…, or ask has(${path}.…)`,
  };
}
