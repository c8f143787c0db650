export const PERIODS = ["minute", "hour", "day", "week", "month", "year", "eternity"] as const;

/** What a limit is counted over: of the calendar in UTC; weeks begin on Monday. */
export type Period = (typeof PERIODS)[number];

export const isPeriod = (text: string): text is Period => (PERIODS as readonly string[]).includes(text);

/** In epoch milliseconds; the end is outside. */
export interface Window {
  readonly startMs: number;
  readonly endMs: number;
}

const ETERNITY: Window = { startMs: Number.NEGATIVE_INFINITY, endMs: Number.POSITIVE_INFINITY };

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** The window of a period that a moment is in. Source: Apisonator, period/boundary.rb. */
export function windowAt(period: Period, atMs: number): Window {
  const at = new Date(atMs);
  switch (period) {
    case "minute":
      return spanAt(atMs, MINUTE_MS);
    case "hour":
      return spanAt(atMs, HOUR_MS);
    case "day":
      return spanAt(atMs, DAY_MS);
    case "week": {
      const { startMs } = spanAt(atMs, DAY_MS);
      const monday = startMs - ((at.getUTCDay() + 6) % 7) * DAY_MS;
      return { startMs: monday, endMs: monday + 7 * DAY_MS };
    }
    case "month": {
      const [year, month] = [at.getUTCFullYear(), at.getUTCMonth()];
      return { startMs: Date.UTC(year, month), endMs: Date.UTC(year, month + 1) };
    }
    case "year": {
      const year = at.getUTCFullYear();
      return { startMs: Date.UTC(year, 0), endMs: Date.UTC(year + 1, 0) };
    }
    case "eternity":
      return ETERNITY;
  }
}

function spanAt(atMs: number, lengthMs: number): Window {
  const startMs = Math.floor(atMs / lengthMs) * lengthMs;
  return { startMs, endMs: startMs + lengthMs };
}
