import assert from "node:assert/strict";
import { within } from "../../src/std/within.ts";

describe("waiting for a promise", () => {
  const { setTimeout: timer } = globalThis;
  /** What every timer was set for, in milliseconds. */
  const waits: unknown[] = [];

  beforeEach(() => {
    waits.length = 0;
    globalThis.setTimeout = Object.assign((...given: Parameters<typeof timer>) => {
      waits.push(given[1]);
      return timer(...given);
    }, timer);
  });
  afterEach(() => {
    globalThis.setTimeout = timer;
  });

  it("ends with what it yields", async () => {
    assert.equal(await within(Promise.resolve("a"), 1_000, "late"), "a");
  });

  it("ends without it when the time is up", async () => {
    assert.equal(await within(new Promise<string>(() => undefined), 0, "late"), "late");
  });

  it("ends without it when the signal aborts, or has done so before", async () => {
    const never = new Promise<string>(() => undefined);
    const ending = new AbortController();
    const waiting = within(never, 60_000, "late", ending.signal);
    ending.abort();
    assert.equal(await waiting, "late");
    assert.equal(await within(never, 60_000, "late", ending.signal), "late");
  });

  // A timer fires at once that is set for more than 31 bits of milliseconds.
  for (const [ms, set] of [
    [Infinity, 2 ** 31 - 1],
    [2 ** 40, 2 ** 31 - 1],
    [5_000, 5_000],
    [-1, 0],
  ] as const) {
    it(`for ${ms} ms sets a timer for ${set}`, async () => {
      await within(Promise.resolve("a"), ms, "late");
      assert.deepEqual(waits, [set]);
    });
  }
});
