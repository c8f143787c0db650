import { dirname, resolve } from "node:path";
import type { HostLog, LineDestination, LineTarget } from "../adapter/host.ts";
import { openFile, openStandardOutput } from "./line-targets.ts";

export interface OpenLinesOptions {
  readonly log: HostLog;
  /** Epoch milliseconds. */
  readonly nowMs: () => number;
  /** What relative paths start from. */
  readonly folder: string;
}

/** Opens what a handler appends lines to. Rejects with a sentence that names the file and says what to do. */
export async function openLines(
  to: LineDestination,
  { log, nowMs, folder }: OpenLinesOptions,
): Promise<LineTarget> {
  if (to.kind === "stdout") return openStandardOutput();
  const path = resolve(folder, to.path);
  const onError = (error: unknown): void =>
    log.warn({ file: path, reason: String(error) }, "old lines could not be put aside or removed");
  return openFile({ ...to, path }, { nowMs, onError }).catch((error: unknown) => {
    throw unwritable(path, error);
  });
}

const REASONS: Readonly<Record<string, (path: string) => string>> = {
  ENOENT: (path) => `the folder ${dirname(path)} is not there: make it, or name another`,
  ENOTDIR: (path) => `a part of ${dirname(path)} is no folder`,
  EACCES: () => "it may not be written by the user that weir runs as",
  EPERM: () => "it may not be written by the user that weir runs as",
  EISDIR: () => "it is a folder: name a file in it",
  EROFS: () => "its file system is mounted to be read only",
  ENOSPC: () => "its file system is full",
};

function unwritable(path: string, error: unknown): Error {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const reason = REASONS[code]?.(path) ?? String(error);
  return new Error(`${path} cannot be written: ${reason}`, { cause: error });
}
