import { PerSecond } from "../std/per-second.ts";
import type { Decision } from "./decide.ts";
import { explain, type ExplainedPolicy } from "./explain.ts";
import type { Question } from "./question.ts";

/** How much is kept of what is explained while checks are answered. */
export interface KeptLimits {
  readonly maxBytes: number;
  /** An explanation takes about a millisecond of the loop that answers Envoy. */
  readonly maxExplainedPerSecond: number;
}

/** Explains by the policies that applied, or not where too many came at a time. `atMs` is epoch milliseconds. */
export type Explainer = (
  question: Question,
  decision: Decision,
  atMs: number,
) => readonly ExplainedPolicy[] | undefined;

/** `digest` stands for values of persons. */
export function explainer(
  { maxExplainedPerSecond }: KeptLimits,
  digest: (printed: string) => string,
): Explainer {
  const explained = new PerSecond(maxExplainedPerSecond);
  return (question, decision, atMs) =>
    explained.takes(atMs) ? explain({ question, decision, personal: digest, only: "applying" }) : undefined;
}
