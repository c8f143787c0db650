import type { ReportRecord } from "../adapter/report.ts";
import { Attempts, type AttemptsOptions, type BatchResult, type Outcome } from "./attempts.ts";
import { TIMERS } from "./timers.ts";

/** How records wait for one handler. */
export interface QueueSettings {
  /** Records that wait or are under way, at most; with more, the newest are dropped. */
  readonly capacity: number;
  /** Records of one batch, at most. */
  readonly batch: number;
  /** A batch that is not full is handed on after so long. */
  readonly waitMs: number;
  /** A batch that the handler has not dealt with by then is tried again. */
  readonly deadlineMs: number;
}

/** Why records did not arrive. */
export type DropReason = Outcome["reason"] | "queue_full" | "shutdown";

/** Told of every record once, by `delivered` or `dropped`. */
export interface DeliveryEvents {
  readonly delivered: (records: number) => void;
  readonly dropped: (reason: DropReason, records: number) => void;
  readonly batch: (result: BatchResult, seconds: number) => void;
  /** Nothing waits any more, and nothing is taken. */
  readonly closed?: () => void;
}

export interface DeliveryOptions
  extends Pick<AttemptsOptions, "report" | "log">, Partial<Pick<AttemptsOptions, "timers" | "random">> {
  readonly settings: QueueSettings;
  readonly events: DeliveryEvents;
}

/**
 * What waits for one handler: a bounded queue that never makes anybody wait. One batch is under way at a time; a batch that did not
 * arrive is tried again for a while. A handler that answers at once is fed without a promise.
 */
export class DeliveryQueue {
  readonly #events: DeliveryEvents;
  readonly #timers: AttemptsOptions["timers"];
  readonly #attempts: Attempts;
  #settings: QueueSettings;
  /** In their order, all full but the last. */
  #waiting: ReportRecord[][] = [];
  #count = 0;
  #phase: "open" | "closing" | "closed" = "open";
  /** The batch that is waited for. */
  #underWay: Promise<void> | undefined;
  #stopTimer: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  constructor({ report, settings, events, log, timers = TIMERS, random = Math.random }: DeliveryOptions) {
    this.#settings = settings;
    this.#events = events;
    this.#timers = timers;
    this.#attempts = new Attempts({ report, log, timers, random, onAttempt: events.batch });
  }

  /** Records that wait or are under way. */
  get count(): number {
    return this.#count;
  }

  get capacity(): number {
    return this.#settings.capacity;
  }

  /** From now on these hold; what waits stays. */
  follow(settings: QueueSettings): void {
    this.#settings = settings;
  }

  /** Takes one record, or drops it. */
  add(record: ReportRecord): void {
    const { capacity, batch } = this.#settings;
    if (this.#phase !== "open") {
      this.#events.dropped("shutdown", 1);
      return;
    }
    if (this.#count >= capacity) {
      this.#events.dropped("queue_full", 1);
      return;
    }
    this.#count++;
    const last = this.#waiting.at(-1);
    if (last === undefined || last.length >= batch) this.#waiting.push([record]);
    else last.push(record);
    this.#feed(batch);
  }

  /** Delivers what it can within `drainMs`; the rest is dropped. Safe twice: the first time counts. */
  close(drainMs: number): Promise<void> {
    this.#closing ??= this.#close(drainMs);
    return this.#closing;
  }

  async #close(drainMs: number): Promise<void> {
    this.#phase = "closing";
    this.#feed(1);
    this.#attempts.hurry();
    const late = Promise.withResolvers<undefined>();
    const stop = this.#timers.after(drainMs, () => late.resolve(undefined));
    await Promise.race([this.#emptied(), late.promise]);
    stop();
    this.#phase = "closed";
    this.#attempts.end();
    const rest = this.#count;
    this.#count = 0;
    this.#waiting = [];
    if (rest > 0) this.#events.dropped("shutdown", rest);
    this.#events.closed?.();
  }

  /** Each batch begins the next one when it ends. */
  async #emptied(): Promise<void> {
    while (this.#underWay !== undefined) await this.#underWay;
  }

  /** Hands on batches of so many records at least, until one has to be waited for. */
  #feed(least: number): void {
    while (this.#underWay === undefined && (this.#waiting[0]?.length ?? 0) >= least) {
      this.#deliver(this.#waiting.shift() ?? []);
    }
    const waits = this.#underWay === undefined && this.#waiting.length > 0 && this.#phase === "open";
    if (!waits) this.#stopWaiting();
    else
      this.#stopTimer ??= this.#timers.after(this.#settings.waitMs, () => {
        this.#stopTimer = undefined;
        this.#feed(1);
      });
  }

  #stopWaiting(): void {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }

  #deliver(records: readonly ReportRecord[]): void {
    const outcome = this.#attempts.deliver(records, this.#settings.deadlineMs);
    if (!(outcome instanceof Promise)) {
      this.#ended(records.length, outcome);
      return;
    }
    // Owned: it never rejects, and close waits for it.
    this.#underWay = outcome.then((known) => {
      this.#underWay = undefined;
      // What had not arrived by the end of close is counted there.
      if (this.#phase === "closed") return;
      this.#ended(records.length, known);
      this.#feed(this.#phase === "closing" ? 1 : this.#settings.batch);
    });
  }

  #ended(records: number, { dropped, reason }: Outcome): void {
    this.#count -= records;
    if (dropped < records) this.#events.delivered(records - dropped);
    if (dropped > 0) this.#events.dropped(reason, dropped);
  }
}
