import {
  listedCounter,
  lookedAt,
  type CountersWorld,
  type ListedCounter,
  type WantedKey,
} from "../limits/listed.ts";
import type { TopKey } from "../limits/top-keys.ts";
import type { DescriptorNode, Domain, Level, Limit, LimitGroup, LimitRule } from "../policy/domain.ts";
import type { Snapshot } from "../policy/snapshot.ts";
import { quoted } from "../std/printable.ts";
import type { Entry } from "./asked.ts";

/** What one descriptor of a domain counts in one way, with its busiest keys. Values that the file does not write stand as digests. */
export interface ListedLimit extends Pick<LimitGroup, "algorithm">, Pick<LimitRule, "standing" | "onError"> {
  readonly domain: string;
  /** As the file writes it, from the top; without a value it is for any. */
  readonly descriptor: readonly Pick<DescriptorNode, "key" | "value">[];
  readonly windows: readonly { readonly name: string; readonly limit: number; readonly per: string }[];
  /** The busiest first. */
  readonly keys: readonly ListedEntries[];
}

/** One counter of a limit, with the entries that it counts. */
export interface ListedEntries extends ListedCounter {
  readonly entries: readonly Entry[];
}

/** Which domain is wanted, and how many keys of each limit. */
export interface LimitsWanted {
  readonly domain: string | undefined;
  readonly limit: number;
}

/** What limits and their counters are found in. */
export interface LimitWorld extends CountersWorld {
  readonly live: () => Pick<Snapshot, "revision" | "domains"> | undefined;
}

/** Limits of domains. */
export interface LimitList {
  readonly limits: readonly ListedLimit[];
  /** Limits that are not in the list, because it is full. */
  readonly unlisted: number;
}

/** A file may have thousands. */
const MAX_LISTED = 500;

/**
 * The limits of the live domains with their busiest keys, by what the store says now; where there are too many, those of which something
 * is known. Undefined: there is no configuration yet.
 */
export async function listLimits(wanted: LimitsWanted, world: LimitWorld): Promise<LimitList | undefined> {
  const snapshot = world.live();
  if (snapshot === undefined) return undefined;
  const all = [...snapshot.domains.values()]
    .filter(({ name }) => wanted.domain === undefined || name === wanted.domain)
    .flatMap(limitsOf)
    .map((one) => ({ ...one, keys: world.topKeys.of(one.group).slice(0, wanted.limit) }));
  const isUsed = ({ keys }: Busy): boolean => keys.length > 0;
  const found =
    all.length <= MAX_LISTED
      ? all
      : [...all.filter(isUsed), ...all.filter((one) => !isUsed(one))].slice(0, MAX_LISTED);
  const looked = await lookedAt(found.flatMap(wantedKeys), world);
  const { digest } = world;
  const limits = found.map((one): ListedLimit => ({
    ...described(one),
    keys: one.keys.map((key) => ({
      ...listedCounter(key, { looked: looked.get(key), printed: one.group.limits.map(perOf), digest }),
      entries: shownEntries(key.key, one.nodes, digest),
    })),
  }));
  return { limits, unlisted: all.length - found.length };
}

/** What one descriptor of a domain counts in one way. */
export interface FoundLimit {
  readonly domain: Domain;
  /** The descriptor, from the top. */
  readonly nodes: readonly DescriptorNode[];
  readonly rule: LimitRule;
  readonly group: LimitGroup;
}

/** All limits of a domain, from the top of its tree: exact values, wildcards, any value. */
export const limitsOf = (domain: Domain): readonly FoundLimit[] => below(domain, domain.top, []);

function below(domain: Domain, level: Level, above: readonly DescriptorNode[]): readonly FoundLimit[] {
  const exact = level.byValue.values().flatMap((nodes) => nodes.values());
  // A wildcard stands among the others, too.
  const nodes = new Set([...exact, ...level.wildcards.map(({ node }) => node), ...level.byKey.values()]);
  return [...nodes].flatMap((node) => {
    const path = [...above, node];
    const { rule } = node;
    const own = rule?.groups.map((group) => ({ domain, nodes: path, rule, group })) ?? [];
    return [...own, ...below(domain, node.below, path)];
  });
}

interface Busy extends FoundLimit {
  readonly keys: readonly TopKey[];
}

const wantedKeys = ({ keys, rule, group }: Busy): readonly WantedKey[] =>
  keys.map((key) => ({
    key,
    // What a process has counted alone had its part of the limits.
    counter: { ...key.counter, windows: group.windows },
    onError: rule.onError ?? "deny",
  }));

function described({ domain, nodes, rule, group }: FoundLimit): Omit<ListedLimit, "keys"> {
  return {
    domain: domain.name,
    descriptor: nodes.map(({ key, value }) => ({ key, value })),
    algorithm: group.algorithm,
    standing: rule.standing,
    onError: rule.onError,
    windows: group.limits.map((limit) => ({
      name: limit.name,
      limit: limit.requestsPerUnit,
      per: perOf(limit),
    })),
  };
}

/** `minute`, or `15 minutes`. */
const perOf = ({ unit, multiplier }: Limit): string => (multiplier === 1 ? unit : `${multiplier} ${unit}s`);

/** Entries as far as they may be shown: a value that the file writes as it is, and of any other a digest, because it may be a person's. */
export const shownEntries = (
  parts: readonly string[],
  nodes: readonly DescriptorNode[],
  digest: CountersWorld["digest"],
): readonly Entry[] =>
  nodes.map(({ value: written }, index) => {
    const [key = "", value = ""] = parts.slice(2 * index, 2 * index + 2);
    return { key, value: value === written ? value : digest(quoted(value)) };
  });
