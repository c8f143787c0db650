import { mkdir, realpath } from "node:fs/promises";
import type { Spool, SpoolOptions } from "../adapter/spool.ts";
import type { OpenFile } from "./spool-folder.ts";
import { DiskSpool, type SpoolWorld } from "./spool.ts";
import { TIMERS, type Timers } from "./timers.ts";

/**
 * The spools of this process, by folder. When a handler is made anew under another configuration, it and the one before it have the same
 * spool for a while: the newest delivers, and the last that closes drains it.
 */
export class Spools {
  readonly #open = new Map<string, Shared>();
  readonly #timers: Timers;
  readonly #openFile: OpenFile | undefined;

  constructor(timers: Timers = TIMERS, openFile?: OpenFile) {
    this.#timers = timers;
    this.#openFile = openFile;
  }

  /** Rejects with a sentence where the folder cannot be used, or another process uses it. */
  async open(options: SpoolOptions, world: SpoolWorld): Promise<Spool> {
    const path = await folderAt(options.folder);
    for (;;) {
      const shared = this.#open.get(path) ?? this.#begin(path, options, world);
      const spool = await shared.spool;
      if (shared.closing === undefined)
        return spool.lend(options, world, (atMs) => this.#end(path, shared, atMs));
      await shared.closing;
    }
  }

  #begin(path: string, options: SpoolOptions, world: SpoolWorld): Shared {
    const opening = { options, world, timers: this.#timers, openFile: this.#openFile };
    const shared: Shared = { spool: DiskSpool.open(path, opening), closing: undefined };
    this.#open.set(path, shared);
    shared.spool.catch(() => this.#open.delete(path));
    return shared;
  }

  async #end(path: string, shared: Shared, atMs: number): Promise<void> {
    const ended = Promise.withResolvers<undefined>();
    shared.closing = ended.promise;
    try {
      await (await shared.spool).end(atMs);
    } finally {
      this.#open.delete(path);
      ended.resolve(undefined);
    }
  }
}

interface Shared {
  readonly spool: Promise<DiskSpool>;
  /** Ends when the folder is free again. */
  closing: Promise<unknown> | undefined;
}

async function folderAt(folder: string): Promise<string> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return await realpath(folder);
  } catch (error) {
    throw new Error(`${folder} cannot be used: ${error instanceof Error ? error.message : String(error)}`);
  }
}
