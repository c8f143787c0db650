/** What `/quotas` is asked. */
export interface QuotaAsked {
  readonly identifier: string;
  readonly weight: number;
  readonly interval: number;
  readonly allow: number;
  readonly timeUnit: string;
}

/** The same with the `user-agent` of who asks. */
export interface QuotaAskedBy extends QuotaAsked {
  readonly by: string;
}

/** When the window that is open ends, in epoch milliseconds: windows of a calendar follow each other from the first of January 2019 on. */
export function windowEnd({ interval, timeUnit }: QuotaAsked, nowMs: number): number {
  const now = new Date(nowMs);
  if (timeUnit === "month") return Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + interval, 1);
  const lengthMs = Math.max(1, interval) * (UNITS_MS[timeUnit] ?? 3_600_000);
  return START_MS + (Math.floor((nowMs - START_MS) / lengthMs) + 1) * lengthMs;
}

const START_MS = Date.UTC(2019, 0, 1);
const UNITS_MS: Readonly<Record<string, number | undefined>> = {
  second: 1_000,
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
};
