import assert from "node:assert/strict";
import fc from "fast-check";
import { parseDurationMs, printDurationMs } from "../../src/std/duration.ts";

describe("a duration", () => {
  const cases: readonly (readonly [string, number | undefined])[] = [
    ["200ms", 200],
    ["0ms", 0],
    ["1s", 1000],
    ["1.5s", 1500],
    ["0.3s", 300],
    ["0.001s", 1],
    ["10m", 600_000],
    ["2h", 7_200_000],
    ["1d", 86_400_000],
    ["200", undefined],
    ["", undefined],
    ["ms", undefined],
    ["0.5ms", undefined],
    ["-1s", undefined],
    ["1 s", undefined],
    ["1S", undefined],
    ["1e3ms", undefined],
    ["1.2345s", undefined],
    ["999999999999999d", undefined],
    ["1s\n", undefined],
    ["1constructor", undefined],
  ];
  for (const [text, ms] of cases) {
    it(`${JSON.stringify(text)} is ${ms === undefined ? "none" : `${ms} ms`}`, () => {
      assert.equal(parseDurationMs(text), ms);
    });
  }

  it("is printed in the largest unit that divides it, and read again as what it was", () => {
    const printed = [1_500, 90_000, 120_000, 86_400_000, 129_600_000].map(printDurationMs);
    assert.deepEqual(printed, ["1500ms", "90s", "2m", "1d", "36h"]);
    fc.assert(fc.property(fc.nat(), (ms) => assert.equal(parseDurationMs(printDurationMs(ms)), ms)));
  });

  it("of whole milliseconds is what was written", () => {
    fc.assert(fc.property(fc.nat(), (ms) => assert.equal(parseDurationMs(`${ms}ms`), ms)));
    fc.assert(
      fc.property(fc.nat({ max: 99_999 }), fc.nat({ max: 999 }), (whole, thousandths) => {
        const text = `${whole}.${String(thousandths).padStart(3, "0")}s`;
        assert.equal(parseDurationMs(text), whole * 1000 + thousandths);
      }),
    );
  });
});
