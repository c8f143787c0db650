import type { Algorithm, Counter, Length, State, Window } from "./counter.ts";

/**
 * How counters count: pure functions of what is kept and of the time. The script that Redis runs does the same in the same
 * steps, and one suite compares them. All arithmetic is on whole numbers, but for one division that is rounded up.
 */

/** One window of a counter at one moment. */
export interface Rolled {
  readonly algorithm: Algorithm;
  readonly window: Window;
  /** What is kept, brought to this moment. */
  readonly state: State;
  readonly bounds: Bounds;
  /** Epoch milliseconds; a clock that was set back stands still until it is where it was. */
  readonly nowMs: number;
}

/** Where a window and the one before it begin, and where it ends; epoch milliseconds. Not of a bucket. */
interface Bounds {
  readonly before: number;
  readonly start: number;
  readonly end: number;
}

const UNBOUNDED: Bounds = { before: 0, start: 0, end: 0 };
const NEVER: State = [0, 0, 0];

/** Undefined where the moment is beyond the windows of a calendar that are known: somebody's clock is far off. */
function boundsAt(length: Length, nowMs: number): Bounds | undefined {
  if (typeof length === "number") {
    const start = Math.floor(nowMs / length) * length;
    return { before: start - length, start, end: start + length };
  }
  for (let index = 1; index < 4; index++) {
    const [before = 0, start = 0, end = 0] = length.slice(index - 1, index + 2);
    if (nowMs >= start && nowMs < end) return { before, start, end };
  }
  return undefined;
}

/** How long a window is; of a calendar, the one of the moment. */
export const lengthMsOf = (length: Length): number =>
  typeof length === "number" ? length : length[3] - length[2];

/** All windows of a counter at a moment. Undefined as `boundsAt`. */
export function rollAll(
  { algorithm, windows }: Counter,
  kept: readonly State[] | undefined,
  nowMs: number,
): readonly Rolled[] | undefined {
  const rolled: Rolled[] = [];
  for (const window of windows) {
    const one = roll({ algorithm, window }, kept?.[rolled.length] ?? NEVER, nowMs);
    if (one === undefined) return undefined;
    rolled.push(one);
  }
  return rolled;
}

function roll(
  { algorithm, window }: Pick<Rolled, "algorithm" | "window">,
  [at, current, previous]: State,
  clockMs: number,
): Rolled | undefined {
  const nowMs = Math.max(clockMs, at);
  if (algorithm === "bucket") {
    const level = Math.max(0, current - (nowMs - at) * window.limit);
    return { algorithm, window, state: [nowMs, level, 0], bounds: UNBOUNDED, nowMs };
  }
  const bounds = boundsAt(window.length, nowMs);
  if (bounds === undefined) return undefined;
  const isSame = at === bounds.start;
  const before = isSame ? previous : at === bounds.before ? current : 0;
  return { algorithm, window, state: [bounds.start, isSame ? current : 0, before], bounds, nowMs };
}

/** How many hits are counted; a part of a hit is a hit. */
function usedOf({ algorithm, window, state: [, current, previous], bounds, nowMs }: Rolled): number {
  switch (algorithm) {
    case "fixed":
      return current;
    case "sliding": {
      const beforeMs = bounds.start - bounds.before;
      const overlapMs = Math.min(bounds.end - nowMs, beforeMs);
      return current + Math.ceil((previous * overlapMs) / beforeMs);
    }
    case "bucket":
      return Math.ceil(current / lengthMsOf(window.length));
  }
}

/** What may be counted at most. */
const capacityOf = ({ algorithm, window: { limit, burst } }: Rolled): number =>
  algorithm === "bucket" && limit > 0 ? burst : limit;

/** Whether so many hits more are within the limit. */
export function fits(rolled: Rolled, hits: number): boolean {
  const capacity = capacityOf(rolled);
  if (rolled.algorithm !== "bucket") return usedOf(rolled) + hits <= capacity;
  const lengthMs = lengthMsOf(rolled.window.length);
  return rolled.state[1] + hits * lengthMs <= capacity * lengthMs;
}

/** What is kept after so many hits more, or fewer; never less than none. */
export function added({ algorithm, window, state: [at, current, previous] }: Rolled, hits: number): State {
  const amount = algorithm === "bucket" ? hits * lengthMsOf(window.length) : hits;
  return [at, Math.max(0, current + amount), previous];
}

/** The same, of which only those are kept that lead to one above the limit. */
export const saturated = (rolled: Rolled, hits: number): State =>
  added(rolled, Math.max(0, Math.min(hits, capacityOf(rolled) + 1 - usedOf(rolled))));

/** What is kept after hits that were charged to the window which began at `startedAt` are corrected by so many. */
export function corrected(rolled: Rolled, by: number, startedAt: number | undefined): State {
  const [at, current, previous] = rolled.state;
  if (rolled.algorithm === "bucket" || startedAt === at) return added(rolled, by);
  return startedAt === rolled.bounds.before ? [at, current, Math.max(0, previous + by)] : rolled.state;
}

/** For how long it matters what is kept of a window, in milliseconds. */
export function livesMs({ algorithm, window, state, bounds, nowMs }: Rolled): number {
  switch (algorithm) {
    case "fixed":
      return bounds.end - nowMs;
    case "sliding":
      return bounds.end - nowMs + (bounds.end - bounds.start);
    case "bucket":
      return Math.ceil(state[1] / Math.max(1, window.limit)) + 1;
  }
}

/** What one window has come to, for whoever is told. Numbers are hits. */
export interface Reading {
  readonly limit: number;
  readonly used: number;
  readonly remaining: number;
  /** Until the window ends, or the bucket is empty. */
  readonly resetMs: number;
  /** Until as many hits fit as were wanted, if nobody else takes any: 0 where they fit now, undefined where they never do. */
  readonly fitsInMs: number | undefined;
}

/** Reads what a take has ended with, by the clock of the store. `hits` are those that were wanted. */
export function readingsOf(
  counter: Counter,
  { states, nowMs }: { readonly states: readonly State[]; readonly nowMs: number },
  hits: number,
): readonly Reading[] {
  return (rollAll(counter, states, nowMs) ?? []).map((rolled) => {
    const used = usedOf(rolled);
    return {
      limit: rolled.window.limit,
      used,
      remaining: Math.max(0, capacityOf(rolled) - used),
      resetMs:
        rolled.algorithm === "bucket"
          ? Math.ceil(rolled.state[1] / Math.max(1, rolled.window.limit))
          : rolled.bounds.end - rolled.nowMs,
      fitsInMs: fitsInMs(rolled, hits),
    };
  });
}

function fitsInMs(rolled: Rolled, hits: number): number | undefined {
  if (fits(rolled, hits)) return 0;
  const capacity = capacityOf(rolled);
  if (hits > capacity) return undefined;
  const { algorithm, window, state, bounds, nowMs } = rolled;
  const [, current, previous] = state;
  if (algorithm === "bucket") {
    const excess = current - (capacity - hits) * lengthMsOf(window.length);
    return Math.ceil(excess / window.limit);
  }
  const endsInMs = bounds.end - nowMs;
  if (algorithm === "fixed") return endsInMs;
  // The share of the window before shrinks; when that is not enough, this window becomes the one before, and shrinks in turn.
  const free = capacity - current - hits;
  if (free >= 0) return Math.ceil(endsInMs - (free * (bounds.start - bounds.before)) / previous);
  const lengthMs = bounds.end - bounds.start;
  return endsInMs + Math.ceil(lengthMs - ((capacity - hits) * lengthMs) / current);
}
