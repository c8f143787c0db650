import { fstatSync, write } from "node:fs";
import { open, rename, stat, type FileHandle } from "node:fs/promises";
import type { Writable } from "node:stream";
import { promisify } from "node:util";
import type { LineTarget } from "./lines.ts";

/** A file that is rotated. */
export interface RotatedFile {
  readonly path: string;
  /** The file is put aside before it would become larger: as `path.1`, which becomes `path.2`, and so on. */
  readonly maxBytes: number;
  /** How many are kept beside the one that is written. */
  readonly keep: number;
}

/**
 * Appends to a file. Where somebody else moves it away, as logrotate does, or a write fails, it is opened anew.
 *
 * @throws the system's error, where it cannot be opened.
 */
export async function openFile(file: RotatedFile): Promise<LineTarget> {
  const target = new FileTarget(file);
  await target.reopen();
  return target;
}

class FileTarget implements LineTarget {
  readonly #file: RotatedFile;
  #handle: FileHandle | undefined;
  #inode = 0;
  #bytes = 0;
  /** Whether what was written last may end in the middle of a line. */
  #isTorn = false;

  constructor(file: RotatedFile) {
    this.#file = file;
  }

  async append(lines: Buffer): Promise<void> {
    if (await this.#isGone()) await this.reopen();
    const { maxBytes } = this.#file;
    if (this.#bytes > 0 && this.#bytes + lines.length > maxBytes) await this.#rotate();
    const whole = this.#isTorn ? Buffer.concat([NEW_LINE, lines]) : lines;
    try {
      await this.#handle?.appendFile(whole);
      this.#bytes += whole.length;
      this.#isTorn = false;
    } catch (error) {
      this.#isTorn = true;
      await this.close();
      throw error;
    }
  }

  async reopen(): Promise<void> {
    await this.close();
    const handle = await open(this.#file.path, "a", 0o640);
    this.#handle = handle;
    const { ino, size } = await handle.stat();
    [this.#inode, this.#bytes] = [ino, size];
  }

  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }

  async #isGone(): Promise<boolean> {
    if (this.#handle === undefined) return true;
    const found = await stat(this.#file.path).catch(absent);
    return found?.ino !== this.#inode;
  }

  async #rotate(): Promise<void> {
    const { path, keep } = this.#file;
    for (let index = keep; index >= 1; index--) {
      await rename(index === 1 ? path : `${path}.${index - 1}`, `${path}.${index}`).catch(absent);
    }
    await this.reopen();
    if (keep > 0) return;
    await this.#handle?.truncate();
    this.#bytes = 0;
  }
}

const NEW_LINE = Buffer.from("\n");

function absent(error: unknown): undefined {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
  throw error;
}

/**
 * Standard output. A pipe is written in turns of the loop, so that nothing waits where nobody reads it, not even the end of
 * the process; a file by another thread.
 */
export function openStandardOutput(): LineTarget {
  return fstatSync(process.stdout.fd).isFile()
    ? descriptorTarget(process.stdout.fd)
    : streamTarget(process.stdout);
}

const writeTo = promisify(write);

const descriptorTarget = (descriptor: number): LineTarget => ({
  async append(lines) {
    for (let offset = 0; offset < lines.length;) {
      const { bytesWritten } = await writeTo(descriptor, lines, offset, lines.length - offset, null);
      offset += bytesWritten;
    }
  },
  close: () => Promise.resolve(),
});

function streamTarget(stream: Writable): LineTarget {
  // Without a listener the end of whoever reads would end this process; each write tells of it, too.
  const ignore = (): void => undefined;
  stream.on("error", ignore);
  return {
    append: (lines) =>
      new Promise((resolve, reject) => {
        stream.write(lines, (error) => {
          if (error) reject(error);
          else resolve();
        });
      }),
    close() {
      stream.off("error", ignore);
      return Promise.resolve();
    },
  };
}
