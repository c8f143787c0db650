import type { Call } from "../adapter/adapter.ts";

/** Handlers that have their answers at hand never look at the signal, so it is made for those who do. */
export class OneCall implements Call {
  readonly deadlineAtMs: number;
  #ending: AbortController | undefined;
  #isOver = false;

  constructor(deadlineAtMs: number) {
    this.deadlineAtMs = deadlineAtMs;
  }

  get signal(): AbortSignal {
    this.#ending ??= new AbortController();
    if (this.#isOver) this.#ending.abort();
    return this.#ending.signal;
  }

  abort(): void {
    this.#isOver = true;
    this.#ending?.abort();
  }
}
