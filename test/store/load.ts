import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import type { Charge, Counter } from "../../src/store/counter.ts";
import type { Store } from "../../src/store/store.ts";
import { usedOf } from "./model.ts";

/** Takers side by side. */
const TAKERS = 20;
/** Between two takes of one: bounded load. */
const EVERY_MS = 2;
/** For timers and a machine that does other things. */
const TOLERANCE_MS = 150;

/** Takes of one hit, one after the other, from some at a time; and what became of them. */
export class Load {
  readonly counter: Counter;
  /** By result. */
  readonly results = new Map<string, number>();
  readonly #store: Store;
  #longestMs = 0;
  #isStopped = false;
  #takers: readonly Promise<void>[] = [];

  constructor(store: Store, counter: Counter) {
    this.#store = store;
    this.counter = counter;
  }

  /** Those that are known to be charged. */
  get fitting(): number {
    return this.results.get("fits") ?? 0;
  }

  /** Those that may be charged. */
  get unknown(): number {
    return this.results.get("timeout") ?? 0;
  }

  start(): void {
    this.#takers = Array.from({ length: TAKERS }, () => this.#run());
  }

  /** Safe twice. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#takers);
  }

  assertInTime(timeoutMs: number): void {
    assert.ok(
      this.#longestMs <= timeoutMs + TOLERANCE_MS,
      `a take had its answer after ${this.#longestMs} ms`,
    );
  }

  /** The counter is what was answered, and at most what nobody knows of. */
  async assertCounted(): Promise<void> {
    const used = await usedOf(this.#store, this.counter);
    assert.ok(
      used >= this.fitting && used <= this.fitting + this.unknown,
      `${used} counted, ${this.fitting} answered, ${this.unknown} unknown`,
    );
  }

  async #run(): Promise<void> {
    const charges: readonly Charge[] = [{ kind: "take", counter: this.counter, hits: 1 }];
    while (!this.#isStopped) {
      const startMs = performance.now();
      const taken = await this.#store.take({ mode: "all", charges }, Date.now() + 1_000);
      this.#longestMs = Math.max(this.#longestMs, performance.now() - startMs);
      const result = taken.kind === "counted" ? taken.verdict : taken.reason;
      this.results.set(result, (this.results.get(result) ?? 0) + 1);
      await pause(EVERY_MS);
    }
  }
}
