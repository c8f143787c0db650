/**
 * When a window of the calendar that is open now ends, in epoch milliseconds: before the service has said so. The calendar is that of UTC;
 * a unit that is not known is an hour, until the service says otherwise.
 */
export function windowEndMs(nowMs: number, interval: number, timeUnit: string): number {
  const count = Math.max(1, interval);
  const now = new Date(nowMs);
  switch (timeUnit.toLowerCase()) {
    case "second":
      return floor(nowMs, SECOND_MS) + count * SECOND_MS;
    case "minute":
      return floor(nowMs, 60 * SECOND_MS) + count * 60 * SECOND_MS;
    case "day":
      return floor(nowMs, DAY_MS) + count * DAY_MS;
    case "week":
      // The first of January 1970 was a Thursday; weeks begin on Mondays.
      return floor(nowMs - 4 * DAY_MS, 7 * DAY_MS) + 4 * DAY_MS + count * 7 * DAY_MS;
    case "month":
      return Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + count, 1);
    default:
      return floor(nowMs, HOUR_MS) + count * HOUR_MS;
  }
}

const SECOND_MS = 1_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const floor = (ms: number, unitMs: number): number => Math.floor(ms / unitMs) * unitMs;
