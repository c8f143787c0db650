import type { Dirent } from "node:fs";
import { readdir, readFile, realpath, stat } from "node:fs/promises";
import { join, normalize } from "node:path";
import { problem, type Diagnostic } from "./diagnostic.ts";
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
}

/** Reads the `.yaml` files in and below the folders. A folder that links reach twice is read once. */
export async function readFolders(folders: readonly string[]): Promise<FolderContent> {
  const reader = new FolderReader();
  for (const folder of folders) await reader.readTop(folder);
  return reader;
}

class FolderReader implements FolderContent {
  readonly files: { path: string; text: Uint8Array }[] = [];
  readonly diagnostics: Diagnostic[] = [];
  /** The real paths of the folders seen, so that a link back up ends. */
  readonly #seen = new Set<string>();
  #bytes = 0;
  #isFull = false;

  async readTop(folder: string): Promise<void> {
    const found = this.files.length + this.diagnostics.length;
    const seen = this.#seen.size;
    await this.#read(normalize(folder), 0, "named");
    const isEmpty = this.#seen.size > seen && this.files.length + this.diagnostics.length === found;
    // A mount that went wrong is an empty folder: it must not pass for a configuration without policies.
    if (isEmpty) this.#refuse(normalize(folder), "unreadable-file", "the folder has no .yaml file in it");
  }

  /** A file that was named is read whatever its name is; one that was found, when it ends in `.yaml`. */
  async #read(path: string, depth: number, how: "named" | "found"): Promise<void> {
    if (this.#isFull) return;
    try {
      const found = await stat(path);
      if (found.isDirectory()) await this.#readFolder(path, depth);
      else if (how === "named" || path.endsWith(".yaml")) {
        if (found.isFile()) await this.#readFile(path, found.size);
        else this.#refuse(path, "unreadable-file", "this is neither a file nor a folder");
      }
    } catch (error) {
      this.#refuse(path, "unreadable-file", `cannot be read: ${reasonOf(error)}`);
    }
  }

  async #readFolder(path: string, depth: number): Promise<void> {
    const real = await realpath(path);
    if (this.#seen.has(real)) return;
    this.#seen.add(real);
    if (depth > MAX_FOLDER_DEPTH) {
      this.#refuse(path, "too-large", "the folders nest too deep");
      return;
    }
    const entries: Dirent[] = await readdir(path, { withFileTypes: true });
    const names = entries
      .filter((entry) => !entry.name.startsWith(".") && mayMatter(entry))
      .map(({ name }) => name);
    for (const name of names.sort()) await this.#read(join(path, name), depth + 1, "found");
  }

  async #readFile(path: string, size: number): Promise<void> {
    this.#bytes += size;
    if (this.files.length >= MAX_FILES || this.#bytes > MAX_TOTAL_BYTES) {
      this.#isFull = true;
      const message = `this is beyond ${MAX_FILES} files or ${MAX_TOTAL_BYTES} bytes, which is all that weir reads`;
      this.#refuse(path, "too-large", message);
      return;
    }
    if (size > MAX_FILE_BYTES) {
      this.#refuse(path, "too-large", `the file is larger than ${MAX_FILE_BYTES} bytes`);
      return;
    }
    this.files.push({ path, text: await readFile(path) });
  }

  #refuse(file: string, code: "unreadable-file" | "too-large", message: string): void {
    this.diagnostics.push(problem({ file, line: 1, column: 1, length: 1, source: "" }, code, message));
  }
}

/** Links are followed, so what they are is told by stat. */
const mayMatter = (entry: Dirent): boolean =>
  entry.isDirectory() || entry.isSymbolicLink() || entry.name.endsWith(".yaml");

/** The system's name of the failure (ENOENT, EACCES), which says more than the message with its path. */
function reasonOf(error: unknown): string {
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
