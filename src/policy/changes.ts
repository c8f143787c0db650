import { contentsOf } from "./changes-of-content.ts";
import type { Document } from "./document.ts";
import type { Kind } from "./kind.ts";
import type { Loaded } from "./load.ts";
import { isList, isMapping, Literal, type Plain } from "./tree.ts";
import { fieldChanges, writtenOf, type FieldChange, type Written } from "./written.ts";

/** One thing of the files that is other than it was, and that can change a verdict. */
export interface Change {
  /** `to-shadow` and `to-enforcement`: it was, or is, evaluated and not enforced; other fields may have changed with it. */
  readonly kind: "added" | "removed" | "changed" | "to-shadow" | "to-enforcement";
  readonly of: "policy" | "rule" | "shared" | "server" | "override";
  /** `orders`, `orders/owner`, `platform`, `weir.yaml`. */
  readonly name: string;
  readonly fields: readonly FieldChange[];
  /** The policies that use it, on either side; of a shared file only. */
  readonly usedBy: readonly string[];
}

/** The files at one time. */
export interface State {
  readonly loaded: Loaded;
  /** What weir.yaml's handlers read from files, by the place where the file is named: a digest of its content. */
  readonly handlerFiles: Written;
}

/**
 * What differs between two states of the files, told from what they say, so that files with errors are compared too:
 * policies and their rules, shared files with what their data files hold, overrides, and what of weir.yaml decides.
 * Where files stand and how they are laid out makes no difference.
 */
export function changesOf(before: State, after: State): readonly Change[] {
  const sides = [before, after] as const;
  return [
    ...changesBetween(sides, "policy", changesOfPolicy),
    ...changesBetween(sides, "shared", (name, files) =>
      changeOf("shared", name, files, usersOf(name, sides)),
    ),
    ...changesOfOverrides(before.loaded, after.loaded),
    ...changesBetween(sides, "server", (name, files) => changeOf("server", name, files, [])),
  ];
}

/** A file on both sides; undefined where there is none. */
interface Both {
  readonly before: File | undefined;
  readonly after: File | undefined;
}

interface File {
  readonly plain: ReadonlyMap<string, Plain>;
  /** Its values, with what the files hold that it names; without rules. */
  readonly written: Written;
}

function changesBetween(
  [before, after]: readonly [State, State],
  kind: Kind,
  compare: (name: string, files: Both) => readonly Change[],
): readonly Change[] {
  const [old, now] = [filesOf(before, kind), filesOf(after, kind)];
  return [...new Set([...old.keys(), ...now.keys()])]
    .sort()
    .flatMap((name) => compare(name, { before: old.get(name), after: now.get(name) }));
}

/** The files of a kind by the name that they give themselves. */
function filesOf({ loaded, handlerFiles }: State, kind: Kind): ReadonlyMap<string, File> {
  const files = new Map<string, File>();
  for (const document of loaded.documents) {
    const { plain } = document;
    const name = kind === "server" ? "weir.yaml" : isMapping(plain) ? plain.get(kind) : undefined;
    if (document.kind !== kind || !isMapping(plain) || typeof name !== "string" || files.has(name)) continue;
    files.set(name, {
      plain,
      written: new Map([
        ...valuesOf(document, plain),
        ...contentsOf(document, loaded),
        ...(kind === "server" ? handlerFiles : []),
      ]),
    });
  }
  return files;
}

/** What says nothing about any verdict: the name, and rules, which are looked at one by one. */
const NOT_VALUES: ReadonlySet<string> = new Set(["weir", "policy", "shared", "rules"]);

function valuesOf(document: Document, plain: ReadonlyMap<string, Plain>): Written {
  const values = Array.from(plain).filter(([key]) => !NOT_VALUES.has(key));
  const written = writtenOf(new Map(values));
  if (document.kind !== "server") return written;
  return new Map(Array.from(written).filter(([key]) => !SILENT.some((pattern) => pattern.test(key))));
}

/** What of weir.yaml changes no verdict: where weir listens, what it writes down. */
const SILENT: readonly RegExp[] = [
  /^decisions\b/,
  /^maxInFlight$/,
  /^listen\.(?:admin|metrics)\b/,
  /^listen\.(?:grpc|http)\.(?!role|allow)/,
];

