export interface BreakerOptions {
  /** So many failures in a row open it. */
  readonly failures: number;
  /** So long it stays open before one call may try again. */
  readonly openMs: number;
  /** Epoch milliseconds, or any other clock. */
  readonly nowMs: () => number;
}

/** `closed` lets calls pass, `open` none, `half-open` one that tries. */
export type BreakerState = "closed" | "open" | "half-open";

/** The call was not made, because those before it failed. */
export class BreakerOpen extends Error {
  constructor() {
    super("not called: the calls before failed, and it is not yet time to try again");
    this.name = "BreakerOpen";
  }
}

/** Spares a back-end that fails, and its callers the wait: for one handler, or one URL. */
export class Breaker {
  readonly #options: BreakerOptions;
  #failures = 0;
  #openedAtMs: number | undefined;
  #isTrying = false;

  constructor(options: BreakerOptions) {
    this.#options = options;
  }

  get state(): BreakerState {
    if (this.#openedAtMs === undefined) return "closed";
    return this.#isTrying ? "half-open" : "open";
  }

  /**
   * Makes the call, or rejects with BreakerOpen. A call fails when it throws, or when `isFailure` says so of its value.
   * Of calls that began before it opened, the outcome changes nothing.
   */
  async run<T>(call: () => Promise<T>, isFailure: (value: T) => boolean = () => false): Promise<T> {
    const openedAtMs = this.#openedAtMs;
    if (openedAtMs !== undefined) this.#try(openedAtMs);
    let hasFailed = true;
    try {
      const value = await call();
      hasFailed = isFailure(value);
      return value;
    } finally {
      if (this.#openedAtMs === openedAtMs) this.#settle(hasFailed);
    }
  }

  #try(openedAtMs: number): void {
    // A clock that was set back must not keep it open for longer.
    const hasWaited = Math.abs(this.#options.nowMs() - openedAtMs) >= this.#options.openMs;
    if (!hasWaited || this.#isTrying) throw new BreakerOpen();
    this.#isTrying = true;
  }

  #settle(hasFailed: boolean): void {
    const wasTrying = this.#isTrying;
    this.#isTrying = false;
    if (!hasFailed) {
      this.#failures = 0;
      this.#openedAtMs = undefined;
      return;
    }
    this.#failures++;
    if (wasTrying || this.#failures >= this.#options.failures) this.#openedAtMs = this.#options.nowMs();
  }
}
