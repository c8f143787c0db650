import { counterAt, printedOf } from "../limits/claim.ts";
import {
  listedCounter,
  lookedAt,
  type CountersWorld,
  type ListedCounter,
  type WantedKey,
} from "../limits/listed.ts";
import type { TopKey } from "../limits/top-keys.ts";
import { disclosureOf } from "../policy/disclosure.ts";
import type { Quota } from "../policy/quota.ts";
import type { Policy, Snapshot } from "../policy/snapshot.ts";
import type { StoreStatus } from "../store/store.ts";
import { shownText } from "./shown.ts";

/** One quota that is live, with its busiest keys. Nothing in it is secret, and what is of persons stands as a digest. */
export interface ListedQuota extends Pick<Quota, "algorithm" | "count" | "onError"> {
  readonly policy: string;
  readonly quota: string;
  readonly mode: "enforce" | "shadow";
  /** Of requests, for how many percent it is enforced; in shadow for the others. */
  readonly percent: number | undefined;
  /** As the file has them: `limit` is CEL, a number or `unlimited`. */
  readonly windows: readonly { readonly limit: string; readonly per: string }[];
  /** What is counted apart, as CEL; none: all requests are counted together. */
  readonly key: readonly string[];
  /** The busiest first. */
  readonly keys: readonly ListedKey[];
}

/** One counter of a quota, with the values of its key. */
export interface ListedKey extends ListedCounter {
  readonly key: readonly string[];
}

/** Which quotas are wanted, and how many keys of each. */
export interface QuotasWanted {
  readonly policy: string | undefined;
  readonly quota: string | undefined;
  readonly limit: number;
}

/** What quotas and their counters are found in. */
export interface QuotaWorld extends CountersWorld {
  readonly live: () => Pick<Snapshot, "revision" | "policies"> | undefined;
}

/** Quotas with the state of the store that their counters are in. */
export interface QuotaList {
  readonly store: StoreStatus;
  readonly quotas: readonly ListedQuota[];
}

/** The live quotas with their busiest keys, by what the store says now. Undefined: there is no configuration yet. */
export async function listQuotas(wanted: QuotasWanted, world: QuotaWorld): Promise<QuotaList | undefined> {
  const snapshot = world.live();
  if (snapshot === undefined) return undefined;
  const nowMs = world.nowMs();
  const found = snapshot.policies
    .filter(({ id }) => wanted.policy === undefined || id === wanted.policy)
    .flatMap((policy) => quotasOf(policy).map((quota) => ({ policy, quota })))
    .filter(({ quota: { id } }) => wanted.quota === undefined || id === wanted.quota)
    .map((one) => ({ ...one, keys: world.topKeys.of(one.quota).slice(0, wanted.limit) }));
  const looked = await lookedAt(
    found.flatMap(({ quota, keys }) => keys.map((key) => wantedKey(quota, key, nowMs))),
    world,
  );
  return {
    store: world.stores.store().status(),
    quotas: found.map(({ policy, quota, keys }) => ({
      ...described(policy, quota),
      keys: keys.map((one) => ({
        ...listedCounter(one, { looked: looked.get(one), printed: printedOf(quota), digest: world.digest }),
        key: shownKey(one.key, { policy, quota, digest: world.digest }),
      })),
    })),
  };
}

const wantedKey = (quota: Quota, key: TopKey, nowMs: number): WantedKey => ({
  key,
  onError: quota.onError,
  counter: counterAt(quota, key.counter, nowMs),
});

/** The quotas of a policy, each once: one with a share stands in both lists. */
export const quotasOf = ({ quotas, shadowQuotas }: Policy): readonly Quota[] => [
  ...new Set([...quotas, ...shadowQuotas]),
];

function described(policy: Policy, quota: Quota): Omit<ListedQuota, "keys"> {
  const { id, algorithm, count, onError, share, windows, key } = quota;
  const isEnforced = policy.mode === "enforce" && policy.quotas.includes(quota);
  return {
    policy: policy.id,
    quota: id,
    mode: isEnforced ? "enforce" : "shadow",
    percent: (isEnforced ? (share ?? policy.share) : undefined)?.percent,
    ...{ algorithm, count, onError },
    windows: windows.map(({ limit, printed }) => ({
      limit: typeof limit === "object" ? limit.source : limit,
      per: printed,
    })),
    key: key.map(({ source }) => source),
  };
}

/** A quota, and what stands for values of persons in its key. */
export interface Whose {
  readonly policy: Policy;
  readonly quota: Quota;
  readonly digest: QuotaWorld["digest"];
}

/** The values of a quota's key, as far as they may be shown. */
export const shownKey = (key: readonly string[], { policy, quota, digest }: Whose): readonly string[] =>
  quota.key.map(({ type, reads }, index) => {
    const disclosure = disclosureOf(policy.mentionsOf(reads));
    return shownText(key[index] ?? "", type, { disclosure, personal: digest });
  });