function changeOf(
  of: Change["of"],
  name: string,
  { before, after }: Both,
  usedBy: readonly string[],
): readonly Change[] {
  const fields = fieldChanges(before?.written ?? new Map(), after?.written ?? new Map());
  if (before === undefined || after === undefined)
    return [{ kind: before === undefined ? "added" : "removed", of, name, fields, usedBy }];
  const shift = shiftOf(before.plain.get("mode"), after.plain.get("mode"));
  return fields.length === 0 ? [] : [{ kind: shift ?? "changed", of, name, fields, usedBy }];
}

/** Whether a mode moves something out of, or into, what is enforced. */
function shiftOf(
  before: Plain | undefined,
  after: Plain | undefined,
): "to-shadow" | "to-enforcement" | undefined {
  if (isShadow(before) === isShadow(after)) return undefined;
  return isShadow(after) ? "to-shadow" : "to-enforcement";
}

function isShadow(mode: Plain | undefined): boolean {
  if (!isMapping(mode)) return mode === "shadow";
  const share = mode.get("enforce");
  return (share instanceof Literal ? share.text : share) === "0%";
}

function changesOfPolicy(name: string, files: Both): readonly Change[] {
  const [old, now] = [rulesOf(files.before), rulesOf(files.after)];
  const rules = [...new Set([...old.keys(), ...now.keys()])].flatMap((id) =>
    changeOf("rule", `${name}/${id}`, { before: old.get(id), after: now.get(id) }, []),
  );
  const order = orderChange([...old.keys()], [...now.keys()]);
  const own = changeOf("policy", name, files, []);
  const [first] = own;
  if (order === undefined) return [...own, ...rules];
  const policy: Change = first ?? { kind: "changed", of: "policy", name, fields: [], usedBy: [] };
  return [{ ...policy, fields: [...policy.fields, order] }, ...rules];
}

/** By id, by position. */
function rulesOf(file: File | undefined): ReadonlyMap<string, File> {
  const rules = file?.plain.get("rules");
  const found = new Map<string, File>();
  for (const rule of isList(rules) ? rules : []) {
    const id = isMapping(rule) ? rule.get("id") : undefined;
    if (!isMapping(rule) || typeof id !== "string") continue;
    const values = Array.from(rule).filter(([key]) => key !== "id");
    found.set(id, { plain: rule, written: writtenOf(new Map(values)) });
  }
  return found;
}

/** The first refusal by position answers, and the first allow gives its effects. */
function orderChange(before: readonly string[], after: readonly string[]): FieldChange | undefined {
  const old = before.filter((id) => after.includes(id));
  const now = after.filter((id) => before.includes(id));
  const isSame = old.every((id, index) => id === now[index]);
  return isSame ? undefined : { key: "order of rules", before: old.join(", "), after: now.join(", ") };
}

/** Overrides by the rule that they are of. */
function changesOfOverrides(before: Loaded, after: Loaded): readonly Change[] {
  const [old, now] = [overridesOf(before), overridesOf(after)];
  return [...new Set([...old.keys(), ...now.keys()])]
    .sort()
    .flatMap((rule) => changeOf("override", rule, { before: old.get(rule), after: now.get(rule) }, []));
}

function overridesOf(loaded: Loaded): ReadonlyMap<string, File> {
  const found = new Map<string, File>();
  for (const { kind, plain } of loaded.documents) {
    const list = kind === "overrides" && isMapping(plain) ? plain.get("overrides") : undefined;
    for (const one of isList(list) ? list : []) {
      const rule = isMapping(one) ? one.get("rule") : undefined;
      if (!isMapping(one) || typeof rule !== "string") continue;
      const values = Array.from(one).filter(([key]) => key !== "rule");
      found.set(rule, { plain: one, written: writtenOf(new Map(values)) });
    }
  }
  return found;
}

/** The policies whose `use` names a shared file. */
function usersOf(shared: string, sides: readonly State[]): readonly string[] {
  const users = sides.flatMap(({ loaded }) =>
    loaded.documents.flatMap(({ kind, plain }) => {
      if (kind !== "policy" || !isMapping(plain)) return [];
      const [use, name] = [plain.get("use"), plain.get("policy")];
      return isList(use) && use.includes(shared) && typeof name === "string" ? [name] : [];
    }),
  );
  return [...new Set(users)].sort();
}
