import { fstatSync, write } from "node:fs";
import { open, readdir, rename, rm, stat, type FileHandle } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Writable } from "node:stream";
import { promisify } from "node:util";
import type { LineTarget, RotatedFile, Stop } from "../adapter/host.ts";
import { repeat } from "./repeat.ts";

/** How files follow the time. */
export interface FileTime {
  /** Epoch milliseconds. */
  readonly nowMs: () => number;
  /** Told why files could not be put aside or removed for their age; it is tried again. */
  readonly onError: (error: unknown) => void;
  /** How often their age is looked at. Default one minute. */
  readonly everyMs?: number;
}

/**
 * Appends to a file. Where somebody else moves it away, as logrotate does, or a write fails, it is opened anew. What is written is
 * the kernel's then: it outlives this process; it is not forced to the disk.
 *
 * @throws the system's error, where it cannot be opened.
 */
export async function openFile(
  file: RotatedFile,
  time: FileTime = { nowMs: Date.now, onError: () => undefined },
): Promise<LineTarget> {
  const target = new FileTarget(file, time);
  await target.open();
  return target;
}

class FileTarget implements LineTarget {
  readonly #file: RotatedFile;
  readonly #time: FileTime;
  #handle: FileHandle | undefined;
  #inode = 0;
  #bytes = 0;
  #bornAtMs = 0;
  /** Whether what was written last may end in the middle of a line. */
  #isTorn = false;
  #stop: Stop | undefined;
  /** What is done with the file comes one after the other; this is the end of the last. It never rejects. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(file: RotatedFile, time: FileTime) {
    this.#file = file;
    this.#time = time;
  }

  async open(): Promise<void> {
    await this.#reopen();
    const { maxAgeMs, keepMs } = this.#file;
    if (maxAgeMs === undefined && keepMs === undefined) return;
    const { everyMs = 60_000, onError } = this.#time;
    this.#stop = repeat(everyMs, () => this.#inTurn(() => this.#age()), onError);
    await this.#removeOld();
  }

  append(lines: Buffer): Promise<void> {
    return this.#inTurn(() => this.#append(lines));
  }

  close(): Promise<void> {
    this.#stop?.();
    return this.#inTurn(() => this.#release());
  }

  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(task);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  async #append(lines: Buffer): Promise<void> {
    if (await this.#isGone()) await this.#reopen();
    const isTooLarge = this.#bytes > 0 && this.#bytes + lines.length > this.#file.maxBytes;
    if (isTooLarge || this.#isTooOld()) await this.#rotate();
    const whole = this.#isTorn ? Buffer.concat([NEW_LINE, lines]) : lines;
    try {
      await this.#handle?.appendFile(whole);
      this.#bytes += whole.length;
      this.#isTorn = false;
    } catch (error) {
      this.#isTorn = true;
      await this.#release();
      throw error;
    }
  }

  async #reopen(): Promise<void> {
    await this.#release();
    const handle = await open(this.#file.path, "a", 0o640);
    this.#handle = handle;
    const { ino, size, birthtimeMs } = await handle.stat();
    [this.#inode, this.#bytes] = [ino, size];
    this.#bornAtMs = size === 0 ? this.#time.nowMs() : birthtimeMs;
  }

  async #release(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }

  async #isGone(): Promise<boolean> {
    if (this.#handle === undefined) return true;
    const found = await stat(this.#file.path).catch(absent);
    return found?.ino !== this.#inode;
  }

  #isTooOld(): boolean {
    const { maxAgeMs = Number.POSITIVE_INFINITY } = this.#file;
    return this.#bytes > 0 && this.#time.nowMs() - this.#bornAtMs > maxAgeMs;
  }

  /** For files that nobody writes to: those that are written are looked at each time. */
  async #age(): Promise<void> {
    if (this.#handle !== undefined && this.#isTooOld() && !(await this.#isGone())) await this.#rotate();
    await this.#removeOld();
  }

  async #rotate(): Promise<void> {
    const { path, keep } = this.#file;
    for (let index = keep; index >= 1; index--) {
      await rename(index === 1 ? path : `${path}.${index - 1}`, `${path}.${index}`).catch(absent);
    }
    await this.#reopen();
    if (keep > 0) return;
    await this.#handle?.truncate();
    this.#bytes = 0;
  }

  async #removeOld(): Promise<void> {
    const { path, keepMs } = this.#file;
    if (keepMs === undefined) return;
    const folder = dirname(path);
    const beginning = `${basename(path)}.`;
    for (const name of await readdir(folder)) {
      if (!name.startsWith(beginning) || !/^\d+$/.test(name.slice(beginning.length))) continue;
      const found = await stat(join(folder, name)).catch(absent);
      if (found === undefined || this.#time.nowMs() - found.mtimeMs <= keepMs) continue;
      await rm(join(folder, name), { force: true });
    }
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
