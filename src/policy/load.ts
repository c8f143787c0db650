import { resolve } from "node:path";
import { finish, type Steps } from "../std/steps.ts";
import { suggest } from "../std/suggest.ts";
import { joiningCompanions, readCompanions, type CompanionFile, type Companions } from "./companions.ts";
import { createDocument, type Document } from "./document.ts";
import { inOrder, problem, type Diagnostic, type Place } from "./diagnostic.ts";
import { DISK, type FileTree } from "./file-tree.ts";
import { readFolders } from "./folders.ts";
import { keysOf, readingKeys } from "./keys-file.ts";
import { beginsAsKeys, type KeysFile } from "./keys-lines.ts";
import { KIND_KEYS, SERVER_KEYS, type Claim, type Kind } from "./kind.ts";
import { referencesIn, type Reference } from "./references.ts";
import { isMapping, Literal, type Node } from "./tree.ts";
import { readYaml, type YamlFile } from "./yaml.ts";

/** One file as it was read: bytes, or text. */
export interface SourceFile {
  readonly path: string;
  readonly text: Uint8Array | string;
}

/** The files that this version reads, by path, and what is wrong with any of them. */
export interface Loaded {
  /** All but the keys files, which are read at once. */
  readonly documents: readonly Document[];
  readonly diagnostics: readonly Diagnostic[];
  /** The files that policies and shared files name. */
  readonly references: readonly Reference[];
  readonly companions: Companions;
}

/**
 * Reads every `.yaml` in the folders and below them, several folders as one, and the files that they name.
 * What cannot be read is a diagnostic, never an exception. Paths are the folder as given, joined with what is below.
 */
export async function loadFolders(folders: readonly string[], tree: FileTree = DISK): Promise<Loaded> {
  const loaded = loadContent(await readFolders(folders, tree));
  return finish(joiningCompanions(loaded, await readCompanions(loaded, tree)));
}

/** The same for folders that have been read, without the files that they name. */
export const loadContent = (content: LoadedContent): Loaded => finish(loadingContent(content));

/** The same for files that are at hand; `named` are those that others name. */
export function loadFiles(files: readonly SourceFile[], named: readonly SourceFile[] = []): Loaded {
  const loaded = loadContent({ files, diagnostics: [] });
  const companions = named.map(({ path, text }): CompanionFile => ({
    path: resolve(path),
    leadsTo: resolve(path),
    shown: path,
    text: typeof text === "string" ? Buffer.from(text) : text,
    reason: undefined,
  }));
  return finish(joiningCompanions(loaded, companions));
}

/**
 * The same for folders that have been read, a file a step. `joiningCompanions` then adds the files that they name. A file of
 * `known` that has not changed is not parsed again.
 */
export function* loadingContent(
  content: LoadedContent,
  known: KnownFiles = new Map(),
): Steps<Loaded & { readonly known: KnownFiles }> {
  const outcomes: Outcome[] = [];
  const keys = new Map<string, KeysFile>();
  for (const file of content.files.toSorted((left, right) => (left.path < right.path ? -1 : 1))) {
    const before = known.get(file.path);
    const outcome =
      before !== undefined && isSameText(before.text, file.text) ? before : yield* parsing(file);
    outcomes.push(outcome);
    if (outcome.keys !== undefined) keys.set(resolve(file.path), outcome.keys);
  }
  const references = outcomes.flatMap(({ document }) =>
    document === undefined ? [] : referencesIn(document),
  );
  const named = new Set(references.filter(({ kind }) => kind !== "keys").map(({ path }) => path));
  const own = outcomes.filter(({ isOurs, path }) => isOurs || !named.has(resolve(path)));
  return {
    documents: own.flatMap(({ document }) => document ?? []),
    diagnostics: inOrder([...content.diagnostics, ...own.flatMap(({ diagnostics }) => diagnostics)]),
    references,
    companions: { data: new Map(), jwks: new Map(), keys },
    known: new Map(outcomes.map((outcome) => [outcome.path, outcome])),
  };
}

/** What files came to when they were read before, by path. */
export type KnownFiles = ReadonlyMap<string, Outcome>;

const isSameText = (left: SourceFile["text"], right: SourceFile["text"]): boolean =>
  typeof left === "string" || typeof right === "string" ? left === right : Buffer.compare(left, right) === 0;

