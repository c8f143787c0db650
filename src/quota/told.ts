import type { Metrics } from "../telemetry/metrics.ts";
import type { Decided } from "./decide.ts";

/** From this part of a limit on, hits are near it. In 32 bits, as envoyproxy/ratelimit has it. */
const NEAR = Math.fround(0.8);

/** Counts the hits of a request by what they came to. */
export function tell(metrics: Metrics, domain: string, decided: readonly Decided[]): void {
  for (const one of decided) {
    const { asked, applied } = one;
    if (applied === undefined || asked.direction === "refund" || asked.hits === 0) continue;
    const count = (result: Result, hits: number): void => {
      if (hits > 0) metrics.countRateLimitHits({ domain, descriptor: applied.metric, result }, hits);
    };
    const near = nearOf(one);
    if (near === undefined) {
      count(applied.rule.standing === "shadow" ? "shadow" : "over", asked.hits);
      continue;
    }
    count("near", near);
    count("within", asked.hits - near);
  }
}

type Result = "within" | "near" | "over" | "shadow";

/** How many of the hits are near the limit: those above the threshold. Undefined where they were too many: all of them are refused. */
function nearOf({ status: { code, limit, remaining }, asked }: Decided): number | undefined {
  if (code === "over-limit") return undefined;
  if (limit === undefined) return 0;
  const threshold = Math.floor(Math.fround(Math.fround(limit.requestsPerUnit) * NEAR));
  return Math.max(0, Math.min(asked.hits, limit.requestsPerUnit - remaining - threshold));
}
