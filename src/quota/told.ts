import type { Metrics } from "../telemetry/metrics.ts";
import type { Decided } from "./decide.ts";

/** From this part of a limit on, hits are near it. */
const NEAR = 0.8;

/** Counts the hits of a request by what they came to. */
export function tell(metrics: Metrics, domain: string, decided: readonly Decided[]): void {
  for (const one of decided) {
    const { asked, applied } = one;
    if (applied === undefined || asked.direction === "refund" || asked.hits === 0) continue;
    metrics.countRateLimitHits({ domain, descriptor: applied.metric, result: resultOf(one) }, asked.hits);
  }
}

type Result = "within" | "near" | "over" | "shadow";

function resultOf({ status: { code, limit, remaining }, applied }: Decided): Result {
  if (code === "over-limit") return applied?.rule.standing === "shadow" ? "shadow" : "over";
  return limit !== undefined && limit.requestsPerUnit - remaining > Math.floor(limit.requestsPerUnit * NEAR)
    ? "near"
    : "within";
}
