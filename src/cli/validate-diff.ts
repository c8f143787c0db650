import { differingPairs, differingTests, type Side } from "../check/both-sides.ts";
import { changesOf, type State } from "../policy/changes.ts";
import { digestOf, handlerFilesIn } from "../policy/changes-of-content.ts";
import type { Configuration } from "../policy/compile.ts";
import { DISK, type FileTree } from "../policy/file-tree.ts";
import { MAX_TOTAL_BYTES } from "../policy/folders.ts";
import { loadFolders } from "../policy/load.ts";
import type { Snapshot } from "../policy/snapshot.ts";
import { compileLoaded } from "../server.ts";
import { openAtRef, type AtRef } from "./at-ref.ts";
import type { ExitCode, Invocation } from "./command.ts";
import { differenceAsJson } from "./difference-json.ts";
import { printDifference } from "./difference-text.ts";
import type { Difference, Looked } from "./difference.ts";
import { offlineVerifiers } from "./verifiers.ts";
import type { Format } from "./format.ts";

/** What `weir validate --diff` was asked for. */
export interface DiffRequest extends Pick<Invocation, "environment" | "output"> {
  readonly ref: string;
  readonly folders: readonly string[];
  readonly format: Format;
  /** What is made of warnings on disk. */
  readonly severity: (found: Configuration) => Configuration;
}

/** What differs between the files of folders at a commit and those on disk. */
export async function validateDiff(request: DiffRequest): Promise<ExitCode> {
  const { ref, folders, environment, output, format } = request;
  const atRef = await openAtRef(ref, folders, environment);
  if (typeof atRef === "string") {
    output.complain(`weir validate: ${atRef}\n`);
    return 2;
  }
  try {
    const difference = await differenceTo(atRef, request);
    output.print(format === "json" ? differenceAsJson(difference) : printDifference(difference));
    return difference.decided === undefined ? 1 : 0;
  } finally {
    await atRef.close();
  }
}

async function differenceTo(atRef: AtRef, request: DiffRequest): Promise<Difference> {
  const { ref, folders, severity, environment } = request;
  const old = await compiledState(atRef.folders, atRef.tree);
  const now = await compiledState(folders, DISK);
  const [before, after] = [old.configuration, severity(now.configuration)];
  const { commit } = atRef;
  const missing: string[] = [];
  // What is nowhere is a finding already.
  for (const folder of atRef.missing) if (await isThere(folder)) missing.push(folder);
  const changes = changesOf(old, now);
  const found = { ref, commit, missing, before: lookedOf(before), after: lookedOf(after), changes };
  if (before.snapshot === undefined || after.snapshot === undefined) return { ...found, decided: undefined };
  const sides = {
    before: await sideOf(before, before.snapshot, environment),
    after: await sideOf(after, after.snapshot, environment),
    nowMs: Date.now(),
  };
  const decided = { tests: await differingTests(sides), requests: await differingPairs(sides) };
  return { ...found, decided };
}

const isThere = (path: string): Promise<boolean> =>
  DISK.stat(path).then(
    () => true,
    () => false,
  );

const lookedOf = ({ snapshot, diagnostics }: Configuration): Looked => ({
  outcome: snapshot === undefined ? "broken" : "good",
  diagnostics,
});

async function compiledState(
  folders: readonly string[],
  tree: FileTree,
): Promise<State & { readonly configuration: Configuration }> {
  const loaded = await loadFolders(folders, tree);
  const handlerFiles = new Map<string, string>();
  for (const { key, path } of handlerFilesIn(loaded)) {
    const content = await readHandlerFile(tree, path).catch(() => undefined);
    if (content !== undefined) handlerFiles.set(`${key} content`, digestOf(content));
  }
  return { loaded, handlerFiles, configuration: await compileLoaded(loaded) };
}

/** What is no plain file, or larger than any that is read, has no content here. */
async function readHandlerFile(tree: FileTree, path: string): Promise<Uint8Array | undefined> {
  const { kind, size } = await tree.stat(path);
  return kind === "file" && size <= MAX_TOTAL_BYTES ? tree.read(path) : undefined;
}

const sideOf = async (
  { tests }: Configuration,
  snapshot: Snapshot,
  environment: DiffRequest["environment"],
): Promise<Side> => ({
  snapshot,
  tests: tests.map(({ file }) => file),
  verifiers: await offlineVerifiers(snapshot, environment),
});
