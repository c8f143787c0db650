import type { Attributes } from "../attributes/attributes.ts";
import { Unknown, type Expression } from "../cel/expression.ts";
import { disclosureOf } from "../policy/disclosure.ts";
import type { Evidence } from "../policy/evidence.ts";
import { matches, misfitting, NO_BINDINGS, type MatchKey } from "../policy/match.ts";
import type { AskRule, Policy, PolicyContext, Rule } from "../policy/snapshot.ts";
import { subjectOf } from "../policy/subject.ts";
import { hasPart } from "../policy/telemetry.ts";
import type { AskOutcome } from "./ask.ts";
import type { Decision } from "./decide.ts";
import { explainedQuotas, expressionsOf } from "./explain-quotas.ts";
import { appliesTo, type Governing } from "./governing.ts";
import type { Question } from "./question.ts";
import { allowOutcome, isEnforced, refusalOf } from "./rules.ts";
import { shown, type Shown, type Showing } from "./shown.ts";

/** What one policy said to a request, and what each of its expressions came to. */
export interface ExplainedPolicy {
  readonly policy: string;
  /** For this request. */
  readonly mode: Policy["mode"];
  readonly applies: Applies;
  /** `match.when` and `except`, as far as the policy has them. */
  readonly gate: readonly Labelled[];
  readonly identities: readonly ExplainedIdentity[];
  readonly rules: readonly ExplainedRule[];
  /** What the answer carries to the access-log entry, for telemetry, by what is read. */
  readonly carries: readonly Labelled[];
  /** What holds where no rule decides. */
  readonly fallback: Policy["fallback"];
}

export type Applies =
  | { readonly kind: "yes" }
  /** `by`: what of its match does not fit, or its exception. */
  | { readonly kind: "no"; readonly by: readonly (MatchKey | "protocol" | "when" | "except")[] }
  | { readonly kind: "unknown" };

export interface ExplainedIdentity {
  readonly name: string;
  /** `holds`, `absent`, `unknown`, or why it is refused. */
  readonly finding: string;
}

export interface ExplainedRule {
  readonly rule: string;
  readonly kind: Rule["kind"] | "ask" | "quota";
  readonly mode: "enforce" | "shadow";
  readonly outcome: Outcome;
  /** Why there is no answer. */
  readonly detail: string | undefined;
  readonly expressions: readonly Labelled[];
}

/**
 * `passes`: a deny, require, ask or quota that does not refuse. `does not grant`: an allow that does not hold. `passed over`: its
 * `when` is false. `not asked`: something refused before, or nothing was presented.
 */
export type Outcome =
  "grants" | "does not grant" | "refuses" | "passes" | "unknown" | "passed over" | "not asked";

/** One expression under the key that it stands at. */
export interface Labelled {
  readonly key: string;
  readonly value: Shown;
}

/** What is explained, and how much of it is shown. */
export interface Explaining {
  readonly question: Question;
  readonly decision: Decision;
  readonly personal: Showing["personal"];
  /** Leaves out the policies that do not apply. */
  readonly only?: "applying";
}

/**
 * What every policy said about a decision that was made, by name; nothing where none was asked. Everything is evaluated
 * again, part by part, so it costs much more than the decision.
 */
export function explain(explaining: Explaining): readonly ExplainedPolicy[] {
  const { question, decision } = explaining;
  const { authentication } = decision;
  if (authentication === undefined) return [];
  if (explaining.only === "applying")
    return decision.governing.map((one) => explainGoverning(one, explaining));
  const governing = new Map(decision.governing.map((one) => [one.policy, one]));
  const asked = question.snapshot.policies.filter(
    ({ telemetry }) => telemetry === undefined || hasPart(telemetry),
  );
  return asked.map((policy) => {
    const one = governing.get(policy);
    return one === undefined
      ? explainOther(policy, authentication.evidence, explaining)
      : explainGoverning(one, explaining);
  });
}

function explainGoverning({ policy, context, mode }: Governing, explaining: Explaining): ExplainedPolicy {
  const applies = appliesTo(policy, context);
  return {
    policy: policy.id,
    mode,
    applies: applies instanceof Unknown ? { kind: "unknown" } : { kind: "yes" },
    gate: gateOf(policy, context, explaining),
    identities: identitiesOf(policy, context, explaining),
    rules: rulesOf(policy, context, explaining),
    carries: carriesOf(policy, context, explaining),
    fallback: policy.fallback,
  };
}

/** A policy that does not apply: its match does not fit, or an expression of it excludes the request. */
function explainOther(policy: Policy, evidence: Evidence, explaining: Explaining): ExplainedPolicy {
  const { attributes } = explaining.question;
  const other = {
    policy: policy.id,
    mode: policy.mode,
    identities: [],
    rules: [],
    carries: [],
    fallback: policy.fallback,
  };
  const isOfProtocol = (policy.match.protocol === "tcp") === (attributes.kind === "connection");
  const misfits = isOfProtocol ? misfitting(policy.match, subjectOf(attributes)) : (["protocol"] as const);
  if (misfits.length > 0) return { ...other, applies: { kind: "no", by: misfits }, gate: [] };
  const context = contextOf(policy, attributes, evidence);
  const by = policy.except?.evaluate(context) === true ? "except" : "when";
  return { ...other, applies: { kind: "no", by: [by] }, gate: gateOf(policy, context, explaining) };
}

