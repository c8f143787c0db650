import { counterKey } from "../limits/keys.ts";
import type { Domain, Limit } from "../policy/domain.ts";
import type { Charge, Counter } from "../store/counter.ts";
import type { AskedDescriptor } from "./asked.ts";
import type { Applied } from "./match.ts";

/** A charge with the limits that its counter has, window by window. */
export interface LimitCharge {
  readonly charge: Charge;
  readonly limits: readonly Limit[];
}

/** What a descriptor is charged: one counter an algorithm, with all limits that count so. */
export function chargesFor(
  domain: Domain,
  tag: string,
  { rule, parts }: Applied,
  asked: AskedDescriptor,
): readonly LimitCharge[] {
  const kind = kindOf(domain, rule, asked);
  return groupsOf(rule.limits).map(([algorithm, limits]) => {
    const key = counterKey(tag, { algorithm, lengths: limits.map(({ lengthMs }) => lengthMs), parts });
    const windows = limits.map(({ requestsPerUnit: limit, lengthMs: length, burst }) => ({
      limit,
      length,
      burst,
    }));
    const counter: Counter = { tag, key, algorithm, windows };
    return { charge: { kind, counter, hits: asked.hits }, limits };
  });
}

type Group = readonly [algorithm: Limit["algorithm"], limits: readonly Limit[]];

/** Nearly all rules have one limit, and a map for it would be half of the work. */
function groupsOf(limits: readonly Limit[]): readonly Group[] {
  const [first, ...others] = limits;
  if (first !== undefined && others.length === 0) return [[first.algorithm, limits]];
  return [...Map.groupBy(limits, ({ algorithm }) => algorithm)];
}

/**
 * One fixed limit counts as envoyproxy/ratelimit counts: also what it refuses, up to one above the limit. Limits that only
 * weir has count what passes, so that refused hits lock nobody out. What refuses nobody must not keep others from being charged.
 */
function kindOf(
  { charges }: Domain,
  { limits, standing }: Applied["rule"],
  { direction, hits }: AskedDescriptor,
): Charge["kind"] {
  if (direction === "refund") return "refund";
  const isPlain = limits.length === 1 && limits[0]?.algorithm === "fixed";
  const isCounted = charges === "each" ? isPlain : standing !== "enforce";
  if (isCounted) return "count";
  return hits === 0 ? "look" : "take";
}
