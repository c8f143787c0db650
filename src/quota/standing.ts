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

/** How a descriptor stands, of all windows that limit it the one that is nearest: of those that are exceeded, if any is. */
export function statusOf(carried: readonly Carried[]): Status {
  let nearest: Standing | undefined;
  let isOver = false;
  for (const one of carried) {
    isOver ||= isExceededBy(one);
    for (const window of windowsOf(one))
      if (nearest === undefined || isNearer(window, nearest)) nearest = window;
  }
  if (nearest === undefined) return NO_LIMIT;
  const { limit, reading, isExceeded } = nearest;
  isOver ||= isExceeded;
  const waitMs = isOver ? (reading.fitsInMs ?? reading.resetMs) : reading.resetMs;
  return {
    code: isOver ? "over-limit" : "ok",
    limit,
    remaining: Math.min(reading.remaining, 2 ** 32 - 1),
    resetSeconds: Math.min(Math.ceil(waitMs / 1_000), 2 ** 32 - 1),
  };
}

/** Whether less remains, and of two with as much whether it takes longer. */
function isNearer(one: Standing, other: Standing): boolean {
  if (one.isExceeded !== other.isExceeded) return one.isExceeded;
  const { remaining, resetMs } = one.reading;
  if (remaining !== other.reading.remaining) return remaining < other.reading.remaining;
  return resetMs > other.reading.resetMs;
}

/** What is given back fits in any case; what was counted before may still be too much. */
const isExceededBy = ({ charge, count }: Carried): boolean => charge.kind !== "refund" && !count.fits;

interface Standing {
  readonly limit: Limit;
  readonly reading: Reading;
  readonly isExceeded: boolean;
}

function windowsOf({ charge, count, nowMs, limits }: Carried): readonly Standing[] {
  const hits = charge.kind === "refund" ? 0 : charge.hits;
  const isOver = charge.kind === "refund" || !count.fits;
  const standings: Standing[] = [];
  for (const reading of readingsOf(charge.counter, { states: count.states, nowMs }, hits)) {
    const limit = limits[standings.length];
    if (limit === undefined) break;
    standings.push({ limit, reading, isExceeded: isOver && reading.fitsInMs !== 0 });
  }
  return standings;
}
