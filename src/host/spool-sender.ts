import type { HostLog } from "../adapter/host.ts";
import type { SpoolDelivery, SpoolOptions } from "../adapter/spool.ts";
import { within } from "../std/within.ts";
import { OneCall } from "./one-call.ts";
import type { Batch, SpoolFolder } from "./spool-folder.ts";
import type { Timers } from "./timers.ts";

/** What became of records in the end, or why they were not taken. */
export type SpoolResult =
  | "taken"
  | "delivered"
  | "refused"
  | "unknown"
  | "torn"
  | "lost"
  | "full"
  | "dropped"
  | "too_large"
  | "empty"
  | "closed";

export interface SenderOptions {
  readonly folder: SpoolFolder;
  /** How batches are delivered at this moment. */
  readonly delivering: () => Pick<SpoolOptions, "deliver" | "deliverTimeoutMs">;
  readonly log: HostLog;
  readonly timers: Timers;
  readonly onResult: (result: SpoolResult, records: number) => void;
}

/** Delivers batches, the oldest first and one at a time, each at most once. */
export class SpoolSender {
  readonly #options: SenderOptions;
  readonly #ending = new AbortController();
  #batches: Batch[];
  #running: Promise<void> | undefined;
  /** The one under way. */
  #current: Batch | undefined;
  /** Files of dropped batches that go. */
  #dropping: Promise<void> = Promise.resolve();
  #failures = 0;
  #notBeforeMs = 0;
  #mostPauseMs = LONGEST_PAUSE_MS;
  #endAtMs = Number.POSITIVE_INFINITY;
  #wake: (() => void) | undefined;

  constructor(batches: readonly Batch[], options: SenderOptions) {
    this.#options = options;
    this.#batches = [...batches];
    this.#start();
  }

  get batches(): readonly Batch[] {
    return this.#batches;
  }

  add(batch: Batch): void {
    this.#batches.push(batch);
    this.#start();
  }

  /** Forgets the oldest batch that is not under way, and says how many records it had. */
  dropOldest(): number {
    const oldest = this.#batches.find((batch) => batch !== this.#current);
    if (oldest === undefined) return 0;
    const { folder, log } = this.#options;
    this.#batches = this.#batches.filter((batch) => batch !== oldest);
    // Owned: it never rejects, and `end` waits for it.
    this.#dropping = this.#dropping
      .then(() => folder.drop(oldest))
      .catch((error: unknown) => log.warn({ reason: String(error) }, "a dropped batch is still on disk"));
    return oldest.count;
  }

  /** Delivers what it can by then, epoch milliseconds, and ends. */
  async end(atMs: number): Promise<void> {
    const { timers } = this.#options;
    this.#endAtMs = atMs;
    this.#mostPauseMs = FIRST_PAUSE_MS;
    this.#wake?.();
    await within(this.#running ?? Promise.resolve(), atMs - timers.nowMs(), undefined);
    this.#ending.abort();
    this.#wake?.();
    await this.#running;
    await this.#dropping;
  }

  #start(): void {
    // Owned: it never rejects, and `end` waits for it.
    this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    const { timers } = this.#options;
    // Whoever adds a batch goes on before it is sent.
    await Promise.resolve();
    for (let batch = this.#batches[0]; batch !== undefined; batch = this.#batches[0]) {
      await this.#pause(this.#notBeforeMs - timers.nowMs());
      if (this.#isOver) break;
      // It may have been dropped meanwhile.
      if (this.#batches[0] !== batch) continue;
      this.#current = batch;
      await this.#bring(batch);
      this.#current = undefined;
    }
    // At once, so that a batch that is added from now on begins anew.
    this.#running = undefined;
  }

  /** What would be broken off would be unknown. */
  get #isOver(): boolean {
    return this.#ending.signal.aborted || this.#options.timers.nowMs() + LEAST_MS > this.#endAtMs;
  }

  async #bring(batch: Batch): Promise<void> {
    const { folder, log, onResult } = this.#options;
    let records: readonly Buffer[];
    try {
      records = await folder.read(batch);
      await folder.mark(batch);
      if (this.#isOver) {
        await folder.unmark(batch);
        return;
      }
    } catch (error) {
      this.#failed(`the spool cannot be read: ${String(error)}`);
      return;
    }
    if (records.length < batch.count) onResult("torn", batch.count - records.length);
    const delivery = records.length === 0 ? DELIVERED : await this.#deliver(records);
    try {
      await this.#settle(batch, records.length, delivery);
    } catch (error) {
      // Its file says that it may have been sent, and so it will not be.
      log.warn({ reason: String(error) }, "what became of a batch cannot be written down");
      this.#batches = this.#batches.filter((one) => one !== batch);
      onResult("unknown", records.length);
    }
  }

