import { counterKey, domainTag } from "../limits/keys.ts";
import {
  keyOfId,
  resetFound,
  unknown,
  type FoundReset,
  type NotFound,
  type ResetAnswer,
  type Resetting,
} from "../limits/reset.ts";
import { didYouMean } from "../policy/diagnostic.ts";
import type { AskedReset } from "../policy/reset-file.ts";
import type { Snapshot } from "../policy/snapshot.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { Entry } from "./asked.ts";
import { limitsOf, shownEntries, type LimitWorld } from "./limit-list.ts";
import { ruleAt } from "./match.ts";

/** What was asked to be forgotten; values that the file does not write stand as digests. */
export interface LimitReset {
  readonly domain: string;
  readonly entries: readonly Entry[];
}

/** What a reset is carried out with. */
export interface LimitResetWorld extends LimitWorld, Resetting<LimitReset> {
  readonly metrics: Pick<Metrics, "countRateLimitReset">;
}

/** Forgets what these entries have used of a live domain's limits, or one counter of them, in the store and in this process. */
export const resetLimit = (
  asked: Extract<AskedReset, { kind: "id" | "entries" }>,
  world: LimitResetWorld,
): Promise<ResetAnswer<LimitReset>> =>
  resetFound(
    (live: Domains) => (asked.kind === "id" ? byId(asked.id, live, world) : byEntries(asked, live, world)),
    { what: "rate limit", count: ({ domain }, result) => world.metrics.countRateLimitReset(domain, result) },
    world,
  );

type Domains = Pick<Snapshot, "revision" | "domains">;

function byEntries(
  asked: Extract<AskedReset, { kind: "entries" }>,
  { domains }: Domains,
  { digest }: LimitWorld,
): FoundReset<LimitReset> | NotFound {
  const { entries } = asked;
  const domain = domains.get(asked.domain);
  if (domain === undefined)
    return unknown(`there is no domain "${asked.domain}": ${didYouMean(asked.domain, [...domains.keys()])}`);
  const applied = ruleAt(domain, entries);
  if (applied === undefined || applied.rule.groups.length === 0) {
    const keys = entries.map(({ key }) => key).join(", ");
    return unknown(`nothing limits ${keys} in ${domain.name}: entries stand in their order, from the top`);
  }
  const { rule, nodes, parts } = applied;
  const tag = domainTag(domain.name);
  const counters = rule.groups.map(({ algorithm, lengths }) => ({
    tag,
    key: counterKey(tag, { algorithm, lengths, parts }),
  }));
  return { reset: { domain: domain.name, entries: shownEntries(parts, nodes, digest) }, counters };
}

function byId(id: string, { domains }: Domains, world: LimitWorld): FoundReset<LimitReset> | NotFound {
  const { topKeys, digest } = world;
  const limits = domains.values().flatMap(limitsOf);
  const found = keyOfId(id, limits, ({ group }) => topKeys.of(group), world);
  if ("error" in found) return found;
  const { whose, key } = found;
  const entries = shownEntries(key.key, whose.nodes, digest);
  return { reset: { domain: whose.domain.name, entries }, counters: [key.counter] };
}