function* parsing(file: SourceFile): Steps<Outcome> {
  const outcome = { ...(yield* loadingFile(file)), text: file.text };
  yield;
  return outcome;
}

/** What one file comes to. */
interface Outcome {
  readonly path: string;
  readonly text: SourceFile["text"];
  /** Whether it says itself that it is configuration: no other file can then make data of it. */
  readonly isOurs: boolean;
  readonly document: Document | undefined;
  readonly keys: KeysFile | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

function* loadingFile({ path, text }: SourceFile): Steps<Omit<Outcome, "text">> {
  if (beginsAsKeys(text)) {
    return { path, isOurs: true, document: undefined, ...(yield* readingKeys(path, text)) };
  }
  const yaml = readYaml(path, text);
  const kind = kindOf(yaml);
  const isOurs = isMapping(yaml.root?.plain) && yaml.root.plain.has("weir");
  const outcome = { path, isOurs, document: undefined, keys: undefined };
  if (typeof kind !== "string") return { ...outcome, diagnostics: [...yaml.diagnostics, ...kind] };
  if (kind === "keys") return { ...outcome, ...keysOf(yaml) };
  const { source, root, diagnostics } = yaml;
  return { ...outcome, diagnostics, document: root && createDocument(source, kind, root) };
}

/** The content of folders that have been read. */
export interface LoadedContent {
  readonly files: readonly SourceFile[];
  readonly diagnostics: readonly Diagnostic[];
}
/** What a file is, or why weir cannot tell. A file that is no YAML has its diagnostics already. */
function kindOf({ source, claims, root, diagnostics }: YamlFile): Kind | readonly Diagnostic[] {
  const top = root?.plain;
  if (root === undefined && diagnostics.length > 0) return [];
  if (root === undefined || !isMapping(top)) {
    const what =
      root === undefined ? "the file has nothing in it" : "the file is not a mapping of keys to values";
    return [problem(source.place(root?.range ?? { start: 0, end: 1 }), "not-weir", what, BEGIN)];
  }
  if (!top.has("weir") && !claims.includes("domain")) {
    const place = source.place(firstKey(root));
    return [problem(place, "not-weir", "the file does not begin with `weir: 1`", BEGIN)];
  }
  const version = top.get("weir");
  const child = root.children.get("weir");
  if (child !== undefined && !(version instanceof Literal && version.text === "1")) {
    return [
      problem(
        source.place(child.range),
        "not-weir",
        "weir reads version 1 of the format only",
        "write `weir: 1`",
      ),
    ];
  }
  const placeOf = (key: string) => source.place(root.children.get(key)?.key ?? firstKey(root));
  return soleKind(claims, placeOf, [...top.keys()]);
}

const BEGIN = `write \`weir: 1\` and then one of ${KIND_KEYS.join(":, ")}:, or the keys of weir.yaml`;

const firstKey = (root: Node) => root.children.values().next().value?.key ?? root.range;

function soleKind(
  claims: readonly Claim[],
  placeOf: (key: string) => Place,
  keys: readonly string[],
): Kind | readonly Diagnostic[] {
  const [claim, second] = claims;
  if (claim === undefined) return [unknownKind(placeOf, keys)];
  if (second !== undefined) {
    const message = `a file is one of ${claims.join(", ")}, not several`;
    return [problem(placeOf(second), "unknown-kind", message, "move it to a file of its own")];
  }
  switch (claim) {
    case "server":
    case "policy":
    case "tests":
    case "shared":
    case "keys":
    case "overrides":
    case "domain":
      return claim;
    case "data":
      return [unknownKind(placeOf, keys)];
  }
}

/** A misspelt `policy:` is told from a file that never said what it is. */
function unknownKind(placeOf: (key: string) => Place, keys: readonly string[]): Diagnostic {
  const known = [...KIND_KEYS, ...SERVER_KEYS];
  for (const key of keys.filter((one) => one !== "weir")) {
    const near = suggest(key, known);
    if (near !== undefined) {
      const message = `no kind of file has the key "${key}" at its top`;
      return problem(placeOf(key), "unknown-kind", message, `did you mean "${near}"?`);
    }
  }
  const hint = `name the policy with \`policy: …\`, or write one of ${KIND_KEYS.join(":, ")}:`;
  return problem(placeOf("weir"), "unknown-kind", "the file does not say what it is", hint);
}
