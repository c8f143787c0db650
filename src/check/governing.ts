import { Unknown } from "../cel/expression.ts";
import type { Evidence } from "../policy/evidence.ts";
import type { Mode, Policy, PolicyContext } from "../policy/snapshot.ts";
import { subjectOf } from "../policy/subject.ts";
import type { Faults } from "./faults.ts";
import type { Question } from "./question.ts";
import { isEnforced } from "./rules.ts";

/** A policy that applies to one request, with what its expressions read. */
export interface Governing {
  readonly policy: Policy;
  readonly context: PolicyContext;
  /** For this request. */
  readonly mode: Mode;
}

/** A policy whose static parts match. */
export interface Candidate {
  readonly policy: Policy;
  readonly context: PolicyContext;
  /** What `when` came to; undefined where it is evaluated when it is known who asks. */
  readonly applies: Applies | undefined;
}

type Applies = "yes" | "no" | Unknown;

/** The policies that may apply: those whose match excludes the request without knowing who asks are left out. */
export function candidatesFor({ snapshot, attributes }: Question, evidence: Evidence): readonly Candidate[] {
  const lookup = attributes.kind === "http" ? snapshot.lookup : snapshot.connections;
  const candidates: Candidate[] = [];
  for (const { policy, bindings } of lookup.find(subjectOf(attributes))) {
    const context = policy.context(attributes, bindings, evidence);
    const applies = policy.gate === "open" ? appliesTo(policy, context) : undefined;
    if (applies !== "no") candidates.push({ policy, context, applies });
  }
  return candidates;
}

/** The policies whose match holds and whose exception does not. UNKNOWN in either: the policy applies. */
export function governingOf(candidates: readonly Candidate[], faults: Faults): readonly Governing[] {
  const governing: Governing[] = [];
  for (const { policy, context, applies: known } of candidates) {
    const applies = known ?? appliesTo(policy, context);
    if (applies === "no") continue;
    // Telemetry refuses nobody: what cannot be told does not match.
    if (applies instanceof Unknown && policy.telemetry?.isAlone === true) continue;
    const mode = policy.mode === "enforce" && isEnforced(policy.share, context) ? "enforce" : "shadow";
    if (applies instanceof Unknown && mode === "enforce") {
      faults.note(applies.fault, { policy: policy.id, rule: "match" });
    }
    governing.push({ policy, context, mode });
  }
  return governing;
}

/** Whether the parts of a match that are evaluated let the policy apply. */
export function appliesTo({ when, except }: Policy, context: object): Applies {
  const applies = when?.evaluate(context);
  if (applies === false || except?.evaluate(context) === true) return "no";
  return applies instanceof Unknown ? applies : "yes";
}
