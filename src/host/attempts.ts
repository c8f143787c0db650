import type { Handler } from "../adapter/adapter.ts";
import type { HostLog } from "../adapter/host.ts";
import type { Delivery, ReportRecord } from "../adapter/report.ts";
import { PerSecond } from "../std/per-second.ts";
import { isThenable } from "../std/thenable.ts";
import { Breaker, BreakerOpen } from "./breaker.ts";
import { deliveryOf, failure, type Answered, type Refused, type Retry } from "./delivery-answer.ts";
import { OneCall } from "./one-call.ts";
import type { Timers } from "./timers.ts";

/** What became of a batch, or of one attempt that is followed by another (`retried`). */
export type BatchResult = "delivered" | "refused" | "retried" | "failed";

/** What became of a batch in the end. `dropped` of its records have not arrived. */
export interface Outcome {
  readonly dropped: number;
  /** `gave_up`: it was tried often enough; `breaker_open`: its time was up while the handler was left alone. */
  readonly reason: "refused" | "gave_up" | "breaker_open";
}

export interface AttemptsOptions {
  readonly report: NonNullable<Handler["report"]>;
  readonly onAttempt: (result: BatchResult, seconds: number) => void;
  readonly log: HostLog;
  readonly timers: Timers;
  /** From 0 to 1, for jitter. */
  readonly random: () => number;
}

/** Brings batches to one handler, again and again where need be, within a budget of attempts and time. */
export class Attempts {
  readonly #options: AttemptsOptions;
  readonly #breaker: Breaker;
  readonly #refusals = new PerSecond(1);
  #health: "well" | "failing" = "well";
  #isOver = false;
  #mostPauseMs = Number.POSITIVE_INFINITY;
  /** Ends the pause before the next attempt, and the wait for an answer. */
  #wake: (() => void) | undefined;
  #abandon: (() => void) | undefined;
  /** When the other end wants to be asked again. */
  #notBeforeMs = 0;

  constructor(options: AttemptsOptions) {
    this.#options = options;
    const { nowMs } = options.timers;
    this.#breaker = new Breaker({ failures: FAILURES, openMs: OPEN_MS, nowMs });
  }

  /** One batch; there is a promise, which never rejects, only where somebody has to be waited for. */
  deliver(records: readonly ReportRecord[], deadlineMs: number): Outcome | Promise<Outcome> {
    if (this.#health === "failing") return this.#insist(records, deadlineMs, undefined);
    const first = this.#ask(records, deadlineMs);
    if (first.answer instanceof Promise || first.answer.kind === "retry")
      return this.#insist(records, deadlineMs, first);
    return this.#settled(first.answer, this.#secondsSince(first.startedAtMs));
  }

  /** Tries at once what waits for its next attempt, and from now on with short pauses. */
  hurry(): void {
    this.#mostPauseMs = FIRST_PAUSE_MS;
    this.#wake?.();
  }

  /** Waits for nothing more: the batch that is under way is given up. */
  end(): void {
    this.#isOver = true;
    this.#abandon?.();
    this.#wake?.();
  }

  async #insist(
    records: readonly ReportRecord[],
    deadlineMs: number,
    first: Attempt | undefined,
  ): Promise<Outcome> {
    const { onAttempt, timers } = this.#options;
    await this.#pause(this.#notBeforeMs - timers.nowMs());
    const giveUpAtMs = timers.nowMs() + MAX_AGE_MS;
    let attempts = 0;
    for (let next = first; ; next = undefined) {
      const startedAtMs = next?.startedAtMs ?? timers.nowMs();
      const answer = await this.#guarded(() => next ?? this.#ask(records, deadlineMs));
      const seconds = this.#secondsSince(startedAtMs);
      if (answer.kind === "delivered" || answer.kind === "refused") return this.#settled(answer, seconds);
      if (answer.kind === "retry") {
        attempts++;
        this.#failed(answer);
      }
      const waitMs = answer.kind === "retry" ? this.#pauseMs(attempts, answer.afterMs) : OPEN_MS / 2;
      if (this.#isOver || attempts >= MAX_ATTEMPTS || timers.nowMs() + waitMs > giveUpAtMs) {
        onAttempt("failed", seconds);
        const reason = answer.kind === "retry" ? "gave_up" : "breaker_open";
        return { dropped: records.length, reason };
      }
      if (answer.kind === "retry") onAttempt("retried", seconds);
      await this.#pause(waitMs);
    }
  }

