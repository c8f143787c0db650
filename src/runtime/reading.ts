import { isDeepStrictEqual } from "node:util";
import { joiningCompanions, readCompanions, type CompanionFile } from "../policy/companions.ts";
import type { Diagnostic } from "../policy/diagnostic.ts";
import { readFolders, type FolderContent } from "../policy/folders.ts";
import { loadingContent, type KnownFiles, type Loaded } from "../policy/load.ts";
import { partition, type Division } from "../policy/parts.ts";
import { revisionOf } from "../policy/revision.ts";
import { finishInTurns, type Steps } from "../std/steps.ts";

/** Folders and the files that they name, as they were together at one time. */
export interface Reading {
  /** Without the files that others name: those are read by part. */
  readonly loaded: Loaded & { readonly known: KnownFiles };
  readonly content: FolderContent;
  readonly companions: readonly CompanionFile[];
  /** Of all these files, and of what could not be read. */
  readonly revision: string;
  /** Absolute paths of the files that others name, to be watched beside the folders. */
  readonly named: readonly string[];
}

/** One version of one part. */
export interface Version {
  readonly loaded: Loaded;
  readonly revision: string;
  /** Absolute; empty for the platform. */
  readonly folder: string;
}

/** Versions by part; a part that is not there has none. */
export type Versions = ReadonlyMap<string, Version>;

/** A swap of a mounted folder in the middle of reading shows as two different readings. */
const MAX_READINGS = 5;

/**
 * Reads folders and the files that they name until two readings are the same. What has not changed since the reading `before`
 * is not parsed again. Never rejects.
 */
export async function readConfiguration(
  folders: readonly string[],
  sliceMs: number,
  before?: Reading,
): Promise<Reading> {
  let last = await readFiles(folders, before, sliceMs);
  for (let reading = 1; reading < MAX_READINGS; reading++) {
    const files = await readFiles(folders, last, sliceMs);
    const isSettled = isSame(last, files);
    last = files;
    if (isSettled) break;
  }
  const { content, loaded, companions } = last;
  return {
    ...last,
    revision: digestOf({ ...content, companions }),
    named: [...new Set(loaded.references.map(({ path }) => path))],
  };
}

export interface WatchedReadingOptions {
  readonly folders: readonly string[];
  readonly sliceMs: number;
  /** Files that others name are watched beside the folders. */
  readonly watch: (paths: readonly string[]) => Promise<void>;
}

/** Reads folders again and again: what has not changed is not parsed again, and what files name is watched. */
export class WatchedReading {
  readonly #options: WatchedReadingOptions;
  #last: Reading | undefined;
  #named: readonly string[] = [];

  constructor(options: WatchedReadingOptions) {
    this.#options = options;
  }

  /** Once more where files are named that were not watched before: a change in between is not told of. */
  async read(): Promise<Reading> {
    const { folders, sliceMs, watch } = this.#options;
    const reading = await readConfiguration(folders, sliceMs, this.#last);
    this.#last = reading;
    if (isDeepStrictEqual(reading.named, this.#named)) return reading;
    await watch(reading.named);
    this.#named = reading.named;
    this.#last = await readConfiguration(folders, sliceMs, reading);
    return this.#last;
  }
}

/** One reading, parsed as far as it takes to know which files are named. */
type Files = Pick<Reading, "content" | "loaded" | "companions">;

async function readFiles(
  folders: readonly string[],
  last: Files | undefined,
  sliceMs: number,
): Promise<Files> {
  const content = await readFolders(folders);
  const isKnown = last !== undefined && isSameContent(last.content, content);
  const loaded = isKnown
    ? last.loaded
    : await finishInTurns(loadingContent(content, last?.loaded.known), sliceMs);
  return { content, loaded, companions: await readCompanions(loaded) };
}

/** Compared as they are: a digest of large files would take longer. */
const isSameContent = (left: FolderContent, right: FolderContent): boolean =>
  left.files.length === right.files.length &&
  left.files.every(({ path, text }, index) => {
    const other = right.files[index];
    return path === other?.path && Buffer.compare(text, other.text) === 0;
  }) &&
  isDeepStrictEqual(left.diagnostics, right.diagnostics);

const isSame = (left: Files, right: Files): boolean =>
  isSameContent(left.content, right.content) && isDeepStrictEqual(left.companions, right.companions);

interface Digested {
  readonly files: FolderContent["files"];
  readonly diagnostics: readonly Diagnostic[];
  readonly companions?: readonly CompanionFile[];
}

/** What could not be read counts too: when that changes, the same files are another configuration. */
const digestOf = ({ files, diagnostics, companions = [] }: Digested): string =>
  revisionOf([
    ...files,
    ...diagnostics.map(({ file, message }) => ({ path: `${file}\0`, text: message })),
    ...companions.map(({ shown, text, reason }) =>
      reason === undefined ? { path: shown, text } : { path: `${shown}\0`, text: reason },
    ),
  ]);

/**
 * A reading by part, each with the files that its own files name, a file a step. A version of `known` that has not changed
 * is that version itself.
 */
export function* dividing(reading: Reading, division: Division, known: Versions): Steps<Versions> {
  const { content, companions, loaded } = reading;
  const byPath = new Map(companions.map((file) => [file.path, file]));
  const filesOf = Map.groupBy(content.files, ({ path }) => division.partOf(path));
  const failuresOf = Map.groupBy(content.diagnostics, ({ file }) => division.partOf(file));
  const versions = new Map<string, Version>();
  for (const [part, own] of partition(loaded, division)) {
    const named = [...new Set(own.references.flatMap(({ path }) => byPath.get(path) ?? []))];
    // Where the reading was cut short, nobody knows whose files are missing.
    const diagnostics = content.cut === undefined ? (failuresOf.get(part) ?? []) : content.diagnostics;
    const revision = digestOf({ files: filesOf.get(part) ?? [], diagnostics, companions: named });
    const folder = division.folderOf(part);
    const before = known.get(part);
    if (before?.revision === revision && before.folder === folder) versions.set(part, before);
    else {
      const whole = withCut(own, content.cut);
      versions.set(part, { loaded: yield* joiningCompanions(whole, named), revision, folder });
    }
    yield;
  }
  return versions;
}

const withCut = (own: Loaded, cut: Diagnostic | undefined): Loaded =>
  cut === undefined || own.diagnostics.includes(cut)
    ? own
    : { ...own, diagnostics: [...own.diagnostics, { ...cut }] };
