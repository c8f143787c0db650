import { Unknown } from "../cel/expression.ts";
import type { AllowRule, Policy, RefusalRule } from "../policy/snapshot.ts";
import type { Fault } from "../std/fault.ts";

/** What one deny or require says. It applies when its `when` is UNKNOWN. */
export function refusalOutcome(rule: RefusalRule, context: object): "refuses" | "passes" | Unknown {
  if (rule.when?.evaluate(context) === false) return "passes";
  const value = rule.condition.evaluate(context);
  if (value instanceof Unknown) return value;
  return value === (rule.kind === "deny") ? "refuses" : "passes";
}

/** What one allow says. It does not apply when its `when` is UNKNOWN. */
export function allowOutcome(rule: AllowRule, context: object): "grants" | "passes" | Unknown {
  if (rule.when !== undefined && rule.when.evaluate(context) !== true) return "passes";
  const value = rule.condition.evaluate(context);
  if (value instanceof Unknown) return value;
  return value === true ? "grants" : "passes";
}

/** What a policy's allows and its default come to. Without a rule it is the default that grants. */
export type AllowOutcome =
  | { readonly kind: "grants"; readonly rule: AllowRule | undefined }
  | { readonly kind: "unknown"; readonly fault: Fault; readonly rule: string }
  | { readonly kind: "refuses" }
  | { readonly kind: "nothing" };

/** The first allow that holds; else the first that is UNKNOWN, by the request's fault before ours; else the default. */
export function firstAllow(policy: Policy, context: object): AllowOutcome {
  let unknown: Extract<AllowOutcome, { kind: "unknown" }> | undefined;
  for (const rule of policy.allows) {
    const outcome = allowOutcome(rule, context);
    if (outcome === "grants") return { kind: "grants", rule };
    if (outcome === "passes") continue;
    const isWorse = unknown?.fault === "ours" && outcome.fault !== "ours";
    if (unknown === undefined || isWorse) unknown = { kind: "unknown", fault: outcome.fault, rule: rule.id };
  }
  return unknown ?? DEFAULTS[policy.fallback];
}

const DEFAULTS: Readonly<Record<Policy["fallback"], AllowOutcome>> = {
  grant: { kind: "grants", rule: undefined },
  refuse: { kind: "refuses" },
  nothing: { kind: "nothing" },
};
