import type { Window } from "../store/counter.ts";
import type { Claim } from "./claim.ts";
import type { ClaimOutcome } from "./limits.ts";

/** A counter that was raised, or reset elsewhere, is asked again after this at the latest. */
const MAX_AGE_MS = 1_000;
/** Counters of which it is remembered that they are exhausted. */
const MAX_DENIALS = 10_000;

interface Denial {
  readonly outcome: ClaimOutcome;
  readonly untilMs: number;
}

/**
 * Counters that a store has just called exhausted: whoever knocks on is refused without asking it again. For counters that nobody gives
 * anything back to: those fill up and then empty with time alone, so that a denial holds until the hits that were wanted would fit.
 */
export class Denials {
  /** By key of the counter, in the order in which they were learnt. */
  readonly #known = new Map<string, Denial>();

  /** Epoch milliseconds. */
  find(claims: readonly Claim[], nowMs: number): readonly ClaimOutcome[] {
    if (this.#known.size === 0) return NONE;
    return claims.flatMap((claim): readonly ClaimOutcome[] => {
      const known = this.#known.get(claim.counter.key);
      if (known === undefined) return NONE;
      if (known.untilMs <= nowMs) this.#known.delete(claim.counter.key);
      return known.untilMs > nowMs && covers(known.outcome.claim, claim)
        ? [{ ...known.outcome, claim, by: "remembered" }]
        : NONE;
    });
  }

  note(outcome: ClaimOutcome, nowMs: number): void {
    const { claim, result, by, readings } = outcome;
    if (result !== "exceeds" || by !== "store" || claim.quota.cost.kind === "late") return;
    const fitsInMs = Math.max(0, ...readings.map((one) => one.fitsInMs ?? MAX_AGE_MS));
    const { key } = claim.counter;
    this.#known.delete(key);
    const [oldest] = this.#known.size < MAX_DENIALS ? NONE : this.#known.keys();
    if (typeof oldest === "string") this.#known.delete(oldest);
    this.#known.set(key, { outcome, untilMs: nowMs + Math.min(MAX_AGE_MS, fitsInMs) });
  }

  forget(key: string): void {
    this.#known.delete(key);
  }
}

const NONE: readonly never[] = [];

/** Whether what was refused then says that this is: as many hits or more, within the same limits. */
const covers = (refused: Claim, claim: Claim): boolean =>
  claim.hits >= refused.hits &&
  refused.counter.windows.every((one, index) => isSame(one, claim.counter.windows[index]));

const isSame = (one: Window, other: Window | undefined): boolean =>
  one.limit === other?.limit && one.burst === other.burst;