const carriesOf = (policy: Policy, context: object, explaining: Explaining): readonly Labelled[] =>
  labelled(
    policy,
    context,
    explaining,
    Object.fromEntries(policy.telemetry?.carries.map(({ name, expression }) => [name, expression]) ?? []),
  );

const gateOf = (policy: Policy, context: object, explaining: Explaining): readonly Labelled[] =>
  labelled(policy, context, explaining, { "match.when": policy.when, except: policy.except });

function identitiesOf(
  policy: Policy,
  context: PolicyContext,
  { decision }: Explaining,
): readonly ExplainedIdentity[] {
  const all = new Map([...policy.shadowIdentities, ...policy.identities]);
  return Array.from(all, ([name, identity]) => {
    const found = decision.authentication?.findings.get(identity);
    if (found !== undefined && found.kind !== "holds")
      return { name, finding: "reason" in found ? `${found.kind}: ${found.reason}` : found.kind };
    const value = context.auth.get(name);
    const finding = value === undefined ? "absent" : value instanceof Unknown ? "unknown" : "holds";
    return { name, finding };
  });
}

function rulesOf(policy: Policy, context: PolicyContext, explaining: Explaining): readonly ExplainedRule[] {
  const enforced = [...policy.refusals, ...policy.answered, ...policy.allows];
  return [
    ...enforced.map((rule) => {
      const isShadow = rule.kind !== "ask" && !isEnforced(rule.share, context);
      return explainRule(policy, rule, context, { ...explaining, mode: isShadow ? "shadow" : "enforce" });
    }),
    ...policy.shadows
      .filter(({ share }) => share === undefined)
      .map((rule) => explainRule(policy, rule, context, { ...explaining, mode: "shadow" })),
    ...explainedQuotas(policy, context, explaining.decision).map(({ quota, ...one }): ExplainedRule => ({
      rule: quota.id,
      kind: "quota",
      ...one,
      expressions: labelled(policy, context, explaining, expressionsOf(quota)),
    })),
  ];
}

function explainRule(
  policy: Policy,
  rule: Rule | AskRule,
  context: PolicyContext,
  { mode, ...explaining }: Explaining & Pick<ExplainedRule, "mode">,
): ExplainedRule {
  const { kind, when } = rule;
  const isPassedOver = when?.evaluate(context) === false;
  const { outcome, detail } = isPassedOver ? PASSED_OVER : outcomeOf(rule, context, explaining);
  const written = kind === "ask" ? inputsOf(rule) : { [kind]: rule.condition };
  const expressions = { when, ...(isPassedOver ? {} : written) };
  return {
    rule: rule.id,
    kind,
    mode,
    outcome,
    detail,
    expressions: labelled(policy, context, explaining, expressions),
  };
}

/** The inputs of an ask that are expressions; texts may hold what is secret. */
const inputsOf = ({ inputs }: AskRule): Readonly<Record<string, Expression>> =>
  Object.fromEntries(
    inputs.flatMap(({ name, value }) => ("evaluate" in value ? [[`with.${name}`, value]] : [])),
  );

type Found = Pick<ExplainedRule, "outcome" | "detail">;

const PASSED_OVER: Found = { outcome: "passed over", detail: undefined };

function outcomeOf(rule: Rule | AskRule, context: object, { decision }: Explaining): Found {
  if (rule.kind === "ask") return askedOf(decision.answers?.outcomeOf(rule) ?? { verdict: "skipped" });
  const found = rule.kind === "allow" ? allowOutcome(rule, context) : refusalOf(rule, context);
  if (found instanceof Unknown) {
    const isEffect = rule.kind === "allow" && rule.condition.evaluate(context) === true;
    return { outcome: "unknown", detail: isEffect ? "one of the values it sets cannot be had" : undefined };
  }
  const outcome = rule.kind === "allow" && found === "passes" ? "does not grant" : found;
  return { outcome, detail: undefined };
}

function askedOf(found: AskOutcome): Found {
  switch (found.verdict) {
    case "allow":
      return { outcome: "passes", detail: undefined };
    case "deny":
    case "ambiguous":
    case "bad":
      return { outcome: "refuses", detail: undefined };
    case "error":
      return { outcome: "unknown", detail: found.reason };
    case "skipped":
      return { outcome: "not asked", detail: undefined };
  }
}

/** What expressions of a policy read of a request that was decided about, whether or not it applied. */
export async function contextFor(
  policy: Policy,
  { attributes }: Question,
  { governing, authentication }: Decision,
): Promise<object | undefined> {
  const applied = governing.find((one) => one.policy === policy)?.context;
  if (applied !== undefined || authentication === undefined) return applied;
  await authentication.also([...policy.identities.values(), ...policy.shadowIdentities.values()]);
  return contextOf(policy, attributes, authentication.evidence);
}

function contextOf(policy: Policy, attributes: Attributes, evidence: Evidence): PolicyContext {
  const bindings = matches(policy.match, subjectOf(attributes)) ?? NO_BINDINGS;
  return policy.context(attributes, bindings, evidence);
}

function labelled(
  policy: Policy,
  context: object,
  { personal }: Explaining,
  expressions: Readonly<Record<string, Expression | undefined>>,
): readonly Labelled[] {
  const showing: Showing = {
    disclosureOf: (reads) => disclosureOf(policy.mentionsOf(reads)),
    personal,
  };
  return Object.entries(expressions).flatMap(([key, expression]) =>
    expression === undefined ? [] : [{ key, value: shown(expression.trace(context), showing) }],
  );
}
