import { forget, type Forgetting, type ResetAnswer } from "../limits/forget.ts";
import { counterKey, domainTag } from "../limits/keys.ts";
import { counterId } from "../limits/listed.ts";
import { didYouMean } from "../policy/diagnostic.ts";
import type { DescriptorNode } from "../policy/domain.ts";
import type { AskedReset } from "../policy/reset-file.ts";
import type { Snapshot } from "../policy/snapshot.ts";
import { auditOfReset, type AuditLine } from "../runtime/audit.ts";
import type { Counter } from "../store/counter.ts";
import type { Log } from "../telemetry/log.ts";
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
export interface LimitResetWorld extends LimitWorld {
  readonly limits: Forgetting["limits"];
  /** What is told of every counter that was asked to be forgotten, whatever came of it. */
  readonly audit: (line: AuditLine) => void;
  readonly metrics: Pick<Metrics, "countRateLimitReset">;
  readonly log: Pick<Log, "info">;
}

/** Forgets what these entries have used of a live domain's limits, or one counter of them, in the store and in this process. */
export async function resetLimit(
  asked: Extract<AskedReset, { kind: "id" | "entries" }>,
  world: LimitResetWorld,
): Promise<ResetAnswer<LimitReset>> {
  const snapshot = world.live();
  if (snapshot === undefined) return { kind: "not ready" };
  const found = asked.kind === "id" ? byId(asked.id, snapshot, world) : byEntries(asked, snapshot);
  if ("error" in found) return found;
  const { domain, parts, nodes, counters } = found;
  const reset: LimitReset = { domain, entries: shownEntries(parts, nodes, world.digest) };
  const forgotten = await forget(counters, { ...world.stores, limits: world.limits });
  const { audit, metrics, log, nowMs } = world;
  audit(auditOfReset(reset, { ...forgotten, revision: snapshot.revision }, nowMs()));
  metrics.countRateLimitReset(domain, forgotten.result);
  log.info({ ...reset, ...forgotten }, "somebody has reset a counter of a rate limit");
  return { kind: "done", reset: { ...reset, ...forgotten, revision: snapshot.revision } };
}

interface Found {
  readonly domain: string;
  readonly parts: readonly string[];
  readonly nodes: readonly DescriptorNode[];
  readonly counters: readonly Pick<Counter, "tag" | "key">[];
}

type NotFound = Extract<ResetAnswer<LimitReset>, { readonly error: string }>;

type Domains = Pick<Snapshot, "domains">;

function byEntries(asked: Extract<AskedReset, { kind: "entries" }>, { domains }: Domains): Found | NotFound {
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
  return { domain: domain.name, parts, nodes, counters };
}

function byId(id: string, { domains }: Domains, { topKeys, digest }: LimitWorld): Found | NotFound {
  for (const { domain, nodes, group } of domains.values().flatMap(limitsOf)) {
    const found = topKeys.of(group).find(({ counter }) => counterId(counter.key, digest) === id);
    if (found !== undefined)
      return { domain: domain.name, nodes, parts: found.key, counters: [found.counter] };
  }
  return unknown(
    `${JSON.stringify(id.slice(0, 40))} is not among the busiest keys that this process knows; say whose it is: policy, quota and key, or domain and entries`,
  );
}

const unknown = (error: string): NotFound => ({ kind: "unknown", error });
