import { watch, type FSWatcher } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";

/** Watches folders until it is closed. */
export interface FolderWatch {
  /**
   * From now on these files are watched too, and those of an earlier call no more. They may be missing, or links.
   * A change between their reading and this call is not told of: look at them again after it.
   */
  alsoWatch(files: readonly string[]): Promise<void>;
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
const MAX_FOLDERS = 10_000;

/**
 * Folder changes become one debounced signal. Each folder is watched by itself, links resolved, and the set
 * is looked up anew after every change: a ConfigMap swaps a link in its folder and leaves the files alone.
 * The folder above each named one is watched for its name, so that it may be replaced, or be a link that is.
 */
export async function watchFolders(options: WatchOptions): Promise<FolderWatch> {
  const watching = new Watching(options);
  await watching.renew();
  return { alsoWatch: (files) => watching.alsoWatch(files), close: () => watching.close() };
}

class Watching {
  readonly #options: WatchOptions;
  readonly #watchers = new Map<string, FSWatcher>();
  #files: readonly string[] = [];
  #renewing: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #firstEventAtMs = 0;
  #state: "idle" | "running" | "running-and-changed" | "closed" = "idle";

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  async alsoWatch(files: readonly string[]): Promise<void> {
    this.#files = [...files];
    await this.renew();
  }

  /** One after the other, so that no watcher is left behind. */
  renew(): Promise<void> {
    this.#renewing = this.#renewing.then(() => this.#renew());
    return this.#renewing;
  }

  async #renew(): Promise<void> {
    const targets = new Map<string, Target>();
    for (const named of this.#options.folders) await collectTargets(named, targets);
    for (const file of this.#files) await collectNamed(resolve(file), targets);
    if (targets.size >= MAX_FOLDERS) this.#options.onError(new Error(`more than ${MAX_FOLDERS} folders`));
    for (const [key, watcher] of this.#watchers) {
      if (targets.has(key)) continue;
      watcher.close();
      this.#watchers.delete(key);
    }
    for (const [key, target] of targets) if (!this.#watchers.has(key)) this.#watch(key, target);
  }

  #watch(key: string, { path, name }: Target): void {
    if (this.#state === "closed") return;
    try {
      const watcher = watch(path, (_event, changed) => {
        if (name === undefined || changed === null || changed === name) this.#changed();
      });
      // A folder that is removed ends its watcher; the folder above tells of the change.
      watcher.on("error", () => watcher.close());
      this.#watchers.set(key, watcher);
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

/** A folder to watch: for everything in it, or for one name. */
interface Target {
  readonly path: string;
  readonly name: string | undefined;
}

/** Of a folder, all below it and its own name above it; of a file, its folder and the one its link leads to. */
async function collectTargets(named: string, into: Map<string, Target>): Promise<void> {
  const path = resolve(named);
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile() === true) {
    await addTarget({ path: dirname(path), name: undefined }, into);
    await addTarget({ path: dirname(await realpath(path).catch(() => path)), name: undefined }, into);
    return;
  }
  await addTarget({ path: dirname(path), name: basename(path) }, into);
  await collectFolders(path, into);
}

/**
 * The folder of a file that another names, which sees it come, go and be swapped, that folder's own name above it, and
 * the folder that its link leads to. Where the folder is missing, the nearest above it that is there.
 */
async function collectNamed(path: string, into: Map<string, Target>): Promise<void> {
  if (into.size >= MAX_FOLDERS) return;
  const folder = dirname(path);
  const above = dirname(folder);
  const isThere = await stat(folder).then(
    () => true,
    () => false,
  );
  if (isThere) await addTarget({ path: folder, name: undefined }, into);
  else if (above !== folder) await collectNamed(folder, into);
  await addTarget({ path: above, name: basename(folder) }, into);
  const real = await realpath(path).catch(() => undefined);
  if (real !== undefined) await addTarget({ path: dirname(real), name: undefined }, into);
}

/** The real paths of a folder and of every folder below it, hidden ones too: that is where links lead. */
async function collectFolders(path: string, into: Map<string, Target>): Promise<void> {
  const real = await realpath(path).catch(() => undefined);
  if (real === undefined || into.size >= MAX_FOLDERS) return;
  const entries = await readdir(real, { withFileTypes: true }).catch(() => undefined);
  if (entries === undefined || !(await addTarget({ path: real, name: undefined }, into))) return;
  for (const entry of entries) {
    if (entry.isDirectory() || entry.isSymbolicLink()) await collectFolders(join(real, entry.name), into);
  }
}

/** Says false for one that is there already. A folder that was replaced by another of its name is another. */
async function addTarget(target: Target, into: Map<string, Target>): Promise<boolean> {
  const found = await stat(target.path, { bigint: true }).catch(() => undefined);
  if (found === undefined) return false;
  // The system gives the number of a removed folder to the next one, so its birth is part of who it is.
  const key = [found.dev, found.ino, found.birthtimeNs, target.name ?? "", target.path].join("/");
  if (into.has(key)) return false;
  into.set(key, target);
  return true;
}
