import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { DISK, type FileEntry, type FileKind, type FileTree } from "../policy/file-tree.ts";
import type { GitObjects } from "./git-objects.ts";

/** As many links as Linux follows on the way to one file. */
const MAX_LINKS = 40;

/** One line of a folder as git keeps it. */
interface TreeEntry {
  readonly name: string;
  readonly kind: FileEntry["kind"];
  readonly object: string;
}

/** What a path leads to. */
type Found =
  | { readonly kind: FileKind; readonly object: string; readonly path: string }
  /** Outside of the work tree: git does not keep it. */
  | { readonly kind: "outside"; readonly path: string };

/** The files of a commit, at the paths that they have in the work tree. What lies outside of it is that of the disk. */
export class GitTree implements FileTree {
  readonly #objects: GitObjects;
  /** Absolute, without links. */
  readonly #top: string;
  readonly #root: string;
  readonly #folders = new Map<string, Promise<ReadonlyMap<string, TreeEntry>>>();
  /** A file is read behind its `stat`, which has the size from its content. */
  #last: { readonly object: string; readonly size: number; readonly bytes: Buffer | undefined } | undefined;

  /** `root` is the object of the topmost folder. */
  constructor(objects: GitObjects, top: string, root: string) {
    this.#objects = objects;
    this.#top = top;
    this.#root = root;
  }

  async stat(path: string): Promise<{ readonly kind: FileKind; readonly size: number }> {
    const found = await this.#find(path);
    if (found.kind === "outside") return DISK.stat(found.path);
    const { kind, object } = found;
    return { kind, size: kind === "file" ? (await this.#content(object)).size : 0 };
  }

  async list(folder: string): Promise<readonly FileEntry[]> {
    const found = await this.#find(folder);
    if (found.kind === "outside") return DISK.list(found.path);
    return found.kind === "folder" ? [...(await this.#folder(found.object)).values()] : [];
  }

  async realpath(path: string): Promise<string> {
    const found = await this.#find(path);
    return found.kind === "outside" ? DISK.realpath(found.path) : found.path;
  }

  async read(path: string): Promise<Uint8Array> {
    const found = await this.#find(path);
    if (found.kind === "outside") return DISK.read(found.path);
    if (found.kind !== "file") throw new Error("this is not a file");
    const { bytes } = await this.#content(found.object);
    if (bytes === undefined) throw new Error("the file is too large to be read from git");
    return bytes;
  }

  /** Whether there is something at a path. */
  async has(path: string): Promise<boolean> {
    return this.#find(path).then(
      () => true,
      (error: unknown) => {
        if (error instanceof NotThere) return false;
        throw error;
      },
    );
  }

  async #find(wanted: string): Promise<Found> {
    let path = await this.#located(wanted);
    for (let links = 0; links <= MAX_LINKS; links++) {
      const found = await this.#walk(path);
      if (typeof found !== "string") return found;
      path = found;
    }
    throw Object.assign(new Error(`links of ${wanted} go round in a circle`), { code: "ELOOP" });
  }

  /** The absolute path: below the top where it is there, through whichever links of the disk. */
  async #located(wanted: string): Promise<string> {
    const path = resolve(wanted);
    return isWithin(this.#top, path) ? path : realpathOfExisting(path);
  }

  /** What is there, or the path that the first link on the way turns it into. */
  async #walk(path: string): Promise<Found | string> {
    if (!isWithin(this.#top, path)) return { kind: "outside", path };
    const steps = relative(this.#top, path)
      .split(sep)
      .filter((step) => step !== "");
    let at: { readonly kind: FileKind; readonly object: string } = { kind: "folder", object: this.#root };
    for (const [index, step] of steps.entries()) {
      const entry = at.kind === "folder" ? (await this.#folder(at.object)).get(step) : undefined;
      if (entry === undefined) throw new NotThere(path);
      const { kind, object } = entry;
      if (kind === "link") {
        const target = (await this.#content(object)).bytes?.toString("utf8") ?? "";
        return join(resolve(this.#top, ...steps.slice(0, index), target), ...steps.slice(index + 1));
      }
      at = { kind, object };
    }
    return { ...at, path };
  }

  #folder(object: string): Promise<ReadonlyMap<string, TreeEntry>> {
    const known = this.#folders.get(object);
    if (known !== undefined) return known;
    const read = this.#objects.read(object).then(({ bytes }) => entriesOf(bytes, object.length / 2));
    this.#folders.set(object, read);
    return read;
  }

  async #content(object: string): Promise<{ readonly size: number; readonly bytes: Buffer | undefined }> {
    if (this.#last?.object !== object) this.#last = { object, ...(await this.#objects.read(object)) };
    return this.#last;
  }
}

class NotThere extends Error {
  readonly code = "ENOENT";
  constructor(path: string) {
    super(`git has nothing at ${path}`);
  }
}

/** Whether `path` is `folder` or below it; both are absolute. */
export function isWithin(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

/** The path without links, as far as there is something on the disk. */
export async function realpathOfExisting(path: string): Promise<string> {
  const real = await DISK.realpath(path).catch(() => undefined);
  if (real !== undefined) return real;
  const above = dirname(path);
  return above === path ? path : join(await realpathOfExisting(above), relative(above, path));
}

/** The lines of a tree object: mode, space, name, NUL, and the object's name in bytes (gitformat: git-ls-tree(1)). */
function entriesOf(bytes: Buffer | undefined, nameBytes: number): ReadonlyMap<string, TreeEntry> {
  const entries = new Map<string, TreeEntry>();
  if (bytes === undefined) throw new Error("a folder is too large to be read from git");
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(" ", at);
    const end = bytes.indexOf(0, space);
    if (space < 0 || end < 0) throw new Error("git has a folder that cannot be read");
    const name = bytes.toString("utf8", space + 1, end);
    const object = bytes.toString("hex", end + 1, end + 1 + nameBytes);
    entries.set(name, { name, object, kind: kindOf(bytes.toString("latin1", at, space)) });
    at = end + 1 + nameBytes;
  }
  return entries;
}

/** Modes as git writes them; anything else is a submodule. */
function kindOf(mode: string): FileEntry["kind"] {
  if (mode === "40000") return "folder";
  if (mode === "120000") return "link";
  return mode.startsWith("100") ? "file" : "other";
}
