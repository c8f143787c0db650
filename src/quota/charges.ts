import { counterKey } from "../limits/keys.ts";
import type { Domain, Limit } from "../policy/domain.ts";
import type { Charge } from "../store/counter.ts";
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
  return rule.groups.map(({ algorithm, limits, lengths, windows }) => {
    const key = counterKey(tag, { algorithm, lengths, parts });
    return { charge: { kind, counter: { tag, key, algorithm, windows }, hits: asked.hits }, limits };
  });
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
