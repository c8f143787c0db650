import type { CheckHost } from "./check-host.ts";
import type { Made } from "./recent.ts";
import { hasShadow, shadowOutcomes, type ShadowOutcome } from "./shadow.ts";

/**
 * What follows an answer, in nobody's way: shadow verdicts are counted, refusals are kept for those who ask why, and what is to be
 * written is. Where too much of it waits, it is dropped and counted.
 */
export function afterwards(host: CheckHost, made: Made): void {
  const follows = {
    isShadowed: hasShadow(made.decision),
    isRefused: made.decision.verdict.kind !== "allow" && host.onRefusal !== undefined,
    isWritten: host.records?.mayWant(made) ?? false,
  };
  if (!follows.isShadowed && !follows.isRefused && !follows.isWritten) return;
  const isTaken = host.later(() => {
    if (follows.isRefused) host.onRefusal?.(made);
    const outcomes = follows.isShadowed ? shadowOutcomes(made.decision) : NONE;
    if (!(outcomes instanceof Promise)) tell(host, made, outcomes);
    else outcomes.then((found) => tell(host, made, found)).catch((error: unknown) => fail(host, error));
  });
  if (!isTaken) countDropped(host, follows);
}

function fail({ metrics, log }: CheckHost, error: unknown): void {
  metrics.countInternalError("shadow");
  log.error({ err: error }, "what follows an answer ended in an exception");
}

const NONE: readonly ShadowOutcome[] = [];

function tell({ metrics, records }: CheckHost, made: Made, outcomes: readonly ShadowOutcome[]): void {
  for (const { policy, rule, verdict } of outcomes) metrics.countShadow(policy, rule, verdict);
  if (records?.mayWant(made) === true) records.add(made, outcomes);
}

interface Follows {
  readonly isShadowed: boolean;
  readonly isRefused: boolean;
  readonly isWritten: boolean;
}

function countDropped({ metrics }: CheckHost, { isShadowed, isRefused, isWritten }: Follows): void {
  if (isShadowed) metrics.countShadowDropped();
  if (isRefused) metrics.countRecentDropped();
  if (isWritten) metrics.countRecordLine("late");
}
