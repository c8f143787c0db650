import { readdir, readFile, realpath, stat } from "node:fs/promises";

/** What a path leads to. */
export type FileKind = "file" | "folder" | "other";

/** What stands in a folder: a link is not followed. */
export interface FileEntry {
  readonly name: string;
  readonly kind: FileKind | "link";
}

/**
 * Where configuration is read from: the disk, or what is kept elsewhere of an earlier time. Paths are those of the disk.
 * Each method rejects with an error whose `code` is the system's (`ENOENT`) where it has one.
 */
export interface FileTree {
  /** Links are followed; the size is in bytes. */
  stat(path: string): Promise<{ readonly kind: FileKind; readonly size: number }>;
  list(folder: string): Promise<readonly FileEntry[]>;
  /** The absolute path without links. */
  realpath(path: string): Promise<string>;
  read(path: string): Promise<Uint8Array>;
}

/** The files as they are now. */
export const DISK: FileTree = {
  async stat(path) {
    const found = await stat(path);
    return { kind: kindOf(found), size: found.size };
  },
  async list(folder) {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.map((entry) => ({
      name: entry.name,
      kind: entry.isSymbolicLink() ? ("link" as const) : kindOf(entry),
    }));
  },
  realpath: (path) => realpath(path),
  read: (path) => readFile(path),
};

const kindOf = (found: { isFile(): boolean; isDirectory(): boolean }): FileKind =>
  found.isDirectory() ? "folder" : found.isFile() ? "file" : "other";
