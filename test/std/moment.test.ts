import assert from "node:assert/strict";
import { parseMomentMs } from "../../src/std/moment.ts";

describe("a moment", () => {
  const rows: readonly (readonly [text: string, iso: string | undefined])[] = [
    ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000Z"],
    ["2026-01-01T00:00:00.5+02:00", "2025-12-31T22:00:00.500Z"],
    ["2028-02-29T23:59:59Z", "2028-02-29T23:59:59.000Z"],
    ["2027-02-29T00:00:00Z", undefined],
    ["2027-02-31T00:00:00+02:00", undefined],
    ["2027-13-01T00:00:00Z", undefined],
    ["2026-01-01T25:00:00Z", undefined],
    ["2026-01-01T00:00:00", undefined],
    ["2026-01-01", undefined],
    ["now", undefined],
    ["", undefined],
  ];
  for (const [text, iso] of rows) {
    it(`${text || "nothing"}: ${iso ?? "none"}`, () => {
      const ms = parseMomentMs(text);
      assert.equal(ms === undefined ? undefined : new Date(ms).toISOString(), iso);
    });
  }
});
