import { counterName, type Claim } from "../limits/claim.ts";
import { forget, type Forgetting, type ResetAnswer } from "../limits/forget.ts";
import { counterId } from "../limits/listed.ts";
import { didYouMean } from "../policy/diagnostic.ts";
import type { Quota } from "../policy/quota.ts";
import type { AskedReset } from "../policy/reset-file.ts";
import type { Policy, Snapshot } from "../policy/snapshot.ts";
import { auditOfReset, type AuditLine } from "../runtime/audit.ts";
import type { Counter } from "../store/counter.ts";
import type { Log } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { quotasOf, shownKey, type QuotaWorld } from "./quota-list.ts";

/** What was asked to be forgotten; nothing in it is secret, and what is of persons stands as a digest. */
export interface Reset {
  readonly policy: string;
  readonly quota: string;
  readonly key: readonly string[];
}

/** What a reset is carried out with. */
export interface ResetWorld extends QuotaWorld {
  readonly limits: Forgetting["limits"];
  /** What is told of every counter that was asked to be forgotten, whatever came of it. */
  readonly audit: (line: AuditLine) => void;
  readonly metrics: Pick<Metrics, "countQuotaReset">;
  readonly log: Pick<Log, "info">;
}

/** Forgets one counter of a live quota, that of shadow with that of enforced requests, in the store and in this process. */
export async function resetQuota(
  asked: Extract<AskedReset, { kind: "id" | "key" }>,
  world: ResetWorld,
): Promise<ResetAnswer<Reset>> {
  const snapshot = world.live();
  if (snapshot === undefined) return { kind: "not ready" };
  const found = asked.kind === "id" ? byId(asked.id, snapshot, world) : byKey(asked, snapshot);
  if ("error" in found) return found;
  const { policy, quota, counters } = found;
  const key = shownKey(found.key, { policy, quota, digest: world.digest });
  const reset: Reset = { policy: policy.id, quota: quota.id, key };
  const forgotten = await forget(counters, { ...world.stores, limits: world.limits });
  const { audit, metrics, log, nowMs } = world;
  audit(auditOfReset(reset, { ...forgotten, revision: snapshot.revision }, nowMs()));
  metrics.countQuotaReset(reset, forgotten.result);
  log.info({ ...reset, ...forgotten }, "somebody has reset a counter of a quota");
  return { kind: "done", reset: { ...reset, ...forgotten, revision: snapshot.revision } };
}

interface Found {
  readonly policy: Policy;
  readonly quota: Quota;
  readonly key: readonly string[];
  readonly counters: readonly Pick<Counter, "tag" | "key">[];
}

type NotFound = Extract<ResetAnswer<Reset>, { readonly error: string }>;

type Policies = Pick<Snapshot, "policies">;

const MODES: readonly Claim["mode"][] = ["enforce", "shadow"];

function byKey(asked: Extract<AskedReset, { kind: "key" }>, { policies }: Policies): Found | NotFound {
  const { key } = asked;
  const policy = policies.find(({ id }) => id === asked.policy);
  if (policy === undefined)
    return unknown(`there is no policy "${asked.policy}": ${didYouMean(asked.policy, names(policies))}`);
  const quota = quotasOf(policy).find(({ id }) => id === asked.quota);
  if (quota === undefined) {
    const near = didYouMean(asked.quota, names(quotasOf(policy)));
    return unknown(`${policy.id} has no quota "${asked.quota}": ${near}`);
  }
  if (key.length !== quota.key.length) return { kind: "misfit", error: misfit(quota, key.length) };
  return { policy, quota, key, counters: MODES.map((mode) => counterName(quota, key, mode)) };
}

function byId(id: string, { policies }: Policies, { topKeys, digest }: QuotaWorld): Found | NotFound {
  const quotas = policies.flatMap((policy) => quotasOf(policy).map((quota) => ({ policy, quota })));
  for (const { policy, quota } of quotas) {
    const found = topKeys.of(quota).find(({ counter }) => counterId(counter.key, digest) === id);
    if (found !== undefined) return { policy, quota, key: found.key, counters: [found.counter] };
  }
  return unknown(
    `${JSON.stringify(id.slice(0, 40))} is not among the busiest keys that this process knows; say policy, quota and key`,
  );
}

const unknown = (error: string): NotFound => ({ kind: "unknown", error });

const names = (all: readonly { readonly id: string }[]): readonly string[] => all.map(({ id }) => id);

function misfit({ policy, id, key }: Quota, count: number): string {
  const name = `${policy}/${id}`;
  if (key.length === 0) return `${name} has no key: it counts all requests together, so leave the values out`;
  const parts = key.map(({ source }) => source).join(", ");
  return `the key of ${name} has ${values(key.length)} (${parts}), and here ${count === 1 ? "is" : "are"} ${count}`;
}

const values = (count: number): string => (count === 1 ? "1 value" : `${count} values`);
