import { Unknown } from "../cel/expression.ts";
import { printScalar } from "../cel/format.ts";
import { percentOf } from "../cel/percent.ts";
import type { Text } from "../policy/effects.ts";
import type { AllowRule, Policy, RefusalRule, Share } from "../policy/snapshot.ts";
import type { Fault } from "../std/fault.ts";
import { headerText } from "./texts.ts";

/** Whether what has this share is enforced for one request. Where it is not known who that is, it is. */
export function isEnforced(share: Share | undefined, context: object): boolean {
  if (share === undefined) return true;
  const value = share.by.evaluate(context);
  const key = value instanceof Unknown ? undefined : printScalar(value);
  return key === undefined || percentOf(key, share.salt) < share.percent;
}

/** What one enforced deny or require says of a request that it is enforced for; of others it says nothing. */
export function refusalOutcome(rule: RefusalRule, context: object): "refuses" | "passes" | Unknown {
  return isEnforced(rule.share, context) ? refusalOf(rule, context) : "passes";
}

/** What one deny or require says. It applies when its `when` is UNKNOWN. */
export function refusalOf(rule: RefusalRule, context: object): "refuses" | "passes" | Unknown {
  if (rule.when?.evaluate(context) === false) return "passes";
  const value = rule.condition.evaluate(context);
  if (value instanceof Unknown) return value;
  return value === (rule.kind === "deny") ? "refuses" : "passes";
}

/**
 * What one allow says. It does not apply when its `when` is UNKNOWN. One that would set what has no value is UNKNOWN
 * itself, so that another one may grant, whichever of the two comes first. What it would set is added to `texts`.
 */
export function allowOutcome(
  rule: AllowRule,
  context: object,
  texts?: Map<Text, string>,
): "grants" | "passes" | Unknown {
  if (rule.when !== undefined && rule.when.evaluate(context) !== true) return "passes";
  const value = rule.condition.evaluate(context);
  if (value instanceof Unknown) return value;
  if (value !== true) return "passes";
  for (const text of rule.uncertain) {
    const found = headerText(text.render(context));
    if (found instanceof Unknown) return found;
    texts?.set(text, found);
  }
  return "grants";
}

/** What the texts of a rule that grants came to, so that they are not rendered twice. */
export type Texts = ReadonlyMap<Text, string>;

/** What a policy's allows and its default come to. Without a rule it is the default that grants. */
export type AllowOutcome =
  | { readonly kind: "grants"; readonly rule: AllowRule | undefined; readonly texts: Texts }
  | { readonly kind: "unknown"; readonly fault: Fault; readonly rule: string }
  | { readonly kind: "refuses" }
  | { readonly kind: "nothing" };

/** The first allow that holds; else the first that is UNKNOWN, by the request's fault before ours; else the default. */
export function firstAllow(policy: Policy, context: object): AllowOutcome {
  let unknown: Extract<AllowOutcome, { kind: "unknown" }> | undefined;
  for (const rule of policy.allows) {
    if (!isEnforced(rule.share, context)) continue;
    const texts = rule.uncertain.length === 0 ? undefined : new Map<Text, string>();
    const outcome = allowOutcome(rule, context, texts);
    if (outcome === "grants") return { kind: "grants", rule, texts: texts ?? NO_TEXTS };
    if (outcome === "passes") continue;
    const isWorse = unknown?.fault === "ours" && outcome.fault !== "ours";
    if (unknown === undefined || isWorse) unknown = { kind: "unknown", fault: outcome.fault, rule: rule.id };
  }
  return unknown ?? DEFAULTS[policy.fallback];
}

export const NO_TEXTS: Texts = new Map();

const DEFAULTS: Readonly<Record<Policy["fallback"], AllowOutcome>> = {
  grant: { kind: "grants", rule: undefined, texts: NO_TEXTS },
  refuse: { kind: "refuses" },
  nothing: { kind: "nothing" },
};
