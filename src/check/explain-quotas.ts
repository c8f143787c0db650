import { Unknown, type Expression } from "../cel/expression.ts";
import { claimOf } from "../limits/claim.ts";
import type { ClaimOutcome } from "../limits/limits.ts";
import type { Quota } from "../policy/quota.ts";
import type { Policy } from "../policy/snapshot.ts";
import type { Decision } from "./decide.ts";
import type { Outcome } from "./explain.ts";
import { isEnforced } from "./rules.ts";

/** What became of one quota, as far as it is not an expression. */
export interface ExplainedQuota {
  readonly quota: Quota;
  readonly mode: "enforce" | "shadow";
  readonly outcome: Outcome;
  readonly detail: string | undefined;
}

/** The quotas of a policy by position, enforced ones first. */
export const explainedQuotas = (
  { quotas, shadowQuotas }: Policy,
  context: object,
  decision: Decision,
): readonly ExplainedQuota[] => [
  ...quotas.map((quota) => {
    const mode = isEnforced(quota.share, context) ? ("enforce" as const) : ("shadow" as const);
    return { quota, mode, ...foundOf(quota, context, { decision, mode }) };
  }),
  ...shadowQuotas
    .filter(({ share }) => share === undefined)
    .map((quota) => ({
      quota,
      mode: "shadow" as const,
      ...foundOf(quota, context, { decision, mode: "shadow" }),
    })),
];

type Found = Pick<ExplainedQuota, "outcome" | "detail">;

const found = (outcome: Outcome, detail?: string): Found => ({ outcome, detail });

function foundOf(
  quota: Quota,
  context: object,
  { decision, mode }: Pick<ExplainedQuota, "mode"> & { readonly decision: Decision },
): Found {
  const outcome = decision.takes?.outcomes.find(({ claim }) => claim.quota === quota);
  if (outcome !== undefined) return takenOf(outcome);
  const claim = claimOf(quota, context, { nowMs: 0, mode });
  if (claim === undefined)
    return quota.when?.evaluate(context) === false ? found("passed over") : found("passes", "unlimited");
  if (claim instanceof Unknown) return found("unknown", "what it counts cannot be had");
  return mode === "shadow" ? found("not asked", "it is counted after the answer") : found("not asked");
}

function takenOf({ result, by, claim, readings }: ClaimOutcome): Found {
  const windows = readings.map(
    ({ used, limit, resetMs }, index) =>
      `${used} of ${limit} in ${claim.printed[index] ?? ""}, ${Math.ceil(resetMs / 1_000)}s left`,
  );
  const alone = by === "local" ? ["the store is away"] : [];
  const detail = [...windows, ...alone].join("; ");
  switch (result) {
    case "fits":
    case "passed":
      return found("passes", detail);
    case "exceeds":
      return found("refuses", detail);
    case "failed":
      return found("unknown", detail);
  }
}

/** The expressions of a quota, by the keys that they stand at. */
export const expressionsOf = ({
  when,
  key,
  windows,
  cost,
}: Quota): Readonly<Record<string, Expression | undefined>> => ({
  when,
  ...Object.fromEntries(key.map((part, index) => [`key.${index}`, part])),
  ...Object.fromEntries(
    windows.flatMap(({ limit }, index) => (limit === "unlimited" ? [] : [[`windows.${index}.limit`, limit]])),
  ),
  ...(cost.kind === "late" ? { "cost.reserve": cost.reserve } : { cost: cost.cost }),
});
