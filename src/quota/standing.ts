import { readingsOf, type Reading } from "../store/algorithms.ts";
import type { Count } from "../store/counter.ts";
import type { Limit } from "../policy/domain.ts";
import { NO_LIMIT, type Status } from "./answer.ts";
import type { LimitCharge } from "./charges.ts";

/** A charge with what became of it, by the store's clock (epoch milliseconds). */
export interface Carried extends LimitCharge {
  readonly count: Count;
  readonly nowMs: number;
}

/** How a descriptor stands, of all windows that limit it the one that is nearest. */
export function statusOf(carried: readonly Carried[]): Status {
  const windows = carried.flatMap(windowsOf);
  const exceeded = windows.filter(({ isExceeded }) => isExceeded);
  const isOver = carried.some(isExceededBy) || exceeded.length > 0;
  const nearest = nearestOf(exceeded.length > 0 ? exceeded : windows);
  if (nearest === undefined) return NO_LIMIT;
  const { limit, reading } = nearest;
  const waitMs = isOver ? (reading.fitsInMs ?? reading.resetMs) : reading.resetMs;
  return {
    code: isOver ? "over-limit" : "ok",
    limit,
    remaining: Math.min(reading.remaining, 2 ** 32 - 1),
    resetSeconds: Math.min(Math.ceil(waitMs / 1_000), 2 ** 32 - 1),
  };
}

/** The first with the least remaining, and of those the one that takes longest. */
function nearestOf(windows: readonly Standing[]): Standing | undefined {
  let nearest: Standing | undefined;
  for (const one of windows) {
    const { remaining, resetMs } = one.reading;
    const isNearer =
      nearest === undefined ||
      remaining < nearest.reading.remaining ||
      (remaining === nearest.reading.remaining && resetMs > nearest.reading.resetMs);
    if (isNearer) nearest = one;
  }
  return nearest;
}

/** What is given back fits in any case; what was counted before may still be too much. */
const isExceededBy = ({ charge, count }: Carried): boolean => charge.kind !== "refund" && !count.fits;

interface Standing {
  readonly limit: Limit;
  readonly reading: Reading;
  readonly isExceeded: boolean;
}

function windowsOf(carried: Carried): readonly Standing[] {
  const { charge, count, nowMs, limits } = carried;
  const hits = charge.kind === "refund" ? 0 : charge.hits;
  const isOver = charge.kind === "refund" || !count.fits;
  return readingsOf(charge.counter, { states: count.states, nowMs }, hits).flatMap((reading, index) => {
    const limit = limits[index];
    return limit === undefined ? [] : [{ limit, reading, isExceeded: isOver && reading.fitsInMs !== 0 }];
  });
}
