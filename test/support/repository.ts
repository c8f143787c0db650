import assert from "node:assert/strict";
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { runCommand } from "./command.ts";

/** Files by path: text, or where a link leads. */
export type Files = Readonly<Record<string, string | { readonly leadsTo: string }>>;

/** A git repository in a folder of its own. */
export interface Repository {
  /** Absolute, without links. */
  readonly folder: string;
  /** Makes the files the only ones of the work tree. */
  write(files: Files): Promise<void>;
  /** Keeps the work tree as a commit, and yields its name in hexadecimal digits. */
  commit(): Promise<string>;
  git(...parameters: readonly string[]): Promise<string>;
}

/** What git finds of its own in a test, and no more: no settings of the machine. */
export const GIT_ENVIRONMENT = { PATH: process.env["PATH"], GIT_CONFIG_NOSYSTEM: "1" };

/** Makes repositories, which are removed after the suite. */
export function ownRepositories(): (files?: Files) => Promise<Repository> {
  const folders: string[] = [];
  after(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))));
  return async (files) => {
    const folder = await realpath(await mkdtemp(join(tmpdir(), "weir-git-")));
    folders.push(folder);
    const repository = repositoryIn(folder);
    await repository.git("init", "--quiet", "--initial-branch=main");
    if (files !== undefined) {
      await repository.write(files);
      await repository.commit();
    }
    return repository;
  };
}

const AUTHOR = ["-c", "user.name=weir", "-c", "user.email=weir@example.com", "-c", "commit.gpgsign=false"];

function repositoryIn(folder: string): Repository {
  const git = async (...parameters: readonly string[]): Promise<string> => {
    const ended = await runCommand("git", [...AUTHOR, ...parameters], { folder });
    if (ended.kind !== "succeeded") assert.fail(`git ${parameters.join(" ")}: ${JSON.stringify(ended)}`);
    return ended.stdout.trim();
  };
  return {
    folder,
    git,
    async write(files) {
      await git("rm", "-r", "--quiet", "--force", "--ignore-unmatch", ".");
      await git("clean", "--quiet", "--force", "-d", "-x");
      for (const [name, content] of Object.entries(files)) {
        const path = join(folder, name);
        await mkdir(dirname(path), { recursive: true });
        if (typeof content === "string") await writeFile(path, content);
        else await symlink(content.leadsTo, path);
      }
    },
    async commit() {
      await git("add", "--all", "--force");
      await git("commit", "--quiet", "--allow-empty", "--message=a state");
      return git("rev-parse", "HEAD");
    },
  };
}
