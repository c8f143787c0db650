import assert from "node:assert/strict";
import type { CounterStores } from "../../src/limits/limits.ts";
import { look, type Asked } from "../../src/limits/look.ts";
import type { Counter, Take, Taken } from "../../src/store/counter.ts";
import { MemoryStore } from "../../src/store/memory.ts";
import { NOW_MS } from "./fixture.ts";

const memory = (): MemoryStore => new MemoryStore({ nowMs: () => NOW_MS, maxCounters: 1_000 });

const counterOf = (key: string, tag = "q/a"): Counter => ({
  tag,
  key: `{${tag}}:${key}`,
  algorithm: "fixed",
  windows: [{ limit: 10, burst: 0, length: 60_000 }],
});

const charge = (store: MemoryStore, counter: Counter, hits: number): unknown =>
  store.take({ mode: "each", charges: [{ kind: "count", counter, hits }] });

/** A store whose takes are kept, and fail where `reason` says so. */
class Watched extends MemoryStore {
  readonly takes: Take[] = [];
  reason: Extract<Taken, { kind: "failed" }>["reason"] | undefined;

  constructor() {
    super({ nowMs: () => NOW_MS, maxCounters: 1_000 });
  }

  override groupOf(tag?: string): number {
    return tag?.length ?? 0;
  }

  override take(take: Take): Taken {
    this.takes.push(take);
    return this.reason === undefined ? super.take(take) : { kind: "failed", reason: this.reason };
  }
}

const countingOf = (store: MemoryStore, local = memory()): CounterStores => ({
  store: () => store,
  local,
  replicas: () => 3,
});

const asking = (counter: Counter, onError: Asked["onError"] = "allow"): Asked => ({ counter, onError });

describe("a look at counters", () => {
  it("tells what they have come to, in the order in which they were asked, and charges nothing", async () => {
    const store = new Watched();
    const counters = Array.from({ length: 120 }, (_, index) =>
      counterOf(String(index), index % 2 === 0 ? "q/a" : "q/other"),
    );
    for (const [index, counter] of counters.entries()) charge(store, counter, index % 7);
    store.takes.length = 0;
    for (let times = 0; times < 2; times++) {
      const looked = await look(
        counters.map((counter) => asking(counter)),
        countingOf(store),
        Infinity,
      );
      assert.deepEqual(
        looked.map((one) => (one.kind === "found" ? [one.by, one.readings[0]?.used] : one.reason)),
        counters.map((_, index) => ["store", index % 7]),
      );
    }
    assert.ok(store.takes.every(({ charges }) => charges.length <= 50));
    for (const { charges } of store.takes)
      assert.equal(new Set(charges.map(({ counter }) => counter.tag)).size, 1);
  });

  it("tells what this process has counted alone while the store is away, by its part of the limit", async () => {
    const [store, local] = [new Watched(), memory()];
    store.reason = "away";
    const counter = counterOf("one");
    charge(local, counter, 3);
    const looked = await look(
      [asking(counter, "local"), asking(counter)],
      countingOf(store, local),
      Infinity,
    );
    const reading = { limit: 4, used: 3, remaining: 1, resetMs: 50_000, fitsInMs: 0 };
    assert.deepEqual(looked, [
      { kind: "found", by: "local", readings: [reading] },
      { kind: "failed", reason: "away" },
    ]);
  });
});
