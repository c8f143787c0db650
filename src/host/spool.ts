import type { HostLog, HostMetrics } from "../adapter/host.ts";
import type { Spool, SpoolOptions } from "../adapter/spool.ts";
import { ownFolder, type OwnedFolder } from "./folder-owner.ts";
import { SpoolFolder, type OpenFile, type Recovered } from "./spool-folder.ts";
import { framedBytes } from "./spool-frames.ts";
import { SpoolSender, type SpoolResult } from "./spool-sender.ts";
import { SpoolWriter } from "./spool-writer.ts";
import type { Timers } from "./timers.ts";

/** What belongs to the handler that has a spool open. */
export interface SpoolWorld {
  readonly log: HostLog;
  readonly metrics: HostMetrics;
}

/** Who has it open. */
interface User {
  readonly options: SpoolOptions;
  readonly count: (by: number, result: SpoolResult) => void;
}

export interface SpoolOpening {
  readonly options: SpoolOptions;
  readonly world: SpoolWorld;
  readonly timers: Timers;
  readonly openFile: OpenFile | undefined;
}

/** One folder, with what writes to it and what sends from it. */
export class DiskSpool {
  readonly #owned: OwnedFolder;
  readonly #timers: Timers;
  readonly #writer: SpoolWriter;
  readonly #sender: SpoolSender;
  /** The newest says how it is done. */
  #users: readonly User[] = [];
  /** Who says so when nobody has it open: who opened it first, or closed it last. */
  #last: User;
  #phase: "open" | "ended" = "open";

  /** Takes the folder, and begins to deliver what a process before has left in it. Rejects with a sentence. */
  static async open(path: string, opening: SpoolOpening): Promise<DiskSpool> {
    const owned = await ownFolder(path);
    try {
      const folder = new SpoolFolder(path, opening.openFile);
      return new DiskSpool(owned, folder, await folder.recover(), opening);
    } catch (error) {
      await owned.release();
      throw new Error(`${path} cannot be used: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  private constructor(
    owned: OwnedFolder,
    folder: SpoolFolder,
    recovered: Recovered,
    { options, world, timers }: SpoolOpening,
  ) {
    this.#owned = owned;
    this.#timers = timers;
    this.#last = userOf(options, world);
    const onResult = (result: SpoolResult, records: number): void => this.#count(result, records);
    const { log } = world;
    this.#sender = new SpoolSender(recovered.batches, {
      ...{ folder, log, timers, onResult },
      delivering: () => this.#user.options,
    });
    this.#writer = new SpoolWriter({
      ...{ folder, log, timers },
      bounds: () => this.#user.options,
      onSealed: (batch) => this.#sender.add(batch),
    });
    for (const result of ["unknown", "torn"] as const) {
      const records = recovered[result];
      if (records === 0) continue;
      log.warn({ records }, LEFT[result]);
      this.#count(result, records);
    }
  }

  get #user(): User {
    return this.#users.at(-1) ?? this.#last;
  }

  #count(result: SpoolResult, records: number): void {
    this.#user.count(records, result);
  }

  #show(metrics: HostMetrics): void {
    metrics.gauge(BYTES, () => this.#bytes);
    metrics.gauge(RECORDS, () =>
      this.#sender.batches.reduce((sum, { count }) => sum + count, this.#writer.count),
    );
    metrics.gauge(AGE, () => this.#oldestSeconds);
  }

  get #bytes(): number {
    return this.#sender.batches.reduce((sum, { bytes }) => sum + bytes, this.#writer.bytes);
  }

  get #oldestSeconds(): number {
    const startedAtMs = this.#sender.batches[0]?.startedAtMs ?? this.#writer.startedAtMs;
    return startedAtMs === undefined ? 0 : Math.max(0, this.#timers.nowMs() - startedAtMs) / 1_000;
  }

  /** Opens it for one more handler; `onLast` ends it, when the last of them has closed it. */
  lend(options: SpoolOptions, world: SpoolWorld, onLast: (atMs: number) => Promise<void>): Spool {
    const user = userOf(options, world);
    this.#users = [...this.#users, user];
    this.#show(world.metrics);
    let closing: Promise<void> | undefined;
    return {
      append: (record) => {
        const refusal = closing === undefined ? this.#refusal(record) : "closed";
        user.count(1, refusal ?? "taken");
        return refusal === undefined;
      },
      close: (deadlineAtMs) => {
        closing ??= this.#leave(user) > 0 ? Promise.resolve() : onLast(deadlineAtMs);
        return closing;
      },
    };
  }

  /** How many have it open still. */
  #leave(user: User): number {
    this.#users = this.#users.filter((one) => one !== user);
    if (this.#users.length === 0) this.#last = user;
    return this.#users.length;
  }

  #refusal(record: Buffer): SpoolResult | undefined {
    const { maxBytes, segmentBytes } = this.#user.options;
    if (this.#phase === "ended") return "closed";
    if (record.length === 0) return "empty";
    const bytes = framedBytes(record);
    if (bytes > segmentBytes) return "too_large";
    while (this.#bytes + bytes > maxBytes) if (!this.#makesRoom()) return "full";
    // What is handed on is the caller's to change.
    return this.#writer.append(Buffer.from(record)) ? undefined : "full";
  }

  /** Whether there is more room now than before. */
  #makesRoom(): boolean {
    const dropped = this.#user.options.whenFull === "drop oldest" ? this.#sender.dropOldest() : 0;
    if (dropped > 0) this.#count("dropped", dropped);
    return dropped > 0;
  }

  /** Delivers what it can until then, epoch milliseconds, and gives the folder back. */
  async end(atMs: number): Promise<void> {
    this.#phase = "ended";
    const lost = await this.#writer.end();
    if (lost > 0) this.#count("lost", lost);
    await this.#sender.end(atMs);
    await this.#owned.release();
  }
}

const userOf = (options: SpoolOptions, { metrics }: SpoolWorld): User => ({
  options,
  count: metrics.counter(RESULTS),
});

const LEFT = {
  unknown: "records may have been delivered before the process ended, and are put aside",
  torn: "the end of a file was not whole, and is cut",
};

const RESULTS = {
  name: "spool_records_total",
  help: "Records on disk by what became of them, or why they were not taken",
  labels: ["result"],
};
const BYTES = { name: "spool_bytes", help: "What waits on disk" };
const RECORDS = { name: "spool_records", help: "Records that wait on disk" };
const AGE = { name: "spool_oldest_age_seconds", help: "Age of the oldest record that waits on disk" };
