import { Unknown } from "../cel/expression.ts";
import { claimOf, type Claim } from "../limits/claim.ts";
import type { ClaimOutcome, Limits, Takes } from "../limits/limits.ts";
import type { Quota } from "../policy/quota.ts";
import { quotaDenial, storeDenial } from "./denial.ts";
import { Faults } from "./faults.ts";
import type { Decision } from "./decide.ts";
import type { Governing } from "./governing.ts";
import type { Once, OnceItem } from "./once.ts";
import type { Question } from "./question.ts";
import { quotaHeaders } from "./quota-headers.ts";
import { isEnforced } from "./rules.ts";
import type { Allowed, Verdict } from "./verdict.ts";

/** What the quotas make of a request that everything else lets pass. */
export interface Charged {
  readonly verdict: Verdict;
  /** Undefined where none was asked. */
  readonly takes: Takes | undefined;
}

/**
 * Charges what the enforced quotas of all policies want, all or nothing. It comes last: a request that anything else refuses is charged
 * nothing, and nobody is asked where a claim has no value. There is a promise only where the store is waited for.
 */
export function chargeQuotas(
  verdict: Allowed,
  enforced: readonly Governing[],
  question: Question,
  once: Once | undefined,
): Charged | Promise<Charged> {
  if (!enforced.some(({ policy }) => policy.quotas.length > 0)) return { verdict, takes: undefined };
  const faults = new Faults();
  const wanted = claimsOf(enforced, question, {
    isWanted: () => true,
    onUnknown: (quota, unknown) => faults.note(unknown.fault, { policy: quota.policy, rule: quota.id }),
  });
  const refused = faults.verdict();
  if (refused !== undefined) return { verdict: refused, takes: undefined };
  const claims = once === undefined ? wanted : wanted.filter((one) => !wasCharged(one, once));
  if (claims.length === 0) return { verdict, takes: undefined };
  const takes = question.limits.take(claims, question.askUntilMs);
  const concluded = (known: Takes): Charged => {
    if (known.verdict === "fits") for (const one of known.outcomes) noteCharged(one, once);
    return { verdict: concluding(verdict, known, question.limits), takes: known };
  };
  return takes instanceof Promise ? takes.then(concluded) : concluded(takes);
}

const onceItem = ({ quota, counter, hits }: Claim): OnceItem => ({
  kind: "quota",
  policy: quota.policy,
  id: quota.id,
  detail: `${hits} ${counter.key}`,
});

const wasCharged = (claim: Claim, once: Once): boolean =>
  claim.quota.once !== undefined && once.wasCharged(onceItem(claim));

function noteCharged({ claim, result }: ClaimOutcome, once: Once | undefined): void {
  if (claim.quota.once !== undefined && result === "fits") once?.note(onceItem(claim));
}

interface Claiming {
  readonly isWanted: (quota: Quota) => boolean;
  readonly onUnknown: (quota: Quota, unknown: Unknown) => void;
}

/** The claims of the enforced quotas, by policy and position. */
function claimsOf(
  enforced: readonly Governing[],
  { nowMs }: Question,
  { isWanted, onUnknown }: Claiming,
): readonly Claim[] {
  const claims: Claim[] = [];
  for (const { policy, context } of enforced) {
    for (const quota of policy.quotas) {
      if (!isWanted(quota) || !isEnforced(quota.share, context)) continue;
      const claim = claimOf(quota, context, { nowMs, mode: "enforce" });
      if (claim instanceof Unknown) onUnknown(quota, claim);
      else if (claim !== undefined) claims.push(claim);
    }
  }
  return claims;
}

/** The first quota of the deciding kind answers; a definite no beats what nobody knows. */
function concluding(verdict: Allowed, { verdict: found, outcomes }: Takes, limits: Limits): Verdict {
  switch (found) {
    case "fits":
      return passing(verdict, outcomes, limits);
    case "exceeds":
      return quotaDenial(decider(outcomes, "exceeds"));
    case "failed":
      return storeDenial(decider(outcomes, "failed").claim.quota);
  }
}

/** The grant with what it tells of quotas: to callers, and to whoever settles what was reserved. */
function passing(verdict: Allowed, outcomes: readonly ClaimOutcome[], limits: Limits): Allowed {
  const shown = outcomes.filter(({ claim }) => claim.quota.headers === "always");
  const settle = outcomes.flatMap(({ claim, reserved }) => (reserved && limits.token(claim, reserved)) ?? []);
  if (shown.length + settle.length === 0) return verdict;
  return { ...verdict, responseSet: [...verdict.responseSet, ...quotaHeaders(shown)], settle };
}

function decider(outcomes: readonly ClaimOutcome[], result: ClaimOutcome["result"]): ClaimOutcome {
  const first = outcomes.find((one) => one.result === result);
  if (first === undefined) throw new Error(`no quota ${result}, and all of them together do`);
  return first;
}

/** Whether quotas may count a request that was not allowed. */
export const countsRefusal = ({ verdict, governing }: Decision): boolean =>
  verdict.kind !== "allow" &&
  governing.some(
    ({ policy, mode }) => mode === "enforce" && policy.quotas.some(({ count }) => count !== "granted"),
  );

/**
 * What is charged for a request that was not allowed, by quotas that count such requests. The quota that has refused it itself is not: who
 * is locked out would stay so for as long as they knock.
 */
export function refusedClaims({ verdict, takes, governing }: Decision, question: Question): readonly Claim[] {
  const exceeded = new Set(
    takes?.outcomes.flatMap(({ claim, result }) => (result === "exceeds" ? [claim.quota] : [])),
  );
  const isWanted = (quota: Quota): boolean =>
    !exceeded.has(quota) && (quota.count === "all" || (quota.count === "denied" && verdict.kind === "deny"));
  const enforced = governing.filter(({ mode }) => mode === "enforce");
  return claimsOf(enforced, question, { isWanted, onUnknown: () => undefined });
}
