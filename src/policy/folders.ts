import { join, normalize } from "node:path";
import { problem, type Diagnostic } from "./diagnostic.ts";
import { DISK, type FileEntry, type FileTree } from "./file-tree.ts";
import { MAX_KEYS_BYTES } from "./keys-file.ts";
import { beginsAsKeys } from "./keys-lines.ts";
import { MAX_FILE_BYTES } from "./yaml.ts";

/** The most files that are read, over all folders. */
export const MAX_FILES = 10_000;

/** The most bytes that are read, over all files. */
export const MAX_TOTAL_BYTES = 64 * MAX_FILE_BYTES;

/** How deep folders may nest. */
const MAX_FOLDER_DEPTH = 64;

/** The content of folders, and what could not be read. */
export interface FolderContent {
  readonly files: readonly { readonly path: string; readonly text: Uint8Array }[];
  readonly diagnostics: readonly Diagnostic[];
  /** The one of these that says that there is more than weir reads: files are missing then, whosoever they are. */
  readonly cut: Diagnostic | undefined;
}

/**
 * Reads the `.yaml` files in and below the folders. A folder that is reached twice is read once, and links are followed
 * last, so that no link takes a folder away from where it stands.
 */
export async function readFolders(folders: readonly string[], tree: FileTree = DISK): Promise<FolderContent> {
  const reader = new FolderReader(tree);
  for (const folder of folders) await reader.readTop(normalize(folder));
  await reader.followLinks();
  reader.refuseEmpty();
  return reader;
}

/** A file or folder to read, found below a folder that was named. */
interface Visit {
  readonly path: string;
  readonly depth: number;
  readonly top: Top;
}

interface Top {
  readonly path: string;
  /** Whether anything has come of it. */
  isEmpty: boolean;
}

class FolderReader implements FolderContent {
  readonly files: { path: string; text: Uint8Array }[] = [];
  readonly diagnostics: Diagnostic[] = [];
  cut: Diagnostic | undefined;
  readonly #tops: Top[] = [];
  readonly #links: Visit[] = [];
  /** The real paths of the folders seen, so that a link back up ends. */
  readonly #seen = new Set<string>();
  readonly #tree: FileTree;
  #bytes = 0;

  constructor(tree: FileTree) {
    this.#tree = tree;
  }

  async readTop(path: string): Promise<void> {
    const seen = this.#seen.size;
    const top: Top = { path, isEmpty: true };
    await this.#read({ path, depth: 0, top }, "named");
    // One that was read before is not missed.
    if (this.#seen.size > seen) this.#tops.push(top);
  }

  async followLinks(): Promise<void> {
    // Links that are found meanwhile come after these.
    for (const visit of this.#links) await this.#readFolder(visit);
  }

  /** A mount that went wrong is an empty folder: it must not pass for a configuration without policies. */
  refuseEmpty(): void {
    for (const top of this.#tops) {
      if (top.isEmpty)
        this.#refuse({ path: top.path, top }, "unreadable-file", "the folder has no .yaml file in it");
    }
  }

  /** A file that was named is read whatever its name is; one that was found, when it ends in `.yaml`. */
  async #read(visit: Visit, how: "named" | "found" | "linked"): Promise<void> {
    if (this.cut !== undefined) return;
    const { path } = visit;
    try {
      const { kind, size } = await this.#tree.stat(path);
      if (kind === "folder") {
        if (how === "linked") this.#links.push(visit);
        else await this.#readFolder(visit);
      } else if (how === "named" || path.endsWith(".yaml")) {
        if (kind === "file") await this.#readFile(visit, size);
        else this.#refuse(visit, "unreadable-file", "this is neither a file nor a folder");
      }
    } catch (error) {
      this.#refuse(visit, "unreadable-file", `cannot be read: ${reasonOf(error)}`);
    }
  }

  async #readFolder(visit: Visit): Promise<void> {
    const { path, depth, top } = visit;
    try {
      const real = await this.#tree.realpath(path);
      if (this.#seen.has(real)) return;
      this.#seen.add(real);
      if (depth > MAX_FOLDER_DEPTH) {
        this.#refuse(visit, "too-large", "the folders nest too deep");
        return;
      }
      const entries = await this.#tree.list(path);
      const found = entries.filter((entry) => !entry.name.startsWith(".") && mayMatter(entry));
      for (const { name, kind } of found.sort((left, right) => (left.name < right.name ? -1 : 1))) {
        const below = { path: join(path, name), depth: depth + 1, top };
        await this.#read(below, kind === "link" ? "linked" : "found");
      }
    } catch (error) {
      this.#refuse(visit, "unreadable-file", `cannot be read: ${reasonOf(error)}`);
    }
  }

  async #readFile(visit: Visit, size: number): Promise<void> {
    const { path, top } = visit;
    this.#bytes += size;
    if (this.files.length >= MAX_FILES || this.#bytes > MAX_TOTAL_BYTES) {
      const message = `this is beyond ${MAX_FILES} files or ${MAX_TOTAL_BYTES} bytes, which is all that weir reads`;
      this.cut = this.#refuse(visit, "too-large", message);
      return;
    }
    const text = size > MAX_KEYS_BYTES ? undefined : await this.#tree.read(path);
    if (text === undefined || (size > MAX_FILE_BYTES && !beginsAsKeys(text))) {
      this.#refuse(visit, "too-large", `the file is larger than ${MAX_FILE_BYTES} bytes`);
      return;
    }
    this.files.push({ path, text });
    top.isEmpty = false;
  }

  #refuse(
    { path, top }: Pick<Visit, "path" | "top">,
    code: "unreadable-file" | "too-large",
    message: string,
  ): Diagnostic {
    const refused = problem({ file: path, line: 1, column: 1, length: 1, source: "" }, code, message);
    this.diagnostics.push(refused);
    top.isEmpty = false;
    return refused;
  }
}

/** Links are followed, so what they are is told by stat. */
const mayMatter = ({ kind, name }: FileEntry): boolean =>
  kind === "folder" || kind === "link" || name.endsWith(".yaml");

/** Why a file could not be read, in words: the system's own have the path in them. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const known: Readonly<Record<string, string>> = {
    ENOENT: "there is no such file or folder",
    EACCES: "permission denied",
    EPERM: "permission denied",
    ELOOP: "its links go round in a circle",
  };
  const code = "code" in error ? String(error.code) : "";
  return known[code] ?? error.message;
}
