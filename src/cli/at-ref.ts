import { dirname, resolve } from "node:path";
import { DISK } from "../policy/file-tree.ts";
import { reasonOf } from "../policy/folders.ts";
import { askGit, GitObjects, type GitPlace } from "./git-objects.ts";
import { GitTree, isWithin, realpathOfExisting } from "./git-tree.ts";

/** The files of folders as git keeps them. */
export interface AtRef {
  readonly tree: GitTree;
  /** The name of the commit, in hexadecimal digits. */
  readonly commit: string;
  /** Those of the folders that are there. */
  readonly folders: readonly string[];
  /** Those that are not. */
  readonly missing: readonly string[];
  close(): Promise<void>;
}

/**
 * The folders as they are at a commit that `ref` names, read with the `git` program: the work tree is not touched. A sentence that says
 * what to do where git cannot: there is no git, no repository, no such commit, or a folder is outside of the work tree.
 */
export async function openAtRef(
  ref: string,
  folders: readonly string[],
  environment: GitPlace["environment"],
): Promise<AtRef | string> {
  if (ref === "" || ref.startsWith("-")) return `${JSON.stringify(ref)} is no name of a commit`;
  const top = await topOf(folders[0] ?? ".", environment);
  if ("problem" in top) return top.problem;
  const outside = await firstOutside(top.path, folders);
  if (outside !== undefined)
    return `${outside} is outside of the work tree ${top.path}: name folders of one repository`;
  const place = { folder: top.path, environment };
  const [commit, root] = await Promise.all([
    objectOf(place, `${ref}^{commit}`),
    objectOf(place, `${ref}^{tree}`),
  ]);
  if (commit === undefined || root === undefined)
    return `git knows no commit ${ref} in ${top.path}: "git branch --all" lists branches; a shallow clone, as CI makes them, must fetch it first`;
  const objects = new GitObjects(place);
  try {
    const tree = new GitTree(objects, top.path, root);
    const missing: string[] = [];
    for (const folder of folders) if (!(await tree.has(folder))) missing.push(folder);
    const there = folders.filter((folder) => !missing.includes(folder));
    return { tree, commit, folders: there, missing, close: () => objects.close() };
  } catch (error) {
    await objects.close();
    return `git cannot read ${ref}: ${reasonOf(error)}`;
  }
}

/** The name of an object in hexadecimal digits; undefined where there is none. */
async function objectOf(place: GitPlace, expression: string): Promise<string | undefined> {
  const asked = await askGit(place, ["rev-parse", "--verify", "--quiet", expression]);
  return asked.kind === "answered" ? asked.text : undefined;
}

async function firstOutside(top: string, folders: readonly string[]): Promise<string | undefined> {
  for (const folder of folders) {
    const path = resolve(folder);
    if (!isWithin(top, path) && !isWithin(top, await realpathOfExisting(path))) return folder;
  }
  return undefined;
}

type Top = { readonly path: string } | { readonly problem: string };

/** The top of the work tree that a folder is in. */
async function topOf(named: string, environment: GitPlace["environment"]): Promise<Top> {
  const folder = await existing(resolve(named));
  const asked = await askGit({ folder, environment }, ["rev-parse", "--show-toplevel"]);
  switch (asked.kind) {
    case "answered":
      return { path: resolve(asked.text) };
    case "absent":
      return { problem: "there is no program git here: install it" };
    case "refused":
      return { problem: `git finds no work tree for ${named}, and there must be a clone: ${asked.reason}` };
  }
}

/** The nearest folder that is there: the path itself, or one above it. */
async function existing(path: string): Promise<string> {
  const found = await DISK.stat(path).catch(() => undefined);
  return found?.kind === "folder" || dirname(path) === path ? path : existing(dirname(path));
}
