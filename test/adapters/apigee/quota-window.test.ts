import assert from "node:assert/strict";
import { windowEndMs } from "../../../adapters/apigee/quota-window.ts";

// A Saturday.
const NOW = Date.UTC(2026, 1, 28, 13, 14, 15, 16);

describe("a window of the calendar", () => {
  const cases: readonly (readonly [number, string, string])[] = [
    [1, "second", "2026-02-28T13:14:16.000Z"],
    [1, "minute", "2026-02-28T13:15:00.000Z"],
    [5, "Minute", "2026-02-28T13:19:00.000Z"],
    [2, "hour", "2026-02-28T15:00:00.000Z"],
    [1, "day", "2026-03-01T00:00:00.000Z"],
    [1, "week", "2026-03-02T00:00:00.000Z"],
    [2, "month", "2026-04-01T00:00:00.000Z"],
    [0, "hour", "2026-02-28T14:00:00.000Z"],
    [1, "", "2026-02-28T14:00:00.000Z"],
  ];
  for (const [interval, unit, end] of cases) {
    it(`of ${interval} ${unit || "unknown"} ends at ${end}`, () => {
      assert.equal(new Date(windowEndMs(NOW, interval, unit)).toISOString(), end);
    });
  }
});
