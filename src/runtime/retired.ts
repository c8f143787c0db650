/** The most that waits to be ended; with more, the oldest is ended at once. */
const MAX_RETIRED = 100;

/** What is no longer live and what requests that began before may still use: it is ended when they are over. */
export class Retired {
  readonly #waiting = new Map<NodeJS.Timeout, () => Promise<void>>();
  readonly #ending = new Set<Promise<void>>();

  /** Calls `end` in `afterMs`, or when all is closed. It must not reject. */
  add(afterMs: number, end: () => Promise<void>): void {
    const timer = setTimeout(() => this.#end(timer), afterMs).unref();
    this.#waiting.set(timer, end);
    const [oldest] = this.#waiting.keys();
    if (this.#waiting.size > MAX_RETIRED && oldest !== undefined) this.#end(oldest);
  }

  /** Ends all at once, and waits for those that are ending. */
  async close(): Promise<void> {
    for (const timer of [...this.#waiting.keys()]) this.#end(timer);
    await Promise.all(this.#ending);
  }

  #end(timer: NodeJS.Timeout): void {
    const end = this.#waiting.get(timer);
    clearTimeout(timer);
    this.#waiting.delete(timer);
    if (end === undefined) return;
    const ending = end().finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }
}
