/** A stretch of time that limits are counted over. */
export type Period =
  /** Of one length; windows are aligned to 1970. */
  | { readonly kind: "span"; readonly ms: number }
  /** As people in a zone count time: days have 23 to 25 hours, months 28 to 31 days, weeks begin on Monday. */
  | { readonly kind: "calendar"; readonly unit: CalendarUnit; readonly zone: string };

export const CALENDAR_UNITS = ["hour", "day", "week", "month", "year"] as const;

export type CalendarUnit = (typeof CALENDAR_UNITS)[number];

/** Where five calendar windows in a row begin, in epoch milliseconds: the third is the one of a moment. */
export type Starts = readonly [number, number, number, number, number];

/** Whether there is a time zone of this name (IANA), such as Europe/Berlin or UTC. */
export function isZone(name: string): boolean {
  try {
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(name);
    // An offset is no zone: it knows nothing of summer time.
    return !/^[+-]/.test(name);
  } catch {
    return false;
  }
}

/** The windows around moments, found anew only when a moment is in another one. */
export class Calendar {
  readonly #unit: CalendarUnit;
  readonly #zone: string;
  #starts: Starts | undefined;

  constructor({ unit, zone }: Extract<Period, { kind: "calendar" }>) {
    this.#unit = unit;
    this.#zone = zone;
  }

  /** `atMs` is epoch milliseconds. */
  startsAround(atMs: number): Starts {
    const known = this.#starts;
    if (known !== undefined && atMs >= known[2] && atMs < known[3]) return known;
    const at = Temporal.Instant.fromEpochMilliseconds(Math.floor(atMs)).toZonedDateTimeISO(this.#zone);
    const start = startOf(at, this.#unit);
    const moved = (windows: number): number =>
      startOf(start.add({ [`${this.#unit}s`]: windows }), this.#unit).epochMilliseconds;
    return (this.#starts = [moved(-2), moved(-1), start.epochMilliseconds, moved(1), moved(2)]);
  }
}

function startOf(at: Temporal.ZonedDateTime, unit: CalendarUnit): Temporal.ZonedDateTime {
  switch (unit) {
    case "hour":
      return at.round({ smallestUnit: "hour", roundingMode: "floor" });
    case "day":
      return at.startOfDay();
    case "week":
      return at.subtract({ days: at.dayOfWeek - 1 }).startOfDay();
    case "month":
      return at.with({ day: 1 }).startOfDay();
    case "year":
      return at.with({ month: 1, day: 1 }).startOfDay();
  }
}
