import assert from "node:assert/strict";
import { forget } from "../../src/limits/forget.ts";
import type { Counter } from "../../src/store/counter.ts";
import { MemoryStore } from "../../src/store/memory.ts";
import { NOW_MS } from "./fixture.ts";

const COUNTER: Counter = {
  tag: "q/a",
  key: "{q/a}:one",
  algorithm: "fixed",
  windows: [{ limit: 10, burst: 0, length: 60_000 }],
};

/** A store that has counted so many hits. */
function counted(hits: number): MemoryStore {
  const store = new MemoryStore({ nowMs: () => NOW_MS, maxCounters: 10 });
  if (hits > 0) store.take({ mode: "each", charges: [{ kind: "count", counter: COUNTER, hits }] });
  return store;
}

describe("a counter that is forgotten", () => {
  for (const [here, there, kind] of [
    [1, 1, "reset"],
    [0, 1, "reset"],
    [1, 0, "reset"],
    [0, 0, "nothing"],
  ] as const) {
    it(`is ${kind} where the store has ${there} hits of it, and this process ${here}`, async () => {
      const [store, local] = [counted(there), counted(here)];
      const again: string[] = [];
      const limits = { askAgain: ({ key }: { key: string }) => void again.push(key) };
      assert.deepEqual(await forget([COUNTER], { store: () => store, local, limits }), {
        result: kind,
        reason: undefined,
      });
      assert.deepEqual([store.status().counters, local.status().counters], [0, 0]);
      assert.deepEqual(again, [COUNTER.key]);
    });
  }

  it("is forgotten with others, and something was where one was there", async () => {
    const [store, local] = [counted(1), counted(0)];
    const limits = { askAgain: () => undefined };
    const other = { tag: "q/a", key: "{q/a}:other" };
    const forgotten = await forget([other, COUNTER], { store: () => store, local, limits });
    assert.equal(forgotten.result, "reset");
  });

  it("is forgotten here where the store cannot be asked, and that is said", async () => {
    const local = counted(1);
    const limits = { askAgain: () => assert.fail("the store still has it") };
    const store = counted(1);
    store.reset = () => Promise.reject(new Error("the store has not answered: away"));
    assert.deepEqual(await forget([COUNTER], { store: () => store, local, limits }), {
      result: "failed",
      reason: "the store has not answered: away",
    });
    assert.equal(local.status().counters, 0);
  });
});
