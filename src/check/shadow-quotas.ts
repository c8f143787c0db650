import { Unknown } from "../cel/expression.ts";
import { claimOf } from "../limits/claim.ts";
import type { Takes } from "../limits/limits.ts";
import type { Quota } from "../policy/quota.ts";
import type { Decision } from "./decide.ts";
import type { Governing } from "./governing.ts";
import type { Question } from "./question.ts";
import { isEnforced } from "./rules.ts";
import type { ShadowOutcome } from "./shadow.ts";

/** Whether a policy has quotas that are counted in shadow for this request, as far as that is known without looking. */
export const hasShadowQuotas = ({ policy, mode }: Governing): boolean =>
  policy.shadowQuotas.length > 0 || (mode === "shadow" && policy.quotas.length > 0);

/**
 * What quotas in shadow would have refused, counted under keys of their own. As enforced ones they count what passes, or what is refused.
 * `others` is what the rules in shadow said: a policy in shadow that refuses charges nothing. There is a promise only where the store is waited for.
 */
export function shadowQuotaOutcomes(
  { governing, verdict }: Decision,
  question: Question,
  others: readonly ShadowOutcome[],
): readonly ShadowOutcome[] | Promise<readonly ShadowOutcome[]> {
  const asked = governing
    .filter(hasShadowQuotas)
    .flatMap((one): readonly (Outcomes | Promise<Outcomes>)[] => {
      const isRefused = one.mode === "shadow" && refuses(one, others);
      const fate = verdict.kind === "allow" && !isRefused ? "passes" : "refused";
      return quotasOf(one).map((quota) => outcomeOf(quota, one, { question, fate }));
    });
  const known = asked.filter((one): one is Outcomes => !(one instanceof Promise));
  if (known.length === asked.length) return known.flat();
  return Promise.all(asked.map(async (one) => one)).then((all) => all.flat());
}

interface Counting {
  readonly question: Question;
  /** What becomes of the request without the quota. */
  readonly fate: "passes" | "refused";
}

type Outcomes = readonly ShadowOutcome[];

/** What one quota would have said; nothing where it would have let the request pass. */
function outcomeOf(
  quota: Quota,
  { context }: Governing,
  { question: { limits, nowMs, askUntilMs }, fate }: Counting,
): Outcomes | Promise<Outcomes> {
  const claim = claimOf(quota, context, { nowMs, mode: "shadow" });
  if (claim === undefined) return [];
  const outcome = (verdict: ShadowOutcome["verdict"]): Outcomes => [
    { policy: quota.policy, rule: quota.id, verdict },
  ];
  if (claim instanceof Unknown) return outcome("unknown");
  if (fate === "refused") {
    if (quota.count !== "granted") limits.count([claim]);
    return [];
  }
  const said = ({ verdict }: Takes): Outcomes =>
    verdict === "fits" ? [] : outcome(verdict === "exceeds" ? "deny" : "unknown");
  const takes = limits.take([claim], askUntilMs);
  return takes instanceof Promise ? takes.then(said) : said(takes);
}

/** A quota that is enforced for a share of requests is in shadow for the others. */
const quotasOf = ({ policy, context, mode }: Governing): readonly Quota[] => [
  ...(mode === "shadow" ? policy.quotas : []),
  ...policy.shadowQuotas.filter(
    ({ share }) => share === undefined || (mode === "enforce" && !isEnforced(share, context)),
  ),
];

const refuses = ({ policy }: Governing, others: readonly ShadowOutcome[]): boolean =>
  others.some((one) => one.policy === policy.id && one.verdict === "deny");
