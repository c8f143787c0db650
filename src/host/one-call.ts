import type { Call } from "../adapter/adapter.ts";

/** Handlers that have their answers at hand never look at the signal, so it is made for those who do. */
export class OneCall implements Call {
  readonly deadlineAtMs: number;
  readonly charge: NonNullable<Call["charge"]>;
  #ending: AbortController | undefined;
  #isOver = false;

  constructor(deadlineAtMs: number, charge: NonNullable<Call["charge"]> = "now") {
    this.deadlineAtMs = deadlineAtMs;
    this.charge = charge;
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
