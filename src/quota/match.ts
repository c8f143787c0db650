import { UNITS_MS } from "../policy/domain-file-limit.ts";
import type { DescriptorNode, Domain, Level, LimitRule } from "../policy/domain.ts";
import type { AskedDescriptor, AskedLimit, Entry } from "./asked.ts";

/** What holds for one descriptor. */
export interface Applied {
  readonly rule: LimitRule;
  /** What is counted: the keys and values, or the wildcard in place of a value. */
  readonly parts: readonly string[];
  /** What metrics call it. */
  readonly metric: string;
}

/**
 * The rule for a descriptor, in the order of envoyproxy/ratelimit: at each level the exact value, else the first wildcard of
 * the file that fits, else the key for any value; what was taken is never taken back, and a rule counts only where the
 * descriptor ends. Undefined: none.
 */
export function ruleFor(domain: Domain, descriptor: AskedDescriptor): Applied | undefined {
  const { entries, limit } = descriptor;
  if (limit !== undefined) return brought(domain, limit, entries);
  let level = domain.top;
  let node: DescriptorNode | undefined;
  const parts: string[] = [];
  const names: string[] = [];
  const detailed: string[] = [];
  for (const { key, value } of entries) {
    const step = stepTo(level, key, value);
    if (step === undefined) return undefined;
    node = step.node;
    level = node.below;
    const shared = step.how === "wildcard" && node.counted === "together" ? node.value : undefined;
    parts.push(key, shared ?? value);
    detailed.push(named(key, shared ?? value));
    names.push(named(key, shared ?? (node.metric === "as-asked" ? value : (node.value ?? ""))));
  }
  const rule = node?.rule;
  if (rule === undefined || !holds(rule, domain, descriptor)) return undefined;
  return { rule, parts, metric: (rule.metric === "detailed" ? detailed : names).join(".") };
}

const named = (key: string, value: string): string => (value === "" ? key : `${key}_${value}`);

type Step = { readonly node: DescriptorNode; readonly how: "value" | "wildcard" | "key" } | undefined;

function stepTo({ byValue, wildcards, byKey }: Level, key: string, value: string): Step {
  const exact = byValue.get(key)?.get(value);
  if (exact !== undefined) return { node: exact, how: "value" };
  for (const { node, matches } of wildcards) if (matches(key, value)) return { node, how: "wildcard" };
  const any = byKey.get(key);
  return any && { node: any, how: "key" };
}

/** What cannot be told is limited. */
function holds(
  { when }: LimitRule,
  { name }: Domain,
  { entries, hits, direction }: AskedDescriptor,
): boolean {
  if (when === undefined) return true;
  const descriptor = new Map(entries.toReversed().map(({ key, value }) => [key, value]));
  const signed = BigInt(direction === "refund" ? -hits : hits);
  return when.evaluate({ domain: name, descriptor, hits: signed }) !== false;
}

/** A limit that comes with the request; the tree is not looked at. */
function brought(
  { onError }: Domain,
  { requestsPerUnit, unit, multiplier }: AskedLimit,
  entries: readonly Entry[],
): Applied {
  const lengthMs = UNITS_MS[unit] * multiplier;
  return {
    rule: {
      limits: [
        { name: "", requestsPerUnit, unit, multiplier, algorithm: "fixed", lengthMs, burst: requestsPerUnit },
      ],
      replaces: NONE,
      names: NONE,
      standing: "enforce",
      metric: "as-written",
      metadata: new Map(),
      when: undefined,
      onError,
    },
    parts: entries.flatMap(({ key, value }) => [key, value]),
    // Values would be as many series as callers like.
    metric: "override",
  };
}

const NONE: ReadonlySet<string> = new Set();
