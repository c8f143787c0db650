import { dirname, relative, resolve } from "node:path";
import type { Steps } from "../std/steps.ts";
import { MAX_DATA_BYTES, readData, type DataFile } from "./data.ts";
import { inOrder, problem, type Diagnostic } from "./diagnostic.ts";
import { DISK, type FileTree } from "./file-tree.ts";
import { MAX_TOTAL_BYTES, reasonOf } from "./folders.ts";
import { MAX_KEYS_BYTES, readingKeys } from "./keys-file.ts";
import type { KeysFile } from "./keys-lines.ts";
import type { Reference, ReferenceKind } from "./references.ts";

/** The files beside the configuration that others name, by absolute path. One that has a diagnostic is not there. */
export interface Companions {
  readonly data: ReadonlyMap<string, DataFile>;
  /** Those of the folders too, named or not. */
  readonly keys: ReadonlyMap<string, KeysFile>;
  /** JSON Web Key Sets, as text. */
  readonly jwks: ReadonlyMap<string, string>;
}

/** A named file as it was read, or why it could not be. */
export interface CompanionFile {
  /** Absolute. */
  readonly path: string;
  /** As people know it, and as replicas with other mounts do. */
  readonly shown: string;
  /** Where links lead that stand below the file that names it; the path itself where there are none. */
  readonly leadsTo: string;
  /** Empty where it could not be read. */
  readonly text: Uint8Array;
  readonly reason: string | undefined;
}

/** The most of one named file that is read, in bytes. */
const MAX_BYTES: Readonly<Record<ReferenceKind, number>> = {
  data: MAX_DATA_BYTES,
  keys: MAX_KEYS_BYTES,
  jwks: 1024 * 1024,
  adapter: 4 * 1024 * 1024,
};

/** What of loaded files says which others they name, and which of those are read already. */
interface Naming {
  readonly references: readonly Reference[];
  readonly companions: Pick<Companions, "keys">;
  readonly diagnostics: readonly Diagnostic[];
}

/** Reads the files that others name, each once, all together no more than a folder may have. Never rejects. */
export async function readCompanions(
  { references, companions }: Naming,
  tree: FileTree = DISK,
): Promise<readonly CompanionFile[]> {
  const files = new Map<string, CompanionFile>();
  let left = MAX_TOTAL_BYTES;
  for (const { kind, path, shown, document } of references) {
    if (files.has(path) || (kind === "keys" && companions.keys.has(path))) continue;
    const leadsTo = await endOfLinks(path, dirname(document.file), tree);
    const most = Math.min(left, MAX_BYTES[mostOf(references, path)]);
    const file = await readBounded({ path, shown, leadsTo }, most, tree);
    left -= file.text.length;
    files.set(path, file);
  }
  return [...files.values()];
}

/** Of the kinds that one file is named as, the one of which most is read. */
const mostOf = (references: readonly Reference[], path: string): ReferenceKind =>
  references
    .filter((one) => one.path === path)
    .map(({ kind }) => kind)
    .reduce((most, kind) => (MAX_BYTES[kind] > MAX_BYTES[most] ? kind : most));

/**
 * As seen from a folder: a mount swaps a link above it, which changes nothing between the two. Where there is nothing to
 * follow, reading says so.
 */
async function endOfLinks(path: string, folder: string, tree: FileTree): Promise<string> {
  try {
    return resolve(folder, relative(await tree.realpath(folder), await tree.realpath(path)));
  } catch {
    return path;
  }
}

async function readBounded(
  named: Pick<CompanionFile, "path" | "shown" | "leadsTo">,
  most: number,
  tree: FileTree,
): Promise<CompanionFile> {
  const { path } = named;
  const refused = (reason: string): CompanionFile => ({ ...named, text: new Uint8Array(), reason });
  try {
    const { kind, size } = await tree.stat(path);
    if (kind !== "file") return refused("this is not a file");
    if (size > most) return refused(`it is larger than ${most} bytes, or all named files together are`);
    return { ...named, text: await tree.read(path), reason: undefined };
  } catch (error) {
    return refused(reasonOf(error));
  }
}

/** The same loaded files with those that they name, as far as they could be read, a file a step. */
export function* joiningCompanions<L extends Naming & { readonly companions: Companions }>(
  loaded: L,
  files: readonly CompanionFile[],
): Steps<L> {
  const joined = new Joined(loaded.companions.keys);
  const byPath = new Map(files.map((file) => [file.path, file]));
  for (const reference of loaded.references) {
    if (reference.kind === "keys" && joined.keys.has(reference.path)) continue;
    yield* joined.joining(reference, byPath.get(reference.path));
    yield;
  }
  const known = new Set(loaded.diagnostics.map(identityOf));
  const added = joined.diagnostics.filter((one) => !known.has(identityOf(one)));
  const { data, keys, jwks } = joined;
  const diagnostics = inOrder([...loaded.diagnostics, ...added]);
  const references = loaded.references.map((reference) => {
    const leadsTo = byPath.get(reference.path)?.leadsTo;
    return leadsTo === undefined || leadsTo === reference.path ? reference : { ...reference, leadsTo };
  });
  return { ...loaded, references, diagnostics, companions: { data, keys, jwks } };
}

/** A keys file of the folder that is also named is complained of once. */
const identityOf = ({ file, line, column, code }: Diagnostic): string =>
  [resolve(file), line, column, code].join("\n");

class Joined implements Companions {
  readonly data = new Map<string, DataFile>();
  readonly keys: Map<string, KeysFile>;
  readonly jwks = new Map<string, string>();
  readonly diagnostics: Diagnostic[] = [];
  /** What has been read, as what: a file that several name is complained of once. */
  readonly #seen = new Set<string>();

  constructor(keys: ReadonlyMap<string, KeysFile>) {
    this.keys = new Map(keys);
  }

  *joining({ kind, path, shown, document, at }: Reference, file: CompanionFile | undefined): Steps<void> {
    // What is wrong with it, and that it cannot be read, is told when it is imported.
    if (kind === "adapter") return;
    const reason = file === undefined ? "there is no such file" : file.reason;
    if (file === undefined || reason !== undefined) {
      const message = `${shown} cannot be read: ${reason ?? ""}`;
      const hint = "paths are relative to the file that names them";
      this.diagnostics.push(problem(document.at(at), "unreadable-file", message, hint));
      return;
    }
    const seen = `${kind} ${path}`;
    if (this.#seen.has(seen)) return;
    this.#seen.add(seen);
    switch (kind) {
      case "data":
        this.#take(this.data, path, readData(shown, file.text));
        return;
      case "keys": {
        const { keys, diagnostics } = yield* readingKeys(shown, file.text);
        this.#take(this.keys, path, { data: keys, diagnostics });
        return;
      }
      case "jwks":
        this.jwks.set(path, new TextDecoder().decode(file.text));
    }
  }

  #take<T>(
    into: Map<string, T>,
    path: string,
    read: { readonly data: T | undefined; readonly diagnostics: readonly Diagnostic[] },
  ): void {
    this.diagnostics.push(...read.diagnostics);
    if (read.data !== undefined) into.set(path, read.data);
  }
}
