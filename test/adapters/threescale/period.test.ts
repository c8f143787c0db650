import assert from "node:assert/strict";
import { windowAt, type Period } from "../../../adapters/threescale/period.ts";

describe("the window of a period, by the calendar in UTC", () => {
  const cases: readonly (readonly [Period, string, string, string])[] = [
    ["minute", "2026-11-22T05:26:13.500Z", "2026-11-22T05:26:00Z", "2026-11-22T05:27:00Z"],
    ["minute", "2026-11-22T05:26:00.000Z", "2026-11-22T05:26:00Z", "2026-11-22T05:27:00Z"],
    ["minute", "2026-11-22T05:26:59.999Z", "2026-11-22T05:26:00Z", "2026-11-22T05:27:00Z"],
    ["hour", "2026-11-22T05:26:13Z", "2026-11-22T05:00:00Z", "2026-11-22T06:00:00Z"],
    ["day", "2026-12-31T23:59:59Z", "2026-12-31T00:00:00Z", "2027-01-01T00:00:00Z"],
    ["week", "2026-11-22T05:26:13Z", "2026-11-16T00:00:00Z", "2026-11-23T00:00:00Z"],
    ["week", "2026-11-23T00:00:00Z", "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z"],
    ["week", "2027-01-01T12:00:00Z", "2026-12-28T00:00:00Z", "2027-01-04T00:00:00Z"],
    ["month", "2028-02-29T12:00:00Z", "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"],
    ["month", "2026-12-31T23:59:59Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"],
    ["year", "2028-02-29T12:00:00Z", "2028-01-01T00:00:00Z", "2029-01-01T00:00:00Z"],
  ];
  for (const [period, at, start, end] of cases) {
    it(`${period} at ${at}`, () =>
      assert.deepEqual(windowAt(period, Date.parse(at)), {
        startMs: Date.parse(start),
        endMs: Date.parse(end),
      }));
  }

  it("eternity never ends", () => {
    const { startMs, endMs } = windowAt("eternity", 0);
    assert.deepEqual([startMs, endMs], [-Infinity, Infinity]);
  });
});
