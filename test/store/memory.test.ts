import assert from "node:assert/strict";
import type { Counter, Hold, Take } from "../../src/store/counter.ts";
import { MemoryStore } from "../../src/store/memory.ts";
import { behavesAsAStore } from "./behaviour.ts";

const counter = (key: string, limit = 1, lengthMs = 1_000): Counter => ({
  tag: "t",
  key,
  algorithm: "fixed",
  windows: [{ limit, length: lengthMs, burst: 0 }],
});

const one = (key: string, hold?: Hold): Take => ({
  mode: "all",
  charges: [{ kind: "take", counter: counter(key, 1_000_000_000, 60_000), hits: 1, hold }],
});

describe("counters in memory", () => {
  let nowMs = 0;
  let evicted = 0;
  const storeOf = (maxCounters: number) =>
    new MemoryStore({ nowMs: () => nowMs, maxCounters, onEvicted: () => evicted++ });

  beforeEach(() => {
    nowMs = 1_000_000_000;
    evicted = 0;
  });

  it("answer at once", () => {
    assert.ok(!(storeOf(10).take(one("a")) instanceof Promise));
  });

  it("are so many at most: the oldest goes, and that is told", () => {
    const store = storeOf(100);
    for (let index = 0; index < 250; index++) store.take(one(`k${index}`));
    assert.equal(store.status().counters, 100);
    assert.equal(evicted, 150);
    const known = store.take({
      mode: "each",
      charges: [{ kind: "look", counter: counter("k249", 1, 60_000), hits: 1 }],
    });
    assert.ok(known.kind === "counted" && known.counts[0]?.fits === false);
  });

  it("are gone when they have expired, without anybody asking for them", () => {
    const store = storeOf(1_000);
    for (let index = 0; index < 500; index++) store.take(one(`old${index}`));
    nowMs += 60_000;
    for (let index = 0; index < 500; index++) store.take(one(`new${index}`));
    assert.equal(evicted, 0);
    assert.ok((store.status().counters ?? 0) <= 750, String(store.status().counters));
    for (let index = 0; index < 500; index++) store.take(one(`more${index}`));
    assert.equal(evicted, 0);
  });

  it("keep so many reservations at most, and charge those that are beyond", () => {
    const store = storeOf(10);
    const hold = (id: string): Hold => ({ id, withinMs: 30_000, ifLost: "release" });
    for (let index = 0; index < 10_001; index++) store.take(one("a", hold(`h${index}`)));
    const settled = (id: string) =>
      store.settle({
        counter: counter("a", 1_000_000_000, 60_000),
        hold: hold(id),
        reserved: 1,
        startsAt: [],
        hits: 0,
      }).kind;
    assert.deepEqual([settled("h0"), settled("h1"), settled("h10000")], ["gone", "settled", "settled"]);
  });

  it("are forgotten one by one when that is asked for", async () => {
    const store = storeOf(10);
    store.take(one("a"));
    assert.equal(await store.reset({ key: "a" }), true);
    assert.equal(await store.reset({ key: "a" }), false);
  });

  describe("do what every store does:", () => {
    const store = storeOf(10_000);
    const pass = (ms: number): void => {
      nowMs += ms;
    };
    behavesAsAStore(() => ({ store, pass }), 1_000);
  });
});
