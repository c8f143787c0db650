import type { EntryAttributes } from "../attributes/entry.ts";
import { rootOf, VOCABULARY } from "../attributes/vocabulary.ts";
import { UNKNOWN, type Expression } from "../cel/expression.ts";
import type { Carries } from "./carries.ts";
import type { EntryShared } from "./entry-names.ts";
import { matches, type Match } from "./match.ts";
import { subjectOf } from "./subject.ts";
import type { PolicyTelemetry } from "./telemetry.ts";

/** What decides how the expressions of one policy see an access-log entry. */
export interface EntryView {
  readonly carries: Carries;
  readonly match: Match;
  /** All `let` names, and those of them that are evaluated over the entry. */
  readonly letNames: Iterable<string>;
  readonly lets: ReadonlyMap<string, Expression>;
  readonly answers: Iterable<string>;
  readonly shared: ReadonlyMap<string, Pick<EntryShared, "type">>;
  readonly data: object | undefined;
}

/** The class of a shared file's names; `base` is the context of the policy that uses the file. */
export type EntrySharedClass = new (base: EntryContext) => object;

/** Makes the contexts of one policy: one object an entry, whose names are evaluated at most once, when they are read. */
export function entryContextMaker(view: EntryView): PolicyTelemetry["context"] {
  const { carries } = view;
  class OwnContext extends EntryContext {
    override carried(name: string): unknown {
      return carries.valueOf(name, this.values);
    }
  }
  const define = (name: string, value: (context: OwnContext) => unknown): void =>
    defineOnce(OwnContext.prototype, name, value);
  for (const name of ["auth", ...view.answers]) define(name, ({ values }) => carries.restore(name, values));
  define("path", (context) => pathOf(context, view));
  define("data", () => view.data);
  for (const name of view.letNames) {
    const own = view.lets.get(name);
    define(name, (context) => (own === undefined ? context.carried(name) : own.evaluate(context)));
  }
  for (const [name, { type }] of view.shared) define(name, (context) => new type.constructedBy(context));
  return (entry, values) => new OwnContext(entry, values);
}

/** What patterns bind: as the check has seen it, else as the entry's own path says. */
function pathOf({ entry, values }: EntryContext, { carries, match }: EntryView): unknown {
  if (values !== undefined) return carries.restore("path", values);
  return matches(match, subjectOf(entry)) ?? UNKNOWN.request;
}

const ROOTS: ReadonlySet<string> = new Set(
  VOCABULARY.filter(({ phases }) => phases.includes("log")).map(({ name }) => rootOf(name)),
);

/** One property a variable: the roots of the vocabulary are the entry's. A policy's own class adds its names. */
abstract class EntryContext {
  readonly entry: EntryAttributes;
  readonly values: ReadonlyMap<string, unknown> | undefined;
  // No name of a policy can be this one: theirs have no capitals.
  readonly ownValues = new Map<string, unknown>();

  static {
    defineRoots(this.prototype, ({ entry }) => entry);
  }

  constructor(entry: EntryAttributes, values: ReadonlyMap<string, unknown> | undefined) {
    this.entry = entry;
    this.values = values;
  }

  /** What the check has left under a name. */
  abstract carried(name: string): unknown;
}

/**
 * The class of a shared file's names, and what the file's own expressions are evaluated on. `own` are those that are evaluated
 * over the entry.
 */
export function entrySharedClass(
  file: string,
  {
    own,
    all,
    data,
  }: {
    readonly own: ReadonlyMap<string, Expression>;
    readonly all: Iterable<string>;
    readonly data: object | undefined;
  },
): EntrySharedClass {
  class Shared {
    readonly base: EntryContext;
    readonly ownValues = new Map<string, unknown>();

    constructor(base: EntryContext) {
      this.base = base;
    }

    get data(): object | undefined {
      return data;
    }
  }
  defineRoots(Shared.prototype, ({ base }) => base.entry);
  for (const name of all) {
    const expression = own.get(name);
    defineOnce<Shared>(Shared.prototype, name, (shared) =>
      expression === undefined ? shared.base.carried(`${file}.${name}`) : expression.evaluate(shared),
    );
  }
  return Shared;
}

/** The attributes of the entry, under the roots of their names. */
function defineRoots<T extends object>(prototype: T, entryOf: (self: T) => EntryAttributes): void {
  for (const root of ROOTS) {
    Object.defineProperty(prototype, root, {
      get(this: T): unknown {
        return Reflect.get(entryOf(this), root);
      },
    });
  }
}

/** A property that is made when it is first read. */
function defineOnce<T extends { readonly ownValues: Map<string, unknown> }>(
  prototype: T,
  name: string,
  value: (self: T) => unknown,
): void {
  Object.defineProperty(prototype, name, {
    get(this: T): unknown {
      if (!this.ownValues.has(name)) this.ownValues.set(name, value(this));
      return this.ownValues.get(name);
    },
  });
}