  /** The answer of one attempt, unless the handler has failed so often that it is left alone. */
  async #guarded(attempt: () => Attempt): Promise<Delivery | { readonly kind: "left-alone" }> {
    try {
      return await this.#breaker.run(
        async () => attempt().answer,
        ({ kind }) => kind === "retry",
      );
    } catch (error) {
      if (error instanceof BreakerOpen) return { kind: "left-alone" };
      throw error;
    }
  }

  /** Asks the handler once. What it throws, and an answer that does not come in time, is to be tried again. */
  #ask(records: readonly ReportRecord[], deadlineMs: number): Attempt {
    const { report, timers } = this.#options;
    const startedAtMs = timers.nowMs();
    const call = new OneCall(startedAtMs + deadlineMs);
    let answer: unknown;
    try {
      answer = report(records, call);
    } catch (error) {
      return { startedAtMs, answer: failure(error) };
    }
    if (!isThenable(answer)) return { startedAtMs, answer: deliveryOf(answer, records.length) };
    const known = Promise.resolve(answer).then((value) => deliveryOf(value, records.length), failure);
    const inTime = new Promise<Delivery>((resolve) => {
      const late = (): void => {
        call.abort();
        resolve({ kind: "retry", reason: "the time was up" });
      };
      const stop = timers.after(deadlineMs, late);
      this.#abandon = () => {
        stop();
        late();
      };
      void known.then((value) => {
        stop();
        resolve(value);
      });
    });
    return { startedAtMs, answer: inTime };
  }

  #settled(answer: Answered | Refused, seconds: number): Outcome {
    const { onAttempt, log, timers } = this.#options;
    if (this.#health === "failing") log.info({}, "records are delivered again");
    this.#health = "well";
    onAttempt(answer.kind, seconds);
    if (answer.kind === "delivered") return { dropped: 0, reason: "refused" };
    const { dropped, reason } = answer;
    if (this.#refusals.takes(timers.nowMs())) log.warn({ reason, dropped }, "records were refused");
    return { dropped, reason: "refused" };
  }

  #failed({ reason, afterMs = 0 }: Retry): void {
    const { log, timers } = this.#options;
    this.#notBeforeMs = timers.nowMs() + Math.min(afterMs, LONGEST_REST_MS);
    if (this.#health === "well")
      log.warn({ reason }, "records cannot be delivered; they are tried again, then dropped");
    this.#health = "failing";
  }

  /** Doubles from attempt to attempt; what the other end asks for is the least. */
  #pauseMs(attempts: number, afterMs = 0): number {
    const mostMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (attempts - 1));
    return Math.max(afterMs, mostMs * (0.5 + this.#options.random() / 2));
  }

  /** Ends early when somebody is in a hurry. */
  async #pause(ms: number): Promise<void> {
    if (ms <= 0 || this.#isOver) return;
    await new Promise<void>((resolve) => {
      const stop = this.#options.timers.after(Math.min(ms, this.#mostPauseMs), resolve);
      this.#wake = () => {
        stop();
        resolve();
      };
    });
  }

  /** A clock may be set back. */
  #secondsSince(startedAtMs: number): number {
    return Math.max(0, this.#options.timers.nowMs() - startedAtMs) / 1_000;
  }
}

interface Attempt {
  /** Epoch milliseconds. */
  readonly startedAtMs: number;
  /** Never rejects. */
  readonly answer: Delivery | Promise<Delivery>;
}

/** A batch is tried so often, and for so long. */
const MAX_ATTEMPTS = 8;
const MAX_AGE_MS = 60_000;

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 15_000;
/** Whoever wants to be left alone for longer is asked after this all the same. */
const LONGEST_REST_MS = 10 * 60_000;

/** A handler that fails this often in a row is left alone for a while. */
const FAILURES = 5;
const OPEN_MS = 10_000;
