import type { ClaimOutcome } from "../limits/limits.ts";
import type { Reading } from "../store/algorithms.ts";
import type { HeaderValue } from "./verdict.ts";

/** One window of a quota, with what it has come to. */
interface Told {
  readonly name: string;
  readonly lengthSeconds: number;
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
    ["ratelimit-policy", told.map(policyItem).join(", ")],
    ["ratelimit", told.map(limitItem).join(", ")],
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
    const length = counter.windows[index]?.length ?? 0;
    const lengthMs = typeof length === "number" ? length : length[3] - length[2];
    return {
      name: readings.length === 1 ? quota.id : `${quota.id} ${printed[index] ?? ""}`,
      lengthSeconds: Math.max(1, seconds(lengthMs)),
      reading,
    };
  });
}

const isTighter = (one: Reading, other: Reading): boolean => {
  if (one.remaining !== other.remaining) return one.remaining < other.remaining;
  return (one.fitsInMs ?? Infinity) > (other.fitsInMs ?? Infinity) || one.resetMs > other.resetMs;
};

/** Structured fields (RFC 9651): a string in quotes with parameters. Names are ids and periods, which need no escape. */
const policyItem = ({ name, lengthSeconds, reading }: Told): string =>
  `"${name}";q=${reading.limit};w=${lengthSeconds}`;

const limitItem = ({ name, reading }: Told): string =>
  `"${name}";r=${reading.remaining};t=${seconds(reading.resetMs)}`;
