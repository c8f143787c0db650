import { UNITS_MS } from "../policy/domain-file-limit.ts";
import {
  entryName,
  groupsOf,
  type DescriptorNode,
  type Domain,
  type Level,
  type Limit,
  type LimitRule,
} from "../policy/domain.ts";
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
  const applied = ruleAt(domain, entries);
  return applied === undefined || holds(applied.rule, domain, descriptor) ? applied : undefined;
}

/** The same for entries alone: the rule that the tree has for them, whether or not it holds for a request, and where it stands. */
export function ruleAt(
  domain: Domain,
  entries: readonly Entry[],
): (Applied & { readonly nodes: readonly DescriptorNode[] }) | undefined {
  let level = domain.top;
  let rule: LimitRule | undefined;
  const nodes: DescriptorNode[] = [];
  const parts: string[] = [];
  for (const { key, value } of entries) {
    const node = stepTo(level, key, value);
    if (node === undefined) return undefined;
    ({ rule, below: level } = node);
    nodes.push(node);
    parts.push(key, node.counted === "together" ? (node.value ?? value) : value);
  }
  return rule && { rule, parts, nodes, metric: metricOf(rule, nodes, parts) };
}

function stepTo(
  { byValue, wildcards, byKey }: Level,
  key: string,
  value: string,
): DescriptorNode | undefined {
  const exact = byValue.get(key)?.get(value);
  if (exact !== undefined) return exact;
  for (const { node, matches } of wildcards) if (matches(key, value)) return node;
  return byKey.get(key);
}

function metricOf(rule: LimitRule, nodes: readonly DescriptorNode[], parts: readonly string[]): string {
  const nameAt = ({ metric, name }: DescriptorNode, index: number): string =>
    rule.metric === "detailed" || metric === "as-asked"
      ? entryName(parts[2 * index] ?? "", parts[2 * index + 1] ?? "")
      : name;
  const [first, ...others] = nodes;
  if (first !== undefined && others.length === 0) return nameAt(first, 0);
  return nodes.map(nameAt).join(".");
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
  const limits: readonly Limit[] = [
    { name: "", requestsPerUnit, unit, multiplier, algorithm: "fixed", lengthMs, burst: requestsPerUnit },
  ];
  return {
    rule: {
      limits,
      groups: groupsOf(limits),
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
