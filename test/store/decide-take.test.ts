import assert from "node:assert/strict";
import type { Charge, Counter, State, Take } from "../../src/store/counter.ts";
import { decideSettlement, decideTake } from "../../src/store/decide-take.ts";

const counter = (key: string, limit: number): Counter => ({
  tag: "t",
  key,
  algorithm: "fixed",
  windows: [{ limit, length: 1_000, burst: 0 }],
});

const NOW_MS = 5_500;
const START_MS = 5_000;

/** Decides on counters that have counted this many hits in the present window; tells what they come to. */
function decidedOn(used: Readonly<Record<string, number>>, take: Take) {
  const kept = ({ key }: Counter): readonly State[] | undefined =>
    key in used ? [[START_MS, used[key] ?? 0, 0]] : undefined;
  const decided = decideTake(take, kept, NOW_MS);
  assert.ok(decided);
  const { verdict, counts, changed } = decided;
  return {
    verdict,
    fits: counts.map(({ fits }) => fits),
    seen: counts.map(({ states }) => states[0]?.[1]),
    kept: Object.fromEntries(Array.from(changed, ([key, { states }]) => [key, states[0]?.[1]])),
  };
}

const charge = (kind: Charge["kind"], key: string, hits: number, limit = 10): Charge => ({
  kind,
  counter: counter(key, limit),
  hits,
});

describe("a take", () => {
  it("charges all or none", () => {
    const charges = [charge("take", "a", 1), charge("take", "b", 2)];
    assert.deepEqual(decidedOn({ a: 3 }, { mode: "all", charges }), {
      verdict: "fits",
      fits: [true, true],
      seen: [4, 2],
      kept: { a: 4, b: 2 },
    });
    assert.deepEqual(decidedOn({ a: 3, b: 9 }, { mode: "all", charges }), {
      verdict: "exceeds",
      fits: [true, false],
      seen: [3, 9],
      kept: {},
    });
  });

  it("charges each by itself where that is wanted", () => {
    const charges = [charge("take", "a", 1), charge("take", "b", 2), charge("count", "c", 3)];
    assert.deepEqual(decidedOn({ b: 9, c: 9 }, { mode: "each", charges }), {
      verdict: "exceeds",
      fits: [true, false, false],
      seen: [1, 9, 11],
      kept: { a: 1, c: 11 },
    });
  });

  it("sums what it wants of one counter", () => {
    const charges = [charge("take", "a", 6), charge("take", "a", 6)];
    assert.equal(decidedOn({}, { mode: "all", charges }).verdict, "exceeds");
    assert.deepEqual(decidedOn({}, { mode: "each", charges }).kept, { a: 6 });
    assert.deepEqual(
      decidedOn({}, { mode: "all", charges: [charge("take", "a", 4), ...charges.slice(1)] }).kept,
      {
        a: 10,
      },
    );
  });

  it("that only looks is compared and never charged", () => {
    const look = decidedOn(
      { a: 10 },
      { mode: "all", charges: [charge("look", "a", 1), charge("take", "b", 1)] },
    );
    assert.deepEqual([look.verdict, look.kept], ["exceeds", {}]);
    const room = decidedOn(
      { a: 9 },
      { mode: "all", charges: [charge("look", "a", 1), charge("take", "b", 1)] },
    );
    assert.deepEqual([room.verdict, room.kept], ["fits", { b: 1 }]);
  });

  it("of no hits makes no counter, and passes where exactly nothing is left", () => {
    assert.deepEqual(decidedOn({}, { mode: "each", charges: [charge("take", "a", 0)] }).kept, {});
    assert.deepEqual(decidedOn({ a: 10 }, { mode: "each", charges: [charge("count", "a", 0)] }).fits, [true]);
    assert.deepEqual(decidedOn({ a: 11 }, { mode: "each", charges: [charge("count", "a", 0)] }).fits, [
      false,
    ]);
  });

  it("counts to one above the limit and no further, also beside what is not taken", () => {
    assert.deepEqual(decidedOn({}, { mode: "each", charges: [charge("count", "a", 4_000_000_000)] }).kept, {
      a: 11,
    });
    const both = decidedOn(
      { b: 10 },
      { mode: "all", charges: [charge("count", "a", 3), charge("take", "b", 1)] },
    );
    assert.deepEqual([both.verdict, both.kept], ["exceeds", { a: 3 }]);
  });

  it("gives back to none and no further", () => {
    assert.deepEqual(decidedOn({ a: 3 }, { mode: "each", charges: [charge("refund", "a", 5)] }).kept, {
      a: 0,
    });
  });

  it("is not decided by windows of a calendar that the clock is not in", () => {
    const far: Counter = { ...counter("a", 1), windows: [{ limit: 1, length: [0, 1, 2, 3, 4], burst: 0 }] };
    const take: Take = { mode: "all", charges: [{ kind: "take", counter: far, hits: 1 }] };
    assert.equal(
      decideTake(take, () => undefined, NOW_MS),
      undefined,
    );
    assert.equal(decideTake(take, () => undefined, 3)?.verdict, "fits");
    assert.equal(
      decideTake(take, () => undefined, 4),
      undefined,
    );
  });
});

describe("a settlement", () => {
  const sliding: Counter = { ...counter("a", 10), algorithm: "sliding" };

  it("corrects the window that was charged, also when it is the one before", () => {
    const settlement = { counter: sliding, reserved: 5, hits: 2, startsAt: [START_MS] };
    assert.deepEqual(decideSettlement(settlement, [[START_MS, 7, 1]], NOW_MS), [[START_MS, 4, 1]]);
    assert.deepEqual(decideSettlement(settlement, [[START_MS, 7, 1]], NOW_MS + 1_000), [
      [START_MS + 1_000, 0, 4],
    ]);
  });

  it("leaves alone what is longer ago", () => {
    const settlement = { counter: sliding, reserved: 5, hits: 9, startsAt: [START_MS - 2_000] };
    assert.deepEqual(decideSettlement(settlement, [[START_MS, 7, 1]], NOW_MS), [[START_MS, 7, 1]]);
  });

  it("may come to more than was reserved, and to more than the limit", () => {
    const settlement = { counter: sliding, reserved: 5, hits: 50, startsAt: [START_MS] };
    assert.deepEqual(decideSettlement(settlement, [[START_MS, 7, 1]], NOW_MS), [[START_MS, 52, 1]]);
  });
});
