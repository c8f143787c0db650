import { VOCABULARY } from "../attributes/vocabulary.ts";
import type { Expression, ObjectType, Read, TypeName } from "../cel/expression.ts";
import type { CarriedTypes } from "./carries.ts";
import type { SharedPart } from "./compile-shared.ts";
import { EMPTY_SHAPE, isReadable, type Environments, type Shape } from "./declarations.ts";
import { entrySharedClass, type EntrySharedClass } from "./entry-context.ts";
import type { Names } from "./reads.ts";
import type { Records } from "./records.ts";
import { compileIn, Scope } from "./scope.ts";
import type { Diagnostic } from "./diagnostic.ts";

/** What expressions over access-log entries see of one policy. */
export interface EntryNames {
  readonly scope: Scope;
  /** The `let` names that are evaluated over the entry; the others are carried. */
  readonly lets: ReadonlyMap<string, Expression>;
  /** By the names of the shared files that the policy uses. */
  readonly shared: ReadonlyMap<string, EntryShared>;
  readonly types: CarriedTypes;
}

/** The names of one shared file as entries see them. */
export interface EntryShared {
  readonly type: EntrySharedType;
  /** Those that are evaluated over the entry; the others are carried. */
  readonly lets: ReadonlyMap<string, Expression>;
}

interface EntrySharedType extends ObjectType {
  readonly constructedBy: EntrySharedClass;
}

export interface EntryWorld {
  readonly environments: Environments;
  readonly records: Records;
  readonly diagnostics: Diagnostic[];
}

/** A policy's own names, as its checks have them. */
export interface CheckNames {
  readonly scope: Scope;
  readonly shape: Shape;
  readonly lets: ReadonlyMap<string, Expression>;
  readonly used: readonly SharedPart[];
  readonly data: object | undefined;
}

/**
 * The names of a policy for expressions over entries. A `let` that reads what entries have, too, is evaluated there again;
 * everything else a check knew and tells.
 */
export function entryNames(
  { scope, shape, lets, used }: Omit<CheckNames, "data">,
  world: EntryWorld,
): EntryNames {
  const { environments, records, diagnostics } = world;
  const recorded = (types: ReadonlyMap<string, ObjectType>) =>
    new Map(Array.from(types, ([name, { fields }]) => [name, records.of(fields)]));
  const types: CarriedTypes = {
    identities: recorded(shape.identities),
    answers: recorded(shape.answers),
  };
  const shared = new Map(used.map((part) => [part.name, entryShared(part, world)]));
  const environment = environments.of({
    ...shape,
    ...types,
    phase: "log",
    lets: typesOf(lets),
    shared: new Map(Array.from(shared, ([name, { type }]) => [name, type])),
  });
  const names: Names = { ...scope.names, phase: "log" };
  return {
    scope: new Scope({ document: scope.document, names, environment, table: scope.table, diagnostics }),
    lets: ownLets(lets, { names, environment, shared }),
    shared,
    types,
  };
}

/** Whether what is read is carried: neither the entry nor the configuration has it. */
export function isCarried(
  { root, steps: [step] }: Read,
  { lets, shared, scope }: Pick<EntryNames, "lets" | "shared" | "scope">,
): boolean {
  const { names } = scope;
  if (names.lets.has(root)) return !lets.has(root);
  const inShared = shared.get(root);
  if (inShared !== undefined) return !inShared.lets.has(step?.name ?? "");
  return root === "auth" || root === "path" || names.answers.has(root);
}

function entryShared(
  part: SharedPart,
  { environments, records }: Pick<EntryWorld, "environments" | "records">,
): EntryShared {
  const data = part.data.values.size === 0 ? undefined : records.of(part.data.fields);
  const environment = environments.of({ ...EMPTY_SHAPE, phase: "log", lets: typesOf(part.lets), data });
  const names: Names = {
    phase: "log",
    identities: new Map(),
    lets: new Set(part.lets.keys()),
    unreadableLets: new Map(),
    paths: new Map(),
    answers: new Map(),
    shared: new Map(),
    data: part.data.fields,
  };
  const lets = ownLets(part.lets, { names, environment, shared: new Map() });
  const constructedBy = entrySharedClass(part.name, {
    own: lets,
    all: part.lets.keys(),
    data: data?.construct(part.data.values),
  });
  return { type: { name: part.type.name, constructedBy, fields: part.type.fields }, lets };
}

interface OwnWorld {
  readonly names: Names;
  readonly environment: Parameters<typeof compileIn>[0]["environment"];
  readonly shared: ReadonlyMap<string, Pick<EntryShared, "lets">>;
}

/** The `let` names that need nothing of the check, compiled anew over the entry. */
function ownLets(
  lets: ReadonlyMap<string, Expression>,
  { names, environment, shared }: OwnWorld,
): ReadonlyMap<string, Expression> {
  const own = new Map<string, Expression>();
  const isOwn = ({ root, steps: [step] }: Read): boolean => {
    if (names.lets.has(root)) return own.has(root);
    const inShared = shared.get(root);
    if (inShared !== undefined) return inShared.lets.has(step?.name ?? "");
    return root === "data" || isOfEntries(root, step?.name);
  };
  for (const [name, { source, type, reads }] of lets) {
    if (!reads.every(isOwn)) continue;
    const compiled = compileIn({ environment, names }, source, "any");
    if ("expression" in compiled && compiled.expression.type === type) own.set(name, compiled.expression);
  }
  return own;
}

/** Whether entries have the attribute. */
const isOfEntries = (root: string, field: string | undefined): boolean =>
  OF_ENTRIES.has(root) || OF_ENTRIES.has(`${root}.${field ?? ""}`);

const OF_ENTRIES: ReadonlySet<string> = new Set(
  VOCABULARY.filter((attribute) => isReadable(attribute, "log")).map(({ name }) => name),
);

const typesOf = (lets: ReadonlyMap<string, Expression>): ReadonlyMap<string, TypeName> =>
  new Map(Array.from(lets, ([name, { type }]) => [name, type]));
