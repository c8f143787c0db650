import { finish, type Steps } from "../std/steps.ts";
import { suggest } from "../std/suggest.ts";
import { createDocument, type Document } from "./document.ts";
import { inOrder, problem, type Diagnostic, type Place } from "./diagnostic.ts";
import { readFolders, type FolderContent } from "./folders.ts";
import { KIND_KEYS, SERVER_KEYS, type Claim, type Kind } from "./kind.ts";
import { isMapping, Literal, type Node } from "./tree.ts";
import { readYaml, type YamlFile } from "./yaml.ts";

/** One file as it was read: bytes, or text. */
export interface SourceFile {
  readonly path: string;
  readonly text: Uint8Array | string;
}

/** The files that this version reads, by path, and what is wrong with any of them. */
export interface Loaded {
  readonly documents: readonly Document[];
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Reads every `.yaml` in the folders and below them, several folders as one.
 * What cannot be read is a diagnostic, never an exception. Paths are the folder as given, joined with what is below.
 */
export const loadFolders = async (folders: readonly string[]): Promise<Loaded> =>
  loadContent(await readFolders(folders));

/** The same for folders that have been read. */
export const loadContent = (content: FolderContent): Loaded => finish(loadingContent(content));

/** The same for files that are at hand. */
export const loadFiles = (files: readonly SourceFile[]): Loaded =>
  finish(loadingContent({ files, diagnostics: [] }));

/** The same, a file a step. */
export function* loadingContent(content: LoadedContent): Steps<Loaded> {
  const documents: Document[] = [];
  const diagnostics = [...content.diagnostics];
  for (const { path, text } of content.files.toSorted((left, right) => (left.path < right.path ? -1 : 1))) {
    const yaml = readYaml(path, text);
    diagnostics.push(...yaml.diagnostics);
    const kind = kindOf(yaml);
    if (typeof kind !== "string") diagnostics.push(...kind);
    else if (yaml.root !== undefined) documents.push(createDocument(yaml.source, kind, yaml.root));
    yield;
  }
  return { documents, diagnostics: inOrder(diagnostics) };
}

interface LoadedContent {
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

const NOT_YET: Readonly<Record<Exclude<Claim, Kind>, string>> = {
  shared: "shared files",
  keys: "files of API keys",
  overrides: "files of overrides",
  domain: "rate-limit domains",
};

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
      return claim;
    case "shared":
    case "keys":
    case "overrides":
    case "domain":
      return [problem(placeOf(claim), "not-yet", `this version of weir does not read ${NOT_YET[claim]} yet`)];
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
