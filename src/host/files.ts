import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { mkdir, open, realpath, rename, rm, stat, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import type { Stop } from "../adapter/host.ts";
import { repeat } from "./repeat.ts";

/** Reads a file of at most `maxBytes`, or rejects with a sentence that names it and says why it cannot. */
export async function readBounded(path: string, maxBytes: number): Promise<Buffer> {
  // Opened without waiting: a named pipe would wait for its writer.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
    throw unreadable(path, error);
  });
  try {
    if (!(await file.stat()).isFile()) throw new Error(`${path} is not a file`);
    return await readAll(file, path, maxBytes);
  } catch (error) {
    throw isSystem(error) ? unreadable(path, error) : error;
  } finally {
    await file.close();
  }
}

async function readAll(file: FileHandle, path: string, maxBytes: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let length = 0;
  for (;;) {
    const part = Buffer.alloc(Math.min(65_536, maxBytes + 1 - length));
    const { bytesRead } = await file.read(part, 0, part.length, length);
    if (bytesRead === 0) return Buffer.concat(parts, length);
    parts.push(part.subarray(0, bytesRead));
    length += bytesRead;
    if (length > maxBytes) throw new Error(`${path} is longer than ${maxBytes} bytes`);
  }
}

const REASONS: Readonly<Record<string, string | undefined>> = {
  ENOENT: "there is no such file",
  ENOTDIR: "a part of the path is not a folder",
  EACCES: "it may not be read",
  EPERM: "it may not be read",
  EISDIR: "it is a folder",
  ELOOP: "its links lead in a circle",
  EMFILE: "too many files are open",
};

/**
 * Puts a file in its place whole, readable by this user alone; its folder is made. Rejects with a sentence that names it and says why it
 * cannot. It is on disk when the promise is fulfilled.
 */
export async function writeWhole(path: string, content: string | Buffer): Promise<void> {
  const draft = `${path}.${process.pid}.new`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const file = await open(draft, "w", 0o600);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true }).catch(() => undefined);
    const why = isSystem(error) ? (error.code ?? "nothing") : String(error);
    throw new Error(`${path} cannot be written: ${WRITE_REASONS[why] ?? `the system says ${why}`}`);
  }
}

const WRITE_REASONS: Readonly<Record<string, string | undefined>> = {
  ENOSPC: "the disk is full",
  EDQUOT: "the disk is full",
  EROFS: "the file system is for reading only",
  EACCES: "this user may not write there",
  EPERM: "this user may not write there",
  ENOTDIR: "a part of the path is not a folder",
  EEXIST: "a part of the path is not a folder",
  EISDIR: "it is a folder",
};

const isSystem = (error: unknown): error is NodeJS.ErrnoException =>
  error instanceof Error && "code" in error;

function unreadable(path: string, error: unknown): Error {
  const code = isSystem(error) ? (error.code ?? "") : "";
  return new Error(`${path} cannot be read: ${REASONS[code] ?? `the system says ${code || "nothing"}`}`);
}

/**
 * What tells one content of a file from the next without reading it: which file the path leads to, its size and times.
 * A ConfigMap swaps a link, an editor swaps the file, others write into it.
 */
export async function fileMark(path: string): Promise<FileMark> {
  try {
    const real = await realpath(path);
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(real, { bigint: true });
    return {
      text: [real, dev, ino, size, mtimeNs, ctimeNs].join(" "),
      changedAtMs: Number(ctimeNs / 1_000_000n),
    };
  } catch {
    return { text: "", changedAtMs: 0 };
  }
}

export interface FileMark {
  /** Empty where there is no file. */
  readonly text: string;
  readonly changedAtMs: number;
}

/**
 * A file that changed this lately may change once more without a trace, where the times of a file system are coarse.
 */
const COARSE_MS = 2_000;

/** Whether a content that was read under `mark` is still the file's. */
export const isCurrent = (mark: FileMark, now: FileMark, readAtMs: number): boolean =>
  mark.text === now.text && mark.text !== "" && Math.abs(readAtMs - mark.changedAtMs) > COARSE_MS;

export interface FileWatch {
  readonly path: string;
  readonly maxBytes: number;
  /** What the caller has read already; undefined where it could not be read. */
  readonly known: Buffer | undefined;
  /** Called with every new content, one call at a time. A call that fails is reported and not repeated. */
  readonly onChange: (content: Buffer) => void | Promise<void>;
  /** The file could not be read, or `onChange` failed. Called once for each new reason. */
  readonly onError: (error: unknown) => void;
  /** One second where absent. */
  readonly everyMs?: number;
}

/**
 * Calls back when the content of a file has changed: touching it is no change, and while it is not there nothing is said
 * but once why. Two looks must find the same content, since one may find a file that is half written. Looks every second,
 * because links that are swapped and mounts of containers tell nobody.
 */
export function watchFile({ path, maxBytes, known, onChange, onError, everyMs = 1_000 }: FileWatch): Stop {
  let told = known === undefined ? undefined : digestOf(known);
  let found = told;
  let seen: { readonly mark: FileMark; readonly readAtMs: number } | undefined;
  let complaint = "";
  const complain = (error: unknown): void => {
    const message = String(error);
    if (message !== complaint) onError(error);
    complaint = message;
  };
  const look = async (): Promise<void> => {
    const mark = await fileMark(path);
    if (found === told && seen !== undefined && isCurrent(seen.mark, mark, seen.readAtMs)) return;
    const readAtMs = Date.now();
    const content = await readBounded(path, maxBytes);
    seen = { mark, readAtMs };
    complaint = "";
    const before = found;
    found = digestOf(content);
    if (found !== before || found === told) return;
    told = found;
    await onChange(content);
  };
  return repeat(everyMs, look, complain);
}

const digestOf = (content: Buffer): string => createHash("sha256").update(content).digest("base64");
