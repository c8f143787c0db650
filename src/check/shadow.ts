import { Unknown } from "../cel/expression.ts";
import type { Rule } from "../policy/snapshot.ts";
import type { Decision } from "./decide.ts";
import type { Question } from "./question.ts";
import { appliesTo, type Governing } from "./governing.ts";
import { allowOutcome, firstAllow, isEnforced, refusalOf, refusalOutcome } from "./rules.ts";
import { identityRefusal, type Authentication } from "./authenticate.ts";
import { hasShadowQuotas, shadowQuotaOutcomes } from "./shadow-quotas.ts";

/** What one rule, or one policy, in shadow would have said. */
export interface ShadowOutcome {
  readonly policy: string;
  readonly rule: string;
  readonly verdict: "allow" | "deny" | "unknown";
}

/** Whether there is anything to evaluate: most policies have no shadow. */
export const hasShadow = ({ governing, observed }: Decision): boolean =>
  observed !== undefined ||
  governing.some((one) => one.mode === "shadow" || one.policy.shadows.length > 0 || hasShadowQuotas(one));

/**
 * Evaluated after the answer. Rules that would not have mattered are left out. There is a promise only where keys of a
 * credential are waited for that nothing enforced has read, or the store is. Without a question no quota is counted.
 */
export function shadowOutcomes(
  decision: Decision,
  question: Question | undefined,
): readonly ShadowOutcome[] | Promise<readonly ShadowOutcome[]> {
  const ofRules = ruleOutcomes(decision);
  if (question === undefined || !decision.governing.some(hasShadowQuotas)) return ofRules;
  const withQuotas = (
    known: readonly ShadowOutcome[],
  ): readonly ShadowOutcome[] | Promise<readonly ShadowOutcome[]> => {
    const ofQuotas = shadowQuotaOutcomes(decision, question, known);
    return ofQuotas instanceof Promise
      ? ofQuotas.then((more) => [...known, ...more])
      : [...known, ...ofQuotas];
  };
  return ofRules instanceof Promise ? ofRules.then(withQuotas) : withQuotas(ofRules);
}

function ruleOutcomes(decision: Decision): readonly ShadowOutcome[] | Promise<readonly ShadowOutcome[]> {
  const { governing, authentication, observed } = decision;
  const own: readonly ShadowOutcome[] = observed === undefined ? [] : [{ ...observed, verdict: "deny" }];
  if (authentication === undefined) return own;
  const all = () => [
    ...own,
    ...governing
      .filter(applies)
      .flatMap((one) => [...shadowRules(one), ...shadowPolicy(one, authentication)]),
  ];
  const read = governing.flatMap(({ policy, mode }) => [
    ...policy.shadowIdentities.values(),
    ...(mode === "shadow" ? policy.identities.values() : []),
  ]);
  const pending = read.length === 0 ? undefined : authentication.also(read);
  return pending === undefined ? all() : pending.then(all);
}

/** Who asks is found out after the answer where only a policy in shadow wants to know; until then all of those apply. */
function applies({ policy, context, mode }: Governing): boolean {
  if (mode === "enforce" || policy.gate === "open") return true;
  context.forgetDerived();
  return appliesTo(policy, context) !== "no";
}

function shadowRules({ policy, context, mode }: Governing): readonly ShadowOutcome[] {
  return policy.shadows.flatMap((rule) => {
    // Of a rule with a share, the requests that it was enforced for are no shadow.
    if (mode === "enforce" && rule.share !== undefined && isEnforced(rule.share, context)) return [];
    const verdict = ruleVerdict(rule, context);
    return verdict === undefined ? [] : [{ policy: policy.id, rule: rule.id, verdict }];
  });
}

function ruleVerdict(rule: Rule, context: object): ShadowOutcome["verdict"] | undefined {
  const outcome = rule.kind === "allow" ? allowOutcome(rule, context) : refusalOf(rule, context);
  if (outcome instanceof Unknown) return "unknown";
  if (outcome === "passes") return undefined;
  return outcome === "grants" ? "allow" : "deny";
}

/** A whole file in shadow: the one outcome that it would have had. What a handler would answer is not known. */
function shadowPolicy(
  { policy, context, mode }: Governing,
  authentication: Authentication,
): readonly ShadowOutcome[] {
  if (mode === "enforce") return [];
  const outcome = (rule: string, verdict: ShadowOutcome["verdict"]) => [{ policy: policy.id, rule, verdict }];
  const refused = identityRefusal(policy, authentication);
  if (refused !== undefined) return outcome(refused.by.rule, "deny");
  let unknown: string | undefined;
  for (const rule of policy.refusals) {
    const found = refusalOutcome(rule, context);
    if (found === "refuses") return outcome(rule.id, "deny");
    if (found instanceof Unknown) unknown ??= rule.id;
  }
  const allow = firstAllow(policy, context);
  if (allow.kind === "refuses") return outcome("default", "deny");
  unknown ??= policy.answered[0]?.id;
  if (unknown !== undefined) return outcome(unknown, "unknown");
  if (allow.kind === "unknown") return outcome(allow.rule, "unknown");
  return allow.kind === "grants" ? outcome(allow.rule?.id ?? "default", "allow") : [];
}
