/** Work that is done step by step. */
export interface Work {
  /** What it keeps in memory meanwhile. */
  readonly bytes: number;
  /** One small step; says whether there is another. It must not throw. */
  step(): "more" | "done";
}

/** In one turn of the event loop it works so long, and less where others have much to do. */
const SLICE_MS = 5;
const SHORT_SLICE_MS = 1;

/** Empty places at the front of the list, before they are removed. */
const MOST_DONE = 1_024;

/** What streams have brought and is not yet looked at: first come, first served, in slices, so that checks do not wait for it. */
export class Backlog {
  readonly #maxBytes: number;
  #bytes = 0;
  /** What is done is let go of at once; its place in the list a little later. */
  #waiting: (Work | undefined)[] = [];
  /** The first that is not done. */
  #at = 0;
  #isScheduled = false;
  #endedMs = 0;
  #emptied: PromiseWithResolvers<undefined> | undefined;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Of all work that waits. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Takes work unless too many bytes wait already, and says whether it did. What is alone is taken however large it is. */
  add(work: Work): boolean {
    if (this.#bytes > 0 && this.#bytes + work.bytes > this.#maxBytes) return false;
    this.#bytes += work.bytes;
    this.#waiting.push(work);
    this.#schedule(performance.now());
    return true;
  }

  /** Resolves when nothing waits. */
  emptied(): Promise<void> {
    if (this.#bytes === 0 && this.#waiting.length === 0) return Promise.resolve();
    this.#emptied ??= Promise.withResolvers<undefined>();
    return this.#emptied.promise.then(() => undefined);
  }

  #schedule(nowMs: number): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#endedMs = nowMs;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#slice();
    });
  }

  #slice(): void {
    const startedMs = performance.now();
    const isBusy = startedMs - this.#endedMs > SLICE_MS;
    const untilMs = startedMs + (isBusy ? SHORT_SLICE_MS : SLICE_MS);
    while (this.#at < this.#waiting.length) {
      this.#step();
      const nowMs = performance.now();
      if (nowMs < untilMs) continue;
      this.#schedule(nowMs);
      break;
    }
    if (this.#at < MOST_DONE && this.#at < this.#waiting.length) return;
    this.#waiting.splice(0, this.#at);
    this.#at = 0;
    if (this.#waiting.length > 0) return;
    this.#emptied?.resolve(undefined);
    this.#emptied = undefined;
  }

  #step(): void {
    const work = this.#waiting[this.#at];
    if (work === undefined || work.step() === "more") return;
    this.#bytes -= work.bytes;
    this.#waiting[this.#at++] = undefined;
  }
}
