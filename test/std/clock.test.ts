import assert from "node:assert/strict";
import { epochClock } from "../../src/std/clock.ts";

describe("the clock", () => {
  let machineMs: number;
  let elapsedMs: number;
  let now: () => number;
  beforeEach(() => {
    machineMs = 1_000_000;
    elapsedMs = 50;
    now = epochClock(
      () => machineMs,
      () => elapsedMs,
    );
  });

  it("has fractions between the milliseconds of the machine's", () => {
    elapsedMs += 0.25;
    assert.equal(now(), 1_000_000.25);
  });

  for (const [what, byMs] of [
    ["slept through an hour, which the process does not count", 3_600_000],
    ["was set back an hour", -3_600_000],
  ] as const) {
    it(`follows the machine's, which ${what}`, () => {
      now();
      machineMs += byMs + 10;
      elapsedMs += 10;
      assert.equal(now(), 1_000_010 + byMs);
      elapsedMs += 0.5;
      assert.equal(now(), 1_000_010.5 + byMs, "and goes on from there");
    });
  }

  it("is the machine's where nobody says another", () => {
    assert.ok(Math.abs(epochClock()() - Date.now()) <= 5);
  });
});
