import { rateLimitFields, type ToldLimit } from "../limits/rate-limit-fields.ts";
import type { Domain, Limit } from "../policy/domain.ts";
import type { Status } from "./answer.ts";
import type { Decided } from "./decide.ts";

type Header = readonly [name: string, value: string];

/** The headers in which a caller is told of limits. */
export function headersOf(
  { headers }: Pick<Domain, "headers">,
  decided: readonly Decided[],
): readonly Header[] {
  const limited = decided.filter(({ status }) => status.limit !== undefined);
  if (headers === undefined || limited.length === 0) return [];
  switch (headers.kind) {
    case "separate": {
      const { limit, remaining = 0, resetSeconds = 0 } = nearest(limited.map(({ status }) => status)) ?? {};
      return [
        [headers.limit, String(limit?.requestsPerUnit ?? 0)],
        [headers.remaining, String(remaining)],
        [headers.reset, String(resetSeconds)],
      ];
    }
    case "fields":
      return rateLimitFields(limited.map(toldOf));
  }
}

/** Of those over their limit the last, as envoyproxy/ratelimit has it; otherwise the first of those with the least remaining. */
function nearest(statuses: readonly Status[]): Status | undefined {
  const over = statuses.findLast(({ code }) => code === "over-limit");
  if (over !== undefined) return over;
  const least = Math.min(...statuses.map(({ remaining }) => remaining));
  return statuses.find(({ remaining }) => remaining === least);
}

function toldOf({ status: { limit, remaining, resetSeconds = 0 }, asked }: Decided): ToldLimit {
  return {
    name: nameOf(limit, asked.entries),
    limit: limit?.requestsPerUnit ?? 0,
    lengthSeconds: Math.round((limit?.lengthMs ?? 0) / 1_000),
    remaining,
    resetSeconds,
  };
}

/** Values of entries are the caller's, keys are not. */
const nameOf = (limit: Limit | undefined, entries: readonly { readonly key: string }[]): string =>
  limit === undefined || limit.name === "" ? entries.map(({ key }) => key).join(".") : limit.name;
