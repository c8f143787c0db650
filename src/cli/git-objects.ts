import { execFile, spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import type { Invocation } from "./command.ts";

/** The most of one object that is read, in bytes. What is larger is larger than any file that weir reads. */
const MAX_OBJECT_BYTES = 64 * 1024 * 1024;

/** How long one git may take. */
const MAX_MS = 60_000;

/** How a git ended that was asked one question. `absent`: there is no such program. */
export type Asked =
  | { readonly kind: "answered"; readonly text: string }
  | { readonly kind: "refused"; readonly reason: string }
  | { readonly kind: "absent" };

/** Where git runs. */
export interface GitPlace {
  readonly folder: string;
  /** The environment's variables, among which `PATH` finds git. */
  readonly environment: Invocation["environment"];
}

/** Asks git, without a shell. What a caller gives must not begin with `-`. Never rejects. */
export function askGit(place: GitPlace, parameters: readonly string[]): Promise<Asked> {
  const options = { ...optionsOf(place), encoding: "utf8" } as const;
  return new Promise((resolve) => {
    execFile("git", parameters, options, (error, stdout, stderr) => {
      if (error === null) resolve({ kind: "answered", text: stdout.replace(/\r?\n$/, "") });
      else if (error.code === "ENOENT") resolve({ kind: "absent" });
      else if (error.killed === true)
        resolve({ kind: "refused", reason: `git took longer than ${MAX_MS / 1000} s` });
      else resolve({ kind: "refused", reason: stderr.trim().replaceAll(/\s+/g, " ") });
    });
  });
}

/** In a hook git says which repository it is about, and its words hold for the folder of the hook only. */
const OF_A_HOOK = ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY"];

const optionsOf = ({ folder, environment }: GitPlace) =>
  ({
    cwd: folder,
    env: Object.fromEntries(Object.entries(environment).filter(([name]) => !OF_A_HOOK.includes(name))),
    timeout: MAX_MS,
    killSignal: "SIGKILL",
  }) as const;

/** One object of a repository. */
export interface GitObject {
  readonly type: string;
  readonly size: number;
  /** Undefined of one that is larger than any file that weir reads. */
  readonly bytes: Buffer | undefined;
}

/** Reads objects of a repository, through one `git cat-file --batch` (its answers: git-cat-file(1), section Batch output). */
export class GitObjects {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #chunks: AsyncIterator<Buffer>;
  readonly #ended: Promise<void>;
  #rest: Buffer = Buffer.alloc(0);
  /** One question at a time: answers come in their order. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(place: GitPlace) {
    this.#child = spawn("git", ["cat-file", "--batch"], optionsOf(place));
    this.#chunks = this.#child.stdout[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    this.#ended = new Promise((resolve) => this.#child.once("close", () => resolve()));
    // What goes wrong with the process shows where its answer is missing.
    this.#child.on("error", () => undefined);
    this.#child.stdin.on("error", () => undefined);
    this.#child.stderr.resume();
  }

  /** An object by its whole name, in hexadecimal digits. Rejects where git does not answer, or has no such object. */
  read(name: string): Promise<GitObject> {
    const answer = this.#turn.then(() => this.#ask(name));
    this.#turn = answer.catch(() => undefined);
    return answer;
  }

  /** Ends git. */
  async close(): Promise<void> {
    this.#child.stdin.end();
    this.#child.stdout.destroy();
    await this.#ended;
  }

  async #ask(name: string): Promise<GitObject> {
    this.#child.stdin.write(`${name}\n`);
    const [, type, digits] = /^[0-9a-f]+ (\w+) (\d+)$/.exec(await this.#line()) ?? [];
    if (type === undefined) throw new Error(`git has no object ${name}`);
    const size = Number(digits);
    const bytes = await this.#take(size);
    await this.#take(1);
    return { type, size, bytes };
  }

  async #line(): Promise<string> {
    let end = this.#rest.indexOf("\n");
    while (end < 0) {
      this.#rest = Buffer.concat([this.#rest, await this.#next()]);
      end = this.#rest.indexOf("\n");
    }
    const line = this.#rest.toString("latin1", 0, end);
    this.#rest = this.#rest.subarray(end + 1);
    return line;
  }

  /** The next bytes, or nothing of them where they are too many to be kept. */
  async #take(count: number): Promise<Buffer | undefined> {
    const taken: Buffer[] = [];
    for (let left = count; left > 0;) {
      if (this.#rest.length === 0) this.#rest = await this.#next();
      const part = this.#rest.subarray(0, left);
      if (count <= MAX_OBJECT_BYTES) taken.push(part);
      this.#rest = this.#rest.subarray(part.length);
      left -= part.length;
    }
    return count <= MAX_OBJECT_BYTES ? Buffer.concat(taken) : undefined;
  }

  async #next(): Promise<Buffer> {
    const next = await this.#chunks.next();
    if (next.done === true) throw new Error("git ended before it had answered");
    return next.value;
  }
}
