import { counterName, type Claim } from "../limits/claim.ts";
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
import type { Quota } from "../policy/quota.ts";
import type { AskedReset } from "../policy/reset-file.ts";
import type { Snapshot } from "../policy/snapshot.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { quotasOf, shownKey, type QuotaWorld, type Whose } from "./quota-list.ts";

/** What was asked to be forgotten; nothing in it is secret, and what is of persons stands as a digest. */
export interface Reset {
  readonly policy: string;
  readonly quota: string;
  readonly key: readonly string[];
}

/** What a reset is carried out with. */
export interface ResetWorld extends QuotaWorld, Resetting<Reset> {
  readonly metrics: Pick<Metrics, "countQuotaReset">;
}

/** Forgets one counter of a live quota, that of shadow with that of enforced requests, in the store and in this process. */
export const resetQuota = (
  asked: Extract<AskedReset, { kind: "id" | "key" }>,
  world: ResetWorld,
): Promise<ResetAnswer<Reset>> =>
  resetFound(
    (live: Policies) => (asked.kind === "id" ? byId(asked.id, live, world) : byKey(asked, live, world)),
    { what: "quota", count: (reset, result) => world.metrics.countQuotaReset(reset, result) },
    world,
  );

type Policies = Pick<Snapshot, "revision" | "policies">;

const MODES: readonly Claim["mode"][] = ["enforce", "shadow"];

function byKey(
  asked: Extract<AskedReset, { kind: "key" }>,
  { policies }: Policies,
  { digest }: QuotaWorld,
): FoundReset<Reset> | NotFound {
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
  const reset = shownReset(key, { policy, quota, digest });
  return { reset, counters: MODES.map((mode) => counterName(quota, key, mode)) };
}

function byId(id: string, { policies }: Policies, world: QuotaWorld): FoundReset<Reset> | NotFound {
  const { topKeys, digest } = world;
  const quotas = policies.flatMap((policy) => quotasOf(policy).map((quota) => ({ policy, quota })));
  const found = keyOfId(id, quotas, ({ quota }) => topKeys.of(quota), world);
  if ("error" in found) return found;
  return { reset: shownReset(found.key.key, { ...found.whose, digest }), counters: [found.key.counter] };
}

const shownReset = (key: readonly string[], whose: Whose): Reset => ({
  ...{ policy: whose.policy.id, quota: whose.quota.id },
  key: shownKey(key, whose),
});

const names = (all: readonly { readonly id: string }[]): readonly string[] => all.map(({ id }) => id);

function misfit({ policy, id, key }: Quota, count: number): string {
  const name = `${policy}/${id}`;
  if (key.length === 0) return `${name} has no key: it counts all requests together, so leave the values out`;
  const parts = key.map(({ source }) => source).join(", ");
  return `the key of ${name} has ${values(key.length)} (${parts}), and here ${count === 1 ? "is" : "are"} ${count}`;
}

const values = (count: number): string => (count === 1 ? "1 value" : `${count} values`);
