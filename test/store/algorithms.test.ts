import assert from "node:assert/strict";
import fc from "fast-check";
import { readingsOf } from "../../src/store/algorithms.ts";
import type { Algorithm, Counter, State, Window } from "../../src/store/counter.ts";
import { decideTake } from "../../src/store/decide-take.ts";

const counterOf = (algorithm: Algorithm, windows: readonly Partial<Window>[]): Counter => ({
  tag: "t",
  key: "k",
  algorithm,
  windows: windows.map((window) => ({ limit: 10, length: 1_000, burst: 0, ...window })),
});

/** One counter that is taken from at moments of the test's choice. */
class Taking {
  states: readonly State[] | undefined;
  readonly #counter: Counter;

  constructor(counter: Counter) {
    this.#counter = counter;
  }

  /** Whether so many hits were granted. */
  take(nowMs: number, hits = 1): boolean {
    const charge = { kind: "take", counter: this.#counter, hits } as const;
    const decided = decideTake({ mode: "all", charges: [charge] }, () => this.states, nowMs);
    assert.ok(decided);
    this.states = decided.changed.get("k")?.states ?? this.states;
    return decided.verdict === "fits";
  }

  readings(nowMs: number, hits = 1) {
    return readingsOf(this.#counter, { states: this.states ?? [], nowMs }, hits);
  }
}

/** Hits that were granted, by moment. */
type Log = readonly { readonly atMs: number; readonly hits: number }[];

const sum = (log: Log, fromMs: number, toMs: number): number =>
  log.filter(({ atMs }) => atMs >= fromMs && atMs < toMs).reduce((all, { hits }) => all + hits, 0);

const startOf = (nowMs: number, lengthMs: number): number => nowMs - (nowMs % lengthMs);

/** What each algorithm promises, told by the log of all that was granted: whether `hits` more are within the limit. */
const MODELS: Readonly<
  Record<Algorithm, (log: Log, window: Window, now: { atMs: number; hits: number }) => boolean>
> = {
  fixed: (log, { limit, length }, { atMs, hits }) => {
    const lengthMs = Number(length);
    return sum(log, startOf(atMs, lengthMs), Infinity) + hits <= limit;
  },
  sliding: (log, { limit, length }, { atMs, hits }) => {
    const lengthMs = Number(length);
    const start = startOf(atMs, lengthMs);
    const before = BigInt(sum(log, start - lengthMs, start));
    const here = BigInt(sum(log, start, Infinity) + hits);
    // In hits times milliseconds, exactly.
    return here * BigInt(lengthMs) + before * BigInt(start + lengthMs - atMs) <= BigInt(limit * lengthMs);
  },
  bucket: (log, { limit, burst, length }, now) => {
    // GCRA by its book: the theoretical arrival time, in parts of a millisecond of which `limit` make one.
    if (limit === 0) return now.hits === 0;
    let arrival = 0n;
    const each = BigInt(Number(length));
    for (const { atMs, hits } of log) {
      const at = BigInt(atMs * limit);
      arrival = (arrival > at ? arrival : at) + BigInt(hits) * each;
    }
    const at = BigInt(now.atMs * limit);
    return (arrival > at ? arrival - at : 0n) + BigInt(now.hits) * each <= BigInt(burst) * each;
  },
};

const steps = fc.array(
  fc.record({
    afterMs: fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 1_500 })),
    hits: fc.oneof(
      { weight: 4, arbitrary: fc.constant(1) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 6 }) },
    ),
  }),
  { maxLength: 120 },
);

