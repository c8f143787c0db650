import { changeOf, orderChange, withOrder, type Both, type Change, type File } from "./change.ts";
import { contentsOf } from "./changes-of-content.ts";
import { changesOfDomain } from "./changes-of-domains.ts";
import type { Document } from "./document.ts";
import { textOf } from "./fields.ts";
import type { Kind } from "./kind.ts";
import type { Loaded } from "./load.ts";
import { isList, isMapping, type Plain } from "./tree.ts";
import { writtenOf, type Written } from "./written.ts";

/** The files at one time. */
export interface State {
  readonly loaded: Loaded;
  /** What weir.yaml's handlers read from files, by the place where the file is named: a digest of its content. */
  readonly handlerFiles: Written;
}

/**
 * What differs between two states of the files, told from what they say, so that files with errors are compared too:
 * policies with their rules and quotas, shared files with what their data files hold, rate limits, overrides, and what of weir.yaml decides.
 * Where files stand and how they are laid out makes no difference.
 */
export function changesOf(before: State, after: State): readonly Change[] {
  const sides = [before, after] as const;
  return [
    ...changesBetween(sides, "policy", changesOfPolicy),
    ...changesBetween(sides, "shared", (name, files) =>
      changeOf("shared", name, files, usersOf(name, sides)),
    ),
    ...changesBetween(sides, "domain", changesOfDomain),
    ...changesOfOverrides(before.loaded, after.loaded),
    ...changesBetween(sides, "server", (name, files) => changeOf("server", name, files, [])),
  ];
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
    const name = kind === "server" ? "weir.yaml" : isMapping(plain) ? textOf(plain.get(kind)) : undefined;
    if (document.kind !== kind || !isMapping(plain) || name === undefined || files.has(name)) continue;
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

/** What says nothing about any verdict: the name, and rules, quotas and descriptors, which are looked at one by one. */
const NOT_VALUES: ReadonlySet<string> = new Set([
  "weir",
  "policy",
  "shared",
  "rules",
  "quotas",
  "domain",
  "descriptors",
]);

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

function changesOfPolicy(name: string, files: Both): readonly Change[] {
  const [old, now] = [partsOf(files.before, "rules"), partsOf(files.after, "rules")];
  const quotas = [partsOf(files.before, "quotas"), partsOf(files.after, "quotas")] as const;
  // The first refusal by position answers, and the first allow gives its effects.
  const order = orderChange("order of rules", [...old.keys()], [...now.keys()]);
  const [own] = changeOf("policy", name, files, []);
  return [
    ...withOrder(own, { of: "policy", name }, order === undefined ? [] : [order]),
    ...changesOfParts("rule", name, [old, now]),
    ...changesOfParts("quota", name, quotas),
  ];
}

/** What became of the rules, or the quotas, of a policy, one by one. */
const changesOfParts = (
  of: "rule" | "quota",
  policy: string,
  [old, now]: readonly [ReadonlyMap<string, File>, ReadonlyMap<string, File>],
): readonly Change[] =>
  [...new Set([...old.keys(), ...now.keys()])].flatMap((id) =>
    changeOf(of, `${policy}/${id}`, { before: old.get(id), after: now.get(id) }, []),
  );

/** By id, by position. */
function partsOf(file: File | undefined, list: "rules" | "quotas"): ReadonlyMap<string, File> {
  const parts = file?.plain.get(list);
  const found = new Map<string, File>();
  for (const part of isList(parts) ? parts : []) {
    const id = isMapping(part) ? part.get("id") : undefined;
    if (!isMapping(part) || typeof id !== "string") continue;
    const values = Array.from(part).filter(([key]) => key !== "id");
    found.set(id, { plain: part, written: writtenOf(new Map(values)) });
  }
  return found;
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
