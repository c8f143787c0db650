import type { Quota } from "../policy/quota.ts";
import { MemoryStore } from "../store/memory.ts";
import type { Claim } from "./claim.ts";
import { StoreLimits, type ClaimOutcome, type Limits } from "./limits.ts";

/** What a quota is taken to have come to. */
export type Assumed = Pick<ClaimOutcome, "result" | "readings">;

const ROOM: Assumed = { result: "fits", readings: [] };

/** Limits that charge nothing and ask nobody. Quotas of which nothing is assumed have room. */
export const assumedLimits = (assumed: (quota: Quota) => Assumed | undefined): Limits => ({
  take: (claims) => {
    const outcomes = claims.map((claim: Claim): ClaimOutcome => ({
      claim,
      ...(assumed(claim.quota) ?? ROOM),
      by: "local",
      reserved: undefined,
    }));
    const isExceeded = outcomes.some(({ result }) => result === "exceeds");
    return { verdict: isExceeded ? "exceeds" : "fits", outcomes };
  },
  count: () => undefined,
  token: () => undefined,
});

const MAX_COUNTERS = 100_000;

/** Limits that count in this process alone from nothing, by a clock that stands still: for tests and explanations. */
export function offlineLimits(nowMs: number): Limits {
  const store = new MemoryStore({ nowMs: () => nowMs, maxCounters: MAX_COUNTERS });
  return new StoreLimits({
    store: () => store,
    local: store,
    replicas: () => 1,
    nowMs: () => nowMs,
    // A token that nobody hands back needs no real signature; that there is one is what tests see.
    signer: { sign: () => "", isSigned: () => false },
    observe: { onTake: () => undefined, onLost: () => undefined },
  });
}