describe("a counter", () => {
  for (const algorithm of ["fixed", "sliding", "bucket"] as const) {
    it(`that is ${algorithm} grants what the log of all that it granted says`, () => {
      const outcomes = new Set<boolean>();
      const property = fc.property(
        fc.record({
          limit: fc.integer({ min: 0, max: 12 }),
          length: fc.constantFrom(100, 333, 1_000),
          burst: fc.integer({ min: 0, max: 8 }),
        }),
        fc.integer({ min: 0, max: 1_000_000 }),
        steps,
        (window, beginMs, all) => {
          const taking = new Taking(counterOf(algorithm, [window]));
          const log: { atMs: number; hits: number }[] = [];
          let atMs = beginMs;
          for (const { afterMs, hits } of all) {
            atMs += afterMs;
            const isGranted = taking.take(atMs, hits);
            outcomes.add(isGranted);
            assert.equal(isGranted, MODELS[algorithm](log, window, { atMs, hits }));
            if (isGranted) log.push({ atMs, hits });
          }
        },
      );
      fc.assert(property, { numRuns: 300 });
      assert.equal(outcomes.size, 2);
    });

    it(`that is ${algorithm} says exactly how long there is to wait`, () => {
      const property = fc.property(
        fc.record({
          limit: fc.integer({ min: 1, max: 12 }),
          length: fc.constantFrom(100, 333, 1_000),
          burst: fc.integer({ min: 1, max: 8 }),
        }),
        steps,
        fc.integer({ min: 1, max: 9 }),
        (window, all, hits) => {
          const taking = new Taking(counterOf(algorithm, [window]));
          let atMs = 5_000;
          for (const { afterMs, hits: some } of all) taking.take((atMs += afterMs), some);
          const [reading] = taking.readings(atMs, hits);
          assert.ok(reading);
          const { fitsInMs } = reading;
          if (fitsInMs === undefined) {
            assert.equal(taking.take(atMs + 100_000, hits), false);
            return;
          }
          const { states } = taking;
          if (fitsInMs > 0) assert.equal(taking.take(atMs + fitsInMs - 1, hits), false, "a moment earlier");
          taking.states = states;
          assert.equal(taking.take(atMs + fitsInMs, hits), true, "then");
        },
      );
      fc.assert(property, { numRuns: 300 });
    });
  }

  it("with several windows grants what all of them grant, and charges all or none", () => {
    const property = fc.property(
      fc.constantFrom<Algorithm>("fixed", "sliding", "bucket"),
      steps,
      (algorithm, all) => {
        const windows = [
          { limit: 4, length: 100, burst: 3 },
          { limit: 9, length: 1_000, burst: 6 },
        ];
        const taking = new Taking(counterOf(algorithm, windows));
        const log: { atMs: number; hits: number }[] = [];
        let atMs = 10_000;
        for (const { afterMs, hits } of all) {
          atMs += afterMs;
          const isGranted = taking.take(atMs, hits);
          const isExpected = windows.every((window) => MODELS[algorithm](log, window, { atMs, hits }));
          assert.equal(isGranted, isExpected);
          if (isGranted) log.push({ atMs, hits });
        }
      },
    );
    fc.assert(property, { numRuns: 200 });
  });

  it("that is a bucket grants at most limit and burst within any one length", () => {
    const property = fc.property(steps, fc.integer({ min: 1, max: 5 }), (all, burst) => {
      const window = { limit: 7, length: 1_000, burst };
      const taking = new Taking(counterOf("bucket", [window]));
      const log: { atMs: number; hits: number }[] = [];
      let atMs = 0;
      for (const { afterMs, hits } of all) {
        atMs += afterMs;
        if (taking.take(atMs, hits)) log.push({ atMs, hits });
        assert.ok(sum(log, atMs - 999, atMs + 1) <= window.limit + burst);
      }
    });
    fc.assert(property, { numRuns: 300 });
  });

  it("that slides lets nobody have more than twice the limit within one length, and an even stream no more than it", () => {
    const window = { limit: 100, length: 1_000 };
    const hostile = new Taking(counterOf("sliding", [window]));
    // All at the end of one window, and the most that is then to be had in the next.
    let granted = 0;
    for (let atMs = 999; atMs < 1_999; atMs++) while (hostile.take(atMs)) granted++;
    assert.ok(granted > 150 && granted <= 200, String(granted));
    const even = new Taking(counterOf("sliding", [window]));
    let passed = 0;
    for (let atMs = 0; atMs < 100_000; atMs += 5) if (even.take(atMs)) passed++;
    assert.ok(passed <= 10_000 && passed > 9_400, String(passed));
  });

  it("stands still while a clock is set back", () => {
    for (const algorithm of ["fixed", "sliding", "bucket"] as const) {
      const taking = new Taking(counterOf(algorithm, [{ limit: 2, burst: 2 }]));
      assert.equal(taking.take(10_500, 2), true);
      assert.equal(taking.take(4_000), false, algorithm);
      assert.equal(taking.take(13_000), true, algorithm);
    }
  });

  it("keeps what it has counted when its limit changes", () => {
    for (const algorithm of ["fixed", "sliding", "bucket"] as const) {
      const small = new Taking(counterOf(algorithm, [{ limit: 3, burst: 3 }]));
      assert.equal(small.take(5_000, 3), true);
      const large = new Taking(counterOf(algorithm, [{ limit: 5, burst: 5 }]));
      large.states = small.states;
      assert.equal(large.take(5_000, 3), false, algorithm);
      assert.equal(large.take(5_000, 2), true, algorithm);
    }
  });

  it("weighs a month by its own length", () => {
    const day = 86_400_000;
    const starts = [0, 31 * day, 59 * day, 90 * day, 120 * day] as const;
    const counter = counterOf("sliding", [{ limit: 280, length: starts }]);
    const taking = new Taking(counter);
    assert.equal(taking.take(40 * day, 280), true);
    // Half of March: of February those 28 days count that are within 31 days, 15.5 of them.
    assert.equal(taking.take(74.5 * day, 125), true);
    assert.equal(taking.take(74.5 * day, 1), false);
  });
});
