import assert from "node:assert/strict";
import fc from "fast-check";
import { Calendar, CALENDAR_UNITS, isZone, type CalendarUnit } from "../../src/std/period.ts";

const at = (text: string): number => Date.parse(text);
const startsAround = (unit: CalendarUnit, zone: string, moment: string): readonly string[] =>
  new Calendar({ kind: "calendar", unit, zone })
    .startsAround(at(moment))
    .map((startMs) => new Date(startMs).toISOString().replace(":00.000Z", "Z"));

describe("windows of a calendar", () => {
  const rows: readonly (readonly [CalendarUnit, string, string, readonly string[]])[] = [
    // A day of 23 hours: summer time begins on 29 March 2026.
    [
      "day",
      "Europe/Berlin",
      "2026-03-29T10:00:00Z",
      [
        "2026-03-26T23:00Z",
        "2026-03-27T23:00Z",
        "2026-03-28T23:00Z",
        "2026-03-29T22:00Z",
        "2026-03-30T22:00Z",
      ],
    ],
    // The hour that comes twice is two hours.
    [
      "hour",
      "Europe/Berlin",
      "2026-10-25T00:30:00Z",
      [
        "2026-10-24T22:00Z",
        "2026-10-24T23:00Z",
        "2026-10-25T00:00Z",
        "2026-10-25T01:00Z",
        "2026-10-25T02:00Z",
      ],
    ],
    // A zone whose hours begin at half past.
    [
      "hour",
      "Asia/Kolkata",
      "2026-01-01T00:10:00Z",
      [
        "2025-12-31T21:30Z",
        "2025-12-31T22:30Z",
        "2025-12-31T23:30Z",
        "2026-01-01T00:30Z",
        "2026-01-01T01:30Z",
      ],
    ],
    [
      "week",
      "UTC",
      "2026-11-22T23:59:59Z",
      [
        "2026-11-02T00:00Z",
        "2026-11-09T00:00Z",
        "2026-11-16T00:00Z",
        "2026-11-23T00:00Z",
        "2026-11-30T00:00Z",
      ],
    ],
    [
      "month",
      "UTC",
      "2024-02-29T12:00:00Z",
      [
        "2023-12-01T00:00Z",
        "2024-01-01T00:00Z",
        "2024-02-01T00:00Z",
        "2024-03-01T00:00Z",
        "2024-04-01T00:00Z",
      ],
    ],
    [
      "year",
      "America/New_York",
      "2026-01-01T04:59:59Z",
      [
        "2023-01-01T05:00Z",
        "2024-01-01T05:00Z",
        "2025-01-01T05:00Z",
        "2026-01-01T05:00Z",
        "2027-01-01T05:00Z",
      ],
    ],
  ];
  for (const [unit, zone, moment, starts] of rows) {
    it(`are ${unit}s in ${zone} around ${moment}`, () => {
      assert.deepEqual(startsAround(unit, zone, moment), starts);
    });
  }

  it("follow each other without a gap, around every moment", () => {
    const zones = ["UTC", "Europe/Berlin", "Pacific/Apia", "America/Sao_Paulo", "Australia/Lord_Howe"];
    const property = fc.property(
      fc.constantFrom(...CALENDAR_UNITS),
      fc.constantFrom(...zones),
      fc.integer({ min: at("2000-01-01T00:00Z"), max: at("2040-01-01T00:00Z") }),
      (unit, zone, moment) => {
        const calendar = new Calendar({ kind: "calendar", unit, zone });
        const around = calendar.startsAround(moment);
        assert.ok(around[2] <= moment && moment < around[3]);
        assert.deepEqual(
          around,
          [...around].sort((left, right) => left - right),
        );
        assert.deepEqual(calendar.startsAround(around[3]).slice(0, 4), around.slice(1));
      },
    );
    fc.assert(property, { numRuns: 300 });
  });
});

describe("a zone", () => {
  for (const name of ["UTC", "Europe/Berlin", "Asia/Kolkata"])
    it(`may be ${name}`, () => assert.ok(isZone(name)));
  for (const name of ["", "Berlin", "+02:00", "Europe/Atlantis", "local"])
    it(`is not ${JSON.stringify(name)}`, () => assert.ok(!isZone(name)));
});
