import type { Quota } from "./operations.ts";
import { windowEndMs } from "./quota-window.ts";

/** What the service has said of one counter. */
export interface QuotaResult {
  /** Everything that was counted in the window, whether it was allowed or not. */
  readonly used: number;
  /** Epoch milliseconds. */
  readonly expiresAtMs: number;
}

/**
 * One counter as it is known here: what the service has last said, what is on its way there, and what has passed since. Only requests that
 * pass are counted, so that one who is refused is let in again as soon as the window ends.
 */
export class Bucket {
  readonly quota: Quota;
  #used = 0;
  #pending = 0;
  #sent = 0;
  #windowEndMs: number;
  /** When the service was last heard of, and last asked in vain; epoch milliseconds. */
  #syncedAtMs = Number.NEGATIVE_INFINITY;
  #usedAtMs: number;
  /** Whoever comes first asks the service, and all wait for that. */
  syncing: Promise<void> | undefined;

  constructor(quota: Quota, nowMs: number) {
    this.quota = quota;
    this.#usedAtMs = nowMs;
    this.#windowEndMs = windowEndMs(nowMs, quota.interval, quota.timeUnit);
  }

  get isKnown(): boolean {
    return this.#syncedAtMs !== Number.NEGATIVE_INFINITY;
  }

  get pending(): number {
    return this.#pending;
  }

  /** Requests that may still pass in this window. */
  left(nowMs: number): number {
    this.#roll(nowMs);
    return this.quota.allow - this.#used - this.#sent - this.#pending;
  }

  endsAtMs(nowMs: number): number {
    this.#roll(nowMs);
    return this.#windowEndMs;
  }

  charge(weight: number, nowMs: number): void {
    this.#roll(nowMs);
    this.#usedAtMs = nowMs;
    this.#pending += weight;
  }

  /** Takes what has not been sent yet, to send it. */
  begin(nowMs: number): number {
    this.#roll(nowMs);
    this.#sent = this.#pending;
    this.#pending = 0;
    return this.#sent;
  }

  /** What was sent is in the answer. */
  learn({ used, expiresAtMs }: QuotaResult, nowMs: number): void {
    this.#sent = 0;
    this.#used = used;
    if (expiresAtMs > nowMs) this.#windowEndMs = expiresAtMs;
    this.#syncedAtMs = nowMs;
  }

  /**
   * What was sent has not been counted, and is sent again; or nobody knows whether it has, and it is taken as counted, since the service
   * would count it twice.
   */
  giveUp(fate: "not-counted" | "unknown"): void {
    if (fate === "not-counted") this.#pending += this.#sent;
    else this.#used += this.#sent;
    this.#sent = 0;
  }

  /** Whether there is something to tell, or it was long ago that the service said anything of a counter that is in use. */
  isDue(nowMs: number, refreshMs: number): boolean {
    if (this.syncing !== undefined) return false;
    return this.#pending > 0 || nowMs - Math.max(this.#syncedAtMs, 0) >= refreshMs;
  }

  isIdle(nowMs: number, idleMs: number): boolean {
    return this.#pending === 0 && this.syncing === undefined && nowMs - this.#usedAtMs >= idleMs;
  }

  touch(nowMs: number): void {
    this.#usedAtMs = nowMs;
  }

  /** What was not told in time belongs to a window that is gone; what is under way counts where it arrives. */
  #roll(nowMs: number): void {
    if (nowMs < this.#windowEndMs) return;
    this.#used = 0;
    this.#pending = 0;
    const { interval, timeUnit } = this.quota;
    this.#windowEndMs = windowEndMs(nowMs, interval, timeUnit);
  }
}
