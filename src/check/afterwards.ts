import type { CheckHost } from "./check-host.ts";
import type { Made } from "./recent.ts";
import { countsRefusal, refusedClaims } from "./quotas.ts";
import { hasShadow, shadowOutcomes, type ShadowOutcome } from "./shadow.ts";

/**
 * What follows an answer, in nobody's way: refusals are charged to quotas that count them, shadow verdicts are counted, refusals are kept for those who ask why, what is to be written is,
 * and a candidate decides again. Where too much of it waits, it is dropped and counted.
 */
export function afterwards(host: CheckHost, made: Made): void {
  const follows: Follows = {
    isShadowed: hasShadow(made.decision),
    isRefused: made.decision.verdict.kind !== "allow" && host.onRefusal !== undefined,
    isWritten: host.records?.mayWant(made) ?? false,
    isTried: host.candidate?.wants(made) ?? false,
    isCounted: made.question !== undefined && countsRefusal(made.decision),
  };
  const { isShadowed, isRefused, isWritten, isTried, isCounted } = follows;
  if (!isShadowed && !isRefused && !isWritten && !isTried && !isCounted) return;
  const isTaken = host.later(() => follow(host, made, follows));
  if (!isTaken) countDropped(host, follows);
}

interface Follows {
  readonly isShadowed: boolean;
  readonly isRefused: boolean;
  readonly isWritten: boolean;
  readonly isTried: boolean;
  /** Quotas count it although, or because, it is refused. */
  readonly isCounted: boolean;
}

function follow(host: CheckHost, made: Made, follows: Follows): void {
  const { isShadowed, isRefused, isWritten, isTried, isCounted } = follows;
  if (isCounted && made.question !== undefined)
    host.limits.count(refusedClaims(made.decision, made.question));
  if (isRefused) host.onRefusal?.(made);
  settle(host, isShadowed ? shadowOutcomes(made.decision, made.question) : NONE, (outcomes) => {
    for (const { policy, rule, verdict } of outcomes) host.metrics.countShadow(policy, rule, verdict);
    host.differences?.addShadow(made, outcomes);
    if (isWritten) host.records?.add(made, outcomes);
  });
  if (isTried) settle(host, host.candidate?.try(made), () => undefined);
}

const NONE: readonly ShadowOutcome[] = [];

/** Goes on at once where nothing is waited for. */
function settle<T>(host: CheckHost, result: T | Promise<T>, next: (value: T) => void): void {
  if (result instanceof Promise) result.then(next).catch((error: unknown) => fail(host, error));
  else next(result);
}

function fail({ metrics, log }: CheckHost, error: unknown): void {
  metrics.countInternalError("afterwards");
  log.error({ err: error }, "what follows an answer ended in an exception");
}

function countDropped({ metrics }: CheckHost, follows: Follows): void {
  const { isShadowed, isRefused, isWritten, isTried, isCounted } = follows;
  if (isCounted) metrics.countQuotaLost("count");
  if (isShadowed) metrics.countShadowDropped();
  if (isRefused) metrics.countRecentDropped();
  if (isWritten) metrics.countRecordLine("late");
  if (isTried) metrics.countCandidateCheck("dropped");
}