  /** What is thrown, what takes too long and what is no answer is unknown: it may have arrived. */
  async #deliver(records: readonly Buffer[]): Promise<SpoolDelivery> {
    const { timers, delivering } = this.#options;
    const { deliver, deliverTimeoutMs } = delivering();
    const leftMs = Math.min(deliverTimeoutMs, this.#endAtMs - timers.nowMs());
    const call = new OneCall(timers.nowMs() + leftMs);
    const asked = (async () => deliver(records, call))().then(
      (delivery) => deliveryOf(delivery, records.length),
      (error: unknown): SpoolDelivery => ({ kind: "unknown", reason: messageOf(error) }),
    );
    const delivery = await within(asked, leftMs, LATE, this.#ending.signal);
    if (delivery === LATE) call.abort();
    return delivery;
  }

  async #settle(batch: Batch, count: number, delivery: SpoolDelivery): Promise<void> {
    const { folder, onResult } = this.#options;
    let left: Batch | undefined;
    switch (delivery.kind) {
      case "delivered":
        await folder.remove(batch);
        break;
      case "refused":
        await folder.remove(batch);
        this.#tell("refused", delivery.dropped, delivery.reason);
        break;
      case "unknown":
        await folder.putAside(batch);
        this.#tell("unknown", count, delivery.reason);
        break;
      case "retry":
        await folder.unmark(batch);
        this.#failed(delivery.reason, delivery.afterMs);
        return;
      case "partly": {
        const { retry, unknown, dropped, reason, afterMs } = delivery;
        left = await folder.divide(batch, retry, unknown);
        this.#tell("unknown", unknown.length, reason);
        this.#tell("refused", dropped, reason);
        if (left !== undefined) this.#failed(reason, afterMs);
        break;
      }
    }
    // Others may have been added since.
    const others = this.#batches.filter((one) => one !== batch);
    this.#batches = left === undefined ? others : [left, ...others];
    const delivered = count - notDelivered(delivery, count);
    if (delivered > 0) onResult("delivered", delivered);
    if (delivery.kind === "delivered" || delivery.kind === "refused") this.#well();
  }

  #tell(result: "refused" | "unknown", records: number, reason: string): void {
    if (records === 0) return;
    this.#options.onResult(result, records);
    const words = { refused: "records were refused", unknown: "records may or may not have arrived" };
    this.#options.log.warn({ reason, records }, words[result]);
  }

  #well(): void {
    if (this.#failures > 0) this.#options.log.info({}, "records are delivered again");
    this.#failures = 0;
  }

  /** Pauses double from failure to failure; what the other end asks for is the least. */
  #failed(reason: string, afterMs = 0): void {
    const { log, timers } = this.#options;
    if (this.#failures === 0) log.warn({ reason }, "records cannot be delivered; they wait on disk");
    this.#failures++;
    const doubledMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(this.#failures - 1, 20));
    this.#notBeforeMs = timers.nowMs() + Math.max(doubledMs, Math.min(afterMs, LONGEST_REST_MS));
  }

  /** Ends early when somebody is in a hurry. */
  async #pause(ms: number): Promise<void> {
    if (ms <= 0 || this.#ending.signal.aborted) return;
    await new Promise<void>((resolve) => {
      const stop = this.#options.timers.after(Math.min(ms, this.#mostPauseMs, LONGEST_REST_MS), resolve);
      this.#wake = () => {
        stop();
        resolve();
      };
    });
  }
}

/** Records of which it cannot be said that they have arrived. */
function notDelivered(delivery: SpoolDelivery, count: number): number {
  switch (delivery.kind) {
    case "delivered":
      return 0;
    case "refused":
      return delivery.dropped;
    case "retry":
    case "unknown":
      return count;
    case "partly":
      return delivery.retry.length + delivery.unknown.length + delivery.dropped;
  }
}

/** Adapters may be anybody's: what says not what became of all records is unknown. */
function deliveryOf(delivery: SpoolDelivery, count: number): SpoolDelivery {
  const isOne = KINDS.has(delivery.kind);
  const left = isOne ? notDelivered(delivery, count) : Number.NaN;
  // All of a batch stays as it is on disk.
  if (delivery.kind === "partly" && delivery.retry.length === count && left === count) {
    return { ...delivery, kind: "retry" };
  }
  return left >= 0 && left <= count ? delivery : { kind: "unknown", reason: NO_ANSWER };
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const KINDS: ReadonlySet<string> = new Set(["delivered", "refused", "retry", "unknown", "partly"]);
const NO_ANSWER = "what the handler answered says not what became of the records";
const DELIVERED: SpoolDelivery = { kind: "delivered" };
const LATE: SpoolDelivery = { kind: "unknown", reason: "no answer in time" };

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 60_000;
/** Whoever wants to be left alone for longer is asked after this all the same. */
const LONGEST_REST_MS = 10 * 60_000;
/** With less time left nothing is begun. */
const LEAST_MS = 20;
