import type { ClaimOutcome } from "../limits/limits.ts";
import { rateLimitFields, type ToldLimit } from "../limits/rate-limit-fields.ts";
import { lengthMsOf, type Reading } from "../store/algorithms.ts";
import type { HeaderValue } from "./verdict.ts";

/** One window of a quota, with what it has come to. */
interface Told extends ToldLimit {
  readonly reading: Reading;
}

/**
 * What a caller is told of quotas. `RateLimit-Limit`, `-Remaining` and `-Reset` (draft-ietf-httpapi-ratelimit-headers-06 and what is in use of it)
 * speak of the window that leaves least; the lists `RateLimit-Policy` and `RateLimit` (draft-11) name every window.
 */
export function quotaHeaders(outcomes: readonly ClaimOutcome[]): readonly HeaderValue[] {
  const told = outcomes.flatMap(windowsOf);
  const [first, ...others] = told;
  if (first === undefined) return [];
  const { reading } = others.reduce(
    (least, one) => (isTighter(one.reading, least.reading) ? one : least),
    first,
  );
  return [
    ["ratelimit-limit", String(reading.limit)],
    ["ratelimit-remaining", String(reading.remaining)],
    ["ratelimit-reset", String(seconds(reading.resetMs))],
    ...rateLimitFields(told),
  ];
}

/** When a refused caller may come again, in seconds; undefined: never with what this request costs. */
export function retryAfterSeconds({ readings }: ClaimOutcome): number | undefined {
  const waits = readings.map(({ fitsInMs }) => fitsInMs);
  if (waits.length === 0 || waits.includes(undefined)) return undefined;
  return Math.max(1, ...waits.map((ms) => seconds(ms ?? 0)));
}

const seconds = (ms: number): number => Math.ceil(ms / 1_000);

function windowsOf({ claim: { quota, counter, printed }, readings }: ClaimOutcome): readonly Told[] {
  return readings.map((reading, index): Told => {
    return {
      name: readings.length === 1 ? quota.id : `${quota.id} ${printed[index] ?? ""}`,
      limit: reading.limit,
      lengthSeconds: Math.max(1, seconds(lengthMsOf(counter.windows[index]?.length ?? 0))),
      remaining: reading.remaining,
      resetSeconds: seconds(reading.resetMs),
      reading,
    };
  });
}

const isTighter = (one: Reading, other: Reading): boolean => {
  if (one.remaining !== other.remaining) return one.remaining < other.remaining;
  return (one.fitsInMs ?? Infinity) > (other.fitsInMs ?? Infinity) || one.resetMs > other.resetMs;
};
