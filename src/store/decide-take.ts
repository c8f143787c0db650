import { added, corrected, fits, rollAll, saturated, type Rolled } from "./algorithms.ts";
import type { Charge, Count, Counter, Settlement, State, Take } from "./counter.ts";

/** What a take comes to, and what is kept after it. */
export interface DecidedTake {
  readonly verdict: "fits" | "exceeds";
  readonly counts: readonly Count[];
  /** By key; only what has changed. */
  readonly changed: ReadonlyMap<string, Changed>;
}

export interface Changed {
  readonly counter: Counter;
  readonly states: readonly State[];
}

/** What is kept of a counter now; undefined: nothing. */
export type Kept = (counter: Counter) => readonly State[] | undefined;

/**
 * Decides a take at a moment (epoch milliseconds), charge by charge: a later one finds what an earlier one has left. Undefined
 * where a window of a calendar is not known for that moment.
 */
export function decideTake({ mode, charges }: Take, kept: Kept, nowMs: number): DecidedTake | undefined {
  const first = new Course(kept, nowMs);
  const counts = charges.map((charge) => first.carryOut(charge));
  const doAllFit = counts.every((count, index) => {
    const kind = charges[index]?.kind;
    return count?.fits !== false || kind === "count" || kind === "refund";
  });
  const verdict = doAllFit ? "fits" : "exceeds";
  if (mode === "each" || doAllFit) return decided(verdict, counts, first);
  // Nothing is taken; what counts in any case is carried out as if there had been no take.
  const second = new Course(kept, nowMs);
  const left = charges.map((charge, index) => {
    const count = second.carryOut(charge.kind === "take" ? { ...charge, kind: "look" } : charge);
    return count && { ...count, fits: counts[index]?.fits ?? count.fits };
  });
  return decided(verdict, left, second);
}

function decided(
  verdict: DecidedTake["verdict"],
  counts: readonly (Count | undefined)[],
  { changed }: Course,
): DecidedTake | undefined {
  const known = counts.filter((count) => count !== undefined);
  return known.length === counts.length ? { verdict, counts: known, changed } : undefined;
}

/** The charges of one take, one after the other. */
class Course {
  readonly changed = new Map<string, Changed>();
  readonly #kept: Kept;
  readonly #nowMs: number;

  constructor(kept: Kept, nowMs: number) {
    this.#kept = kept;
    this.#nowMs = nowMs;
  }

  /** Undefined where a window is not known. */
  carryOut(charge: Charge): Count | undefined {
    const { kind, counter, hits } = charge;
    const before = this.changed.get(counter.key)?.states ?? this.#kept(counter);
    const rolled = rollAll(counter, before, this.#nowMs);
    if (rolled === undefined) return undefined;
    const doesFit = rolled.every((one) => fits(one, kind === "refund" ? 0 : hits));
    const isCharged = hits > 0 && (kind === "take" ? doesFit : kind !== "look");
    const states = rolled.map((one) => (isCharged ? charged(charge, one) : one.state));
    if (isCharged) this.changed.set(counter.key, { counter, states });
    return { fits: doesFit, states };
  }
}

function charged({ kind, hits }: Charge, rolled: Rolled): State {
  switch (kind) {
    case "take":
      return added(rolled, hits);
    case "count":
      return saturated(rolled, hits);
    case "refund":
      return added(rolled, -hits);
    case "look":
      return rolled.state;
  }
}

/** What is kept of a counter after a reservation is corrected to what it came to; undefined where a window is not known. */
export function decideSettlement(
  { counter, reserved, startsAt, hits }: Omit<Settlement, "hold">,
  kept: readonly State[],
  nowMs: number,
): readonly State[] | undefined {
  return rollAll(counter, kept, nowMs)?.map((one, index) => corrected(one, hits - reserved, startsAt[index]));
}
