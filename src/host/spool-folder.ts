import { open as openFile, readdir, readFile, rename, stat, unlink, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { frame, framesIn } from "./spool-frames.ts";

/** How files are opened; tests have disks of their own. */
export type OpenFile = (path: string, flags: string) => Promise<FileHandle>;

/** Records that go together. Where a batch stands is the ending of its file's name, so that a rename, which is whole or not at all, says it. */
export interface Batch {
  /** Batches are delivered in this order. */
  readonly number: number;
  /** Epoch milliseconds of its first record. */
  readonly startedAtMs: number;
  readonly count: number;
  readonly bytes: number;
}

/** `open` is written to, `batch` waits, `sending` was perhaps sent, `unknown` is put aside, `draft` is not whole. */
type State = "open" | "batch" | "sending" | "unknown" | "draft";

export interface Recovered {
  readonly batches: readonly Batch[];
  /** Records that may have been delivered before the process ended. */
  readonly unknown: number;
  /** Ends of files that were not whole. */
  readonly torn: number;
}

/** The files of one spool. Whatever changes is on disk when a promise ends: files and the folder are synced. */
export class SpoolFolder {
  readonly #path: string;
  readonly #openFile: OpenFile;
  #next = 1;

  constructor(path: string, open: OpenFile = openFile) {
    this.#path = path;
    this.#openFile = open;
  }

  /** Finds what a process before has left. What it may have been sending is put aside. */
  async recover(): Promise<Recovered> {
    const batches: Batch[] = [];
    let unknown = 0;
    let torn = 0;
    for (const name of (await readdir(this.#path)).sort()) {
      const [, number, startedAtMs, count, state] = NAME.exec(name) ?? [];
      if (number === undefined) continue;
      this.#next = Math.max(this.#next, Number(number) + 1);
      const batch = {
        number: Number(number),
        startedAtMs: Number(startedAtMs),
        count: Number(count),
        bytes: 0,
      };
      if (state === "draft") await unlink(join(this.#path, name));
      if (state === "batch") batches.push({ ...batch, bytes: (await stat(join(this.#path, name))).size });
      if (state === "sending") {
        unknown += batch.count;
        await this.putAside(batch);
      }
      if (state === "open") {
        const found = await this.#recoverOpen(batch);
        torn += found.torn;
        if (found.batch !== undefined) batches.push(found.batch);
      }
    }
    await this.#sync();
    return { batches, unknown, torn };
  }

  async #recoverOpen(batch: Batch): Promise<{ readonly batch?: Batch; readonly torn: number }> {
    const path = this.#pathOf(batch, "open");
    const content = await readFile(path);
    const { records, goodBytes } = framesIn(content);
    const torn = goodBytes < content.length ? 1 : 0;
    if (records.length === 0) {
      await unlink(path);
      return { torn };
    }
    const whole = { ...batch, count: records.length, bytes: goodBytes };
    const handle = await this.#openFile(path, "r+");
    try {
      await handle.truncate(goodBytes);
      await handle.datasync();
    } finally {
      await handle.close();
    }
    await rename(path, this.#pathOf(whole, "batch"));
    return { batch: whole, torn };
  }

  /** A new file that records are appended to. */
  async begin(startedAtMs: number): Promise<Segment> {
    const number = this.#next++;
    const path = this.#pathOf({ number, startedAtMs, count: 0, bytes: 0 }, "open");
    const segment = new Segment(await this.#openFile(path, "wx"), number, startedAtMs);
    try {
      await this.#sync();
      return segment;
    } catch (error) {
      await segment.close();
      throw error;
    }
  }

  /**
   * Makes a batch of it; undefined where nothing was written. Where it rejects it is as it was, and can be written to. Its new name is on disk
   * before anything is sent: under the old one it is a batch, too.
   */
  async seal(segment: Segment): Promise<Batch | undefined> {
    const { number, startedAtMs, count, bytes } = segment;
    const batch = { number, startedAtMs, count, bytes };
    const path = this.#pathOf({ ...batch, count: 0 }, "open");
    if (count === 0) await unlink(path);
    else await rename(path, this.#pathOf(batch, "batch"));
    await segment.close();
    return count === 0 ? undefined : batch;
  }

  /** Its records, without those from the first that is not whole. */
  async read(batch: Batch): Promise<readonly Buffer[]> {
    return framesIn(await readFile(this.#pathOf(batch, "batch"))).records;
  }

  /** From now on it may have been sent. */
  mark = (batch: Batch): Promise<void> => this.#move(batch, "batch", "sending");

  /** It has certainly not arrived. */
  unmark = (batch: Batch): Promise<void> => this.#move(batch, "sending", "batch");

  /** It is given up before it was sent. */
  async drop(batch: Batch): Promise<void> {
    await unlink(this.#pathOf(batch, "batch"));
    await this.#sync();
  }

  /** It is dealt with. */
  async remove(batch: Batch): Promise<void> {
    await unlink(this.#pathOf(batch, "sending"));
    await this.#sync();
  }

  /** Keeps it for people, who may know more; the oldest go when there are many. */
  async putAside(batch: Batch): Promise<void> {
    await this.#move(batch, "sending", "unknown");
    await this.#trim();
  }

  /** What is left of a batch of which a part is dealt with; undefined where nothing is to be sent again. It needs no room on a full disk. */
  async divide(
    batch: Batch,
    retry: readonly Buffer[],
    unknown: readonly Buffer[],
  ): Promise<Batch | undefined> {
    if (unknown.length > 0) await this.#copyAside(batch, unknown);
    if (retry.length > 0) return this.#shorten(batch, retry);
    await this.remove(batch);
    return undefined;
  }

  /** Where there is no room for them, nobody can look at them later; that they are unknown is counted all the same. */
  async #copyAside(batch: Batch, records: readonly Buffer[]): Promise<void> {
    const content = Buffer.concat(records.flatMap(frame));
    // A number of its own: what is left of the batch may be put aside later.
    const part = { ...batch, number: this.#next++, count: records.length, bytes: content.length };
    const draft = this.#pathOf(part, "draft");
    try {
      await this.#write(draft, "w", content);
      await rename(draft, this.#pathOf(part, "unknown"));
      await this.#trim();
    } catch {
      await unlink(draft).catch(() => undefined);
    }
  }

  /** Where it stands, which needs no room; until it has its new name, all of it is unknown to the next process. */
  async #shorten(batch: Batch, records: readonly Buffer[]): Promise<Batch> {
    const content = Buffer.concat(records.flatMap(frame));
    const part = { ...batch, count: records.length, bytes: content.length };
    const path = this.#pathOf(batch, "sending");
    await this.#write(path, "r+", content);
    await rename(path, this.#pathOf(part, "batch"));
    await this.#sync();
    return part;
  }

  async #write(path: string, flags: "w" | "r+", content: Buffer): Promise<void> {
    const handle = await this.#openFile(path, flags);
    try {
      await handle.writeFile(content);
      await handle.truncate(content.length);
      await handle.datasync();
    } finally {
      await handle.close();
    }
  }

  async #trim(): Promise<void> {
    const aside = (await readdir(this.#path)).filter((name) => name.endsWith(".unknown")).sort();
    for (const name of aside.slice(0, -MAX_ASIDE)) await unlink(join(this.#path, name));
  }

  async #move(batch: Batch, from: State, to: State): Promise<void> {
    await rename(this.#pathOf(batch, from), this.#pathOf(batch, to));
    await this.#sync();
  }

  #pathOf({ number, startedAtMs, count }: Batch, state: State): string {
    return join(this.#path, `${String(number).padStart(12, "0")}-${startedAtMs}-${count}.${state}`);
  }

  /** A rename is on disk when its folder is. */
  async #sync(): Promise<void> {
    const folder = await this.#openFile(this.#path, "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }
}

const NAME = /^(\d{12})-(\d+)-(\d+)\.(open|batch|sending|unknown|draft)$/;

/** Batches that are kept although nobody sends them again. */
export const MAX_ASIDE = 100;

/** A file that is being written. */
export class Segment {
  readonly number: number;
  readonly startedAtMs: number;
  readonly #handle: FileHandle;
  count = 0;
  bytes = 0;

  constructor(handle: FileHandle, number: number, startedAtMs: number) {
    this.#handle = handle;
    this.number = number;
    this.startedAtMs = startedAtMs;
  }

  /** Writes records and waits until they are on disk. Where that fails, none of them is there, and the next attempt may go well. */
  async append(records: readonly Buffer[]): Promise<void> {
    const content = Buffer.concat(records.flatMap(frame));
    try {
      let written = 0;
      while (written < content.length) {
        const { bytesWritten } = await this.#handle.write(
          content,
          written,
          content.length - written,
          this.bytes + written,
        );
        written += bytesWritten;
      }
      await this.#handle.datasync();
    } catch (error) {
      // What is there of them must not be taken for records after a restart. A disk that does not even do that is read up to here.
      await this.#handle.truncate(this.bytes).catch(() => undefined);
      throw error;
    }
    this.count += records.length;
    this.bytes += content.length;
  }

  /** What was appended is on disk already, so that nothing is lost where closing fails. */
  async close(): Promise<void> {
    await this.#handle.close().catch(() => undefined);
  }
}
