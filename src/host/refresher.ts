import type { Host, Stop } from "../adapter/host.ts";
import type { Refreshed, RefreshOptions } from "../adapter/refreshed.ts";

/** How often it is looked whether a load is due: a clock that was set forward is noticed that soon. */
const TICK_MS = 1_000;
const MAX_DOUBLINGS = 20;

/** What one needs to load something again and again. `random`: from 0 to below 1. */
export interface RefresherWorld extends Pick<Host, "log" | "nowMs" | "repeat"> {
  readonly random: () => number;
}

/** Loads something again and again, one load at a time. */
export class Refresher implements Refreshed {
  readonly #options: RefreshOptions;
  readonly #world: RefresherWorld;
  readonly #closing = new AbortController();
  #failure: string | undefined;
  #failures = 0;
  /** Epoch milliseconds. */
  #dueAtMs = 0;
  #stop: Stop | undefined;
  #loading: Promise<void> | undefined;

  constructor(options: RefreshOptions, world: RefresherWorld) {
    this.#options = options;
    this.#world = world;
  }

  get failure(): string | undefined {
    return this.#failure;
  }

  start(): void {
    // `close` waits for it, and it never rejects.
    if (this.#repeat()) void this.#refresh();
  }

  async startLoaded(): Promise<void> {
    if (this.#stop !== undefined || this.#closing.signal.aborted) return;
    await this.#load();
    this.#repeat();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#stop?.();
    await this.#loading;
  }

  #repeat(): boolean {
    if (this.#stop !== undefined || this.#closing.signal.aborted) return false;
    const { everyMs } = this.#options;
    this.#stop = this.#world.repeat(Math.min(TICK_MS, everyMs), async () => {
      const untilDueMs = this.#dueAtMs - this.#world.nowMs();
      // Further away than a load ever is, it was set before the clock was.
      if (untilDueMs <= 0 || untilDueMs > 2 * everyMs) await this.#refresh();
    });
    return true;
  }

  #refresh(): Promise<void> {
    this.#loading ??= this.#load()
      .catch((error: unknown) => this.#failed(error))
      .finally(() => (this.#loading = undefined));
    return this.#loading;
  }

  async #load(): Promise<void> {
    await this.#options.load(this.#closing.signal);
    this.#failure = undefined;
    this.#failures = 0;
    this.#schedule(this.#options.everyMs);
  }

  #failed(error: unknown): void {
    if (this.#closing.signal.aborted) return;
    const { what, everyMs, retryMs } = this.#options;
    const reason = error instanceof Error ? error.message : String(error);
    if (reason !== this.#failure) this.#world.log.warn({ reason }, `${what} not loaded`);
    this.#failure = reason;
    this.#schedule(Math.min(everyMs, retryMs * 2 ** Math.min(this.#failures, MAX_DOUBLINGS)));
    this.#failures++;
  }

  #schedule(inMs: number): void {
    this.#dueAtMs = this.#world.nowMs() + inMs * (0.9 + this.#world.random() * 0.2);
  }
}
