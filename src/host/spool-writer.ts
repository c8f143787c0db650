import type { HostLog } from "../adapter/host.ts";
import type { Batch, Segment, SpoolFolder } from "./spool-folder.ts";
import { framedBytes } from "./spool-frames.ts";
import type { Timers } from "./timers.ts";

export interface WriterBounds {
  readonly segmentBytes: number;
  readonly sealAfterMs: number;
}

export interface WriterOptions {
  readonly folder: SpoolFolder;
  readonly bounds: () => WriterBounds;
  readonly log: HostLog;
  readonly timers: Timers;
  readonly onSealed: (batch: Batch) => void;
}

/**
 * Brings records to disk in groups, and makes batches of them. One write is under way at a time. While the disk takes none, what was taken
 * waits in memory, and nothing more is.
 */
export class SpoolWriter {
  readonly #options: WriterOptions;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #segment: Segment | undefined;
  #state: "well" | "failing" = "well";
  #writing: Promise<void> | undefined;
  #stopTimer: (() => void) | undefined;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** What is not in a batch yet. */
  get bytes(): number {
    return this.#waitingBytes + (this.#segment?.bytes ?? 0);
  }

  get count(): number {
    return this.#waiting.length + (this.#segment?.count ?? 0);
  }

  /** Epoch milliseconds of the first record of those; undefined where there is none. */
  get startedAtMs(): number | undefined {
    if (this.#segment !== undefined) return this.#segment.startedAtMs;
    return this.#waiting.length > 0 ? this.#options.timers.nowMs() : undefined;
  }

  /** Takes a record, or says that the disk takes none. */
  append(record: Buffer): boolean {
    const bytes = framedBytes(record);
    if (this.#state === "failing" || this.#waitingBytes + bytes > MAX_WAITING_BYTES) return false;
    this.#waiting.push(record);
    this.#waitingBytes += bytes;
    this.#wake(GROUP_MS);
    return true;
  }

  /** Writes what waits, and seals it; what cannot be written is lost, and how much that is the answer. */
  async end(): Promise<number> {
    this.#stop();
    await this.#writing;
    // What that has planned for later.
    this.#stop();
    await this.#write("at once");
    // What could not be sealed is a batch to the next process.
    await this.#segment?.close();
    return this.#waiting.length;
  }

  #stop(): void {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }

  #wake(afterMs: number): void {
    if (this.#writing !== undefined) return;
    this.#stopTimer ??= this.#options.timers.after(Math.max(0, afterMs), () => {
      this.#stopTimer = undefined;
      // Owned: it never rejects, and `end` waits for it.
      this.#writing = this.#write("when due").finally(() => {
        this.#writing = undefined;
        this.#schedule();
      });
    });
  }

  #schedule(): void {
    const { timers, bounds } = this.#options;
    if (this.#state === "failing") this.#wake(RETRY_MS);
    else if (this.#waiting.length > 0) this.#wake(GROUP_MS);
    else if (this.#segment !== undefined) {
      this.#wake(
        Math.min(bounds().sealAfterMs, this.#segment.startedAtMs + bounds().sealAfterMs - timers.nowMs()),
      );
    }
  }

  async #write(seal: "when due" | "at once"): Promise<void> {
    const { folder, log, timers } = this.#options;
    try {
      if (this.#waiting.length > 0) {
        this.#segment ??= await folder.begin(timers.nowMs());
        const group = this.#waiting.length;
        await this.#segment.append(this.#waiting.slice(0, group));
        for (const record of this.#waiting.splice(0, group)) this.#waitingBytes -= framedBytes(record);
      }
      const segment = this.#segment;
      if (segment !== undefined && (seal === "at once" || this.#isDue(segment))) {
        const batch = await folder.seal(segment);
        this.#segment = undefined;
        if (batch !== undefined) this.#options.onSealed(batch);
      }
      if (this.#state === "failing") log.info({}, "records can be written to disk again");
      this.#state = "well";
    } catch (error) {
      if (this.#state === "well") log.warn({ reason: String(error) }, "records cannot be written to disk");
      this.#state = "failing";
    }
  }

  #isDue({ bytes, startedAtMs }: Segment): boolean {
    const { segmentBytes, sealAfterMs } = this.#options.bounds();
    // A clock that was set back must not keep it open.
    return bytes >= segmentBytes || Math.abs(this.#options.timers.nowMs() - startedAtMs) >= sealAfterMs;
  }
}

/** A record is on disk so long after it was taken, at most, where the disk keeps up. */
const GROUP_MS = 100;
/** How often a disk that takes nothing is tried. */
const RETRY_MS = 1_000;
/** Of records that wait for the disk. */
const MAX_WAITING_BYTES = 4 * 1_048_576;
