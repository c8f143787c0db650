import { watch, type FSWatcher } from "node:fs";
import { readdir, realpath } from "node:fs/promises";
import { dirname, join } from "node:path";

/** Watches folders until it is closed. */
export interface FolderWatch {
  close(): void;
}

export interface WatchOptions {
  readonly folders: readonly string[];
  /** Called once after the files have been quiet for a moment, and at the latest after ten such moments. */
  readonly onChange: () => Promise<void>;
  /** A folder that cannot be watched: changes in it will not be seen. */
  readonly onError: (error: unknown) => void;
}

/** Editors write a file in several steps, and a deployment writes several files. */
const QUIET_MS = 100;
const MAX_WAIT_MS = 10 * QUIET_MS;
/** The most folders that are watched; each costs the system a handle. */
const MAX_FOLDERS = 1_000;

/**
 * Folder changes become one debounced signal. Each folder is watched by itself, links resolved, and the set
 * is looked up anew after every change: a ConfigMap swaps a link in its folder and leaves the files alone.
 */
export async function watchFolders(options: WatchOptions): Promise<FolderWatch> {
  const watching = new Watching(options);
  await watching.renew();
  return { close: () => watching.close() };
}

class Watching {
  readonly #options: WatchOptions;
  readonly #watchers = new Map<string, FSWatcher>();
  #timer: NodeJS.Timeout | undefined;
  #firstEventAtMs = 0;
  #state: "idle" | "running" | "running-and-changed" | "closed" = "idle";

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  async renew(): Promise<void> {
    const folders = new Set<string>();
    for (const folder of this.#options.folders) await collectFolders(folder, folders);
    for (const [path, watcher] of this.#watchers) {
      if (folders.has(path)) continue;
      watcher.close();
      this.#watchers.delete(path);
    }
    for (const path of folders) if (!this.#watchers.has(path)) this.#watch(path);
  }

  #watch(path: string): void {
    if (this.#state === "closed") return;
    try {
      const watcher = watch(path, () => this.#changed());
      // A folder that is removed ends its watcher; the folder above tells of the change.
      watcher.on("error", () => watcher.close());
      this.#watchers.set(path, watcher);
    } catch (error) {
      this.#options.onError(error);
    }
  }

  #changed(): void {
    if (this.#state === "running") this.#state = "running-and-changed";
    if (this.#state !== "idle") return;
    const nowMs = performance.now();
    if (this.#timer === undefined) this.#firstEventAtMs = nowMs;
    const waitMs = Math.min(QUIET_MS, Math.max(0, this.#firstEventAtMs + MAX_WAIT_MS - nowMs));
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      // The run reports its own errors; nothing else awaits it.
      void this.#run();
    }, waitMs);
  }

  async #run(): Promise<void> {
    this.#state = "running";
    try {
      // Renewed first: what changes while the files are read is seen again.
      await this.renew();
      await this.#options.onChange();
    } catch (error) {
      this.#options.onError(error);
    }
    const hasChanged = this.#current() === "running-and-changed";
    if (this.#current() !== "closed") this.#state = "idle";
    if (hasChanged) this.#changed();
  }

  /** Read through a method, because `await` lets the state change under the type checker's feet. */
  #current(): string {
    return this.#state;
  }

  close(): void {
    this.#state = "closed";
    clearTimeout(this.#timer);
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }
}

/**
 * The real paths of a folder and of every folder below it, hidden ones too: that is where links lead.
 * For a file, the folder it is in and the one its link leads to.
 */
async function collectFolders(path: string, into: Set<string>): Promise<void> {
  const real = await realpath(path).catch(() => undefined);
  if (real === undefined || into.has(real) || into.size >= MAX_FOLDERS) return;
  const entries = await readdir(real, { withFileTypes: true }).catch(() => undefined);
  if (entries === undefined) {
    into.add(dirname(real)).add(await realpath(dirname(path)));
    return;
  }
  into.add(real);
  for (const entry of entries) {
    if (entry.isDirectory() || entry.isSymbolicLink()) await collectFolders(join(real, entry.name), into);
  }
}
