import { Unknown } from "../cel/expression.ts";
import type { Rule } from "../policy/snapshot.ts";
import type { Governing } from "./decide.ts";
import { allowOutcome, firstAllow, refusalOutcome } from "./rules.ts";

/** What one rule, or one policy, in shadow would have said. */
export interface ShadowOutcome {
  readonly policy: string;
  readonly rule: string;
  readonly verdict: "allow" | "deny" | "unknown";
}

/** Evaluated after the answer. Rules that would not have mattered are left out. */
export function shadowOutcomes(governing: readonly Governing[]): readonly ShadowOutcome[] {
  return governing.flatMap((one) => [...shadowRules(one), ...shadowPolicy(one)]);
}

/** Whether there is anything to evaluate: most policies have no shadow. */
export const hasShadow = (governing: readonly Governing[]): boolean =>
  governing.some(({ policy }) => policy.mode === "shadow" || policy.shadows.length > 0);

function shadowRules({ policy, context }: Governing): readonly ShadowOutcome[] {
  return policy.shadows.flatMap((rule) => {
    const verdict = ruleVerdict(rule, context);
    return verdict === undefined ? [] : [{ policy: policy.id, rule: rule.id, verdict }];
  });
}

function ruleVerdict(rule: Rule, context: object): ShadowOutcome["verdict"] | undefined {
  const outcome = rule.kind === "allow" ? allowOutcome(rule, context) : refusalOutcome(rule, context);
  if (outcome instanceof Unknown) return "unknown";
  if (outcome === "passes") return undefined;
  return outcome === "grants" ? "allow" : "deny";
}

/** A whole file in shadow: the one outcome that it would have had. */
function shadowPolicy({ policy, context }: Governing): readonly ShadowOutcome[] {
  if (policy.mode === "enforce") return [];
  const outcome = (rule: string, verdict: ShadowOutcome["verdict"]) => [{ policy: policy.id, rule, verdict }];
  let unknown: string | undefined;
  for (const rule of policy.refusals) {
    const found = refusalOutcome(rule, context);
    if (found === "refuses") return outcome(rule.id, "deny");
    if (found instanceof Unknown) unknown ??= rule.id;
  }
  const allow = firstAllow(policy, context);
  if (allow.kind === "refuses") return outcome("default", "deny");
  if (unknown !== undefined) return outcome(unknown, "unknown");
  if (allow.kind === "unknown") return outcome(allow.rule, "unknown");
  return allow.kind === "grants" ? outcome(allow.rule?.id ?? "default", "allow") : [];
}
