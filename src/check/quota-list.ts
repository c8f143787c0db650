import { counterAt, printedOf } from "../limits/claim.ts";
import type { CounterStores } from "../limits/limits.ts";
import { look, type Looked } from "../limits/look.ts";
import type { TopKey, TopKeys } from "../limits/top-keys.ts";
import { disclosureOf } from "../policy/disclosure.ts";
import type { Quota } from "../policy/quota.ts";
import type { Policy, Snapshot } from "../policy/snapshot.ts";
import type { Reading } from "../store/algorithms.ts";
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

/** One counter of a quota, and what this process has seen of it. */
export interface ListedKey extends Pick<TopKey, "mode" | "hits" | "refusals"> {
  /** Names the counter for who resets it. */
  readonly id: string;
  readonly key: readonly string[];
  readonly since: string;
  readonly seen: string;
  readonly now: ListedState;
}

/** What a counter has come to now. */
export type ListedState =
  | {
      readonly kind: "found";
      readonly by: "store" | "local";
      readonly windows: readonly (Pick<Reading, "limit" | "used" | "remaining" | "resetMs"> & {
        readonly per: string;
      })[];
    }
  /** `skipped`: too many were wanted at once. */
  | { readonly kind: "failed" | "skipped" };

/** Which quotas are wanted, and how many keys of each. */
export interface QuotasWanted {
  readonly policy: string | undefined;
  readonly quota: string | undefined;
  readonly limit: number;
}

/** What quotas and their counters are found in. */
export interface QuotaWorld {
  readonly live: () => Pick<Snapshot, "revision" | "policies"> | undefined;
  readonly topKeys: TopKeys;
  readonly stores: CounterStores;
  /** Epoch milliseconds. */
  readonly nowMs: () => number;
  /** Stands for values of persons. */
  readonly digest: (printed: string) => string;
}

/** Quotas with the state of the store that their counters are in. */
export interface QuotaList {
  readonly store: StoreStatus;
  readonly quotas: readonly ListedQuota[];
}

/** Counters that are looked at for one list. */
const MAX_LOOKED = 500;
/** How long the store may take for all of them. */
const PATIENCE_MS = 1_000;

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
  const asked = found
    .flatMap(({ quota, keys }) => keys.map((key) => ({ quota, key })))
    .slice(0, MAX_LOOKED)
    .map(({ quota, key }) => ({
      key,
      onError: quota.onError,
      counter: counterAt(quota, key.counter, nowMs),
    }));
  const looked = await look(asked, world.stores, nowMs + PATIENCE_MS);
  const states = new Map(asked.map(({ key }, index) => [key, looked[index]]));
  return {
    store: world.stores.store().status(),
    quotas: found.map(({ policy, quota, keys }) => ({
      ...described(policy, quota),
      keys: keys.map((one) => ({
        ...describedKey(one, { policy, quota, digest: world.digest }),
        now: stateOf(quota, states.get(one)),
      })),
    })),
  };
}

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

const describedKey = (
  { mode, counter, key, hits, refusals, sinceMs, seenMs }: TopKey,
  { policy, quota, digest }: Whose,
): Omit<ListedKey, "now"> => ({
  id: idOf(counter.key, digest),
  mode,
  key: shownKey(key, { policy, quota, digest }),
  ...{ hits, refusals },
  since: new Date(sinceMs).toISOString(),
  seen: new Date(seenMs).toISOString(),
});

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

/** Names a counter without saying whose it is, the same as long as digests are. */
export const idOf = (counterKey: string, digest: QuotaWorld["digest"]): string =>
  `c_${digest(counterKey).replace("#", "")}`;

function stateOf(quota: Quota, looked: Looked | undefined): ListedState {
  if (looked?.kind !== "found") return { kind: looked === undefined ? "skipped" : "failed" };
  const printed = printedOf(quota);
  const windows = looked.readings.map(({ limit, used, remaining, resetMs }, index) => ({
    per: printed[index] ?? "",
    ...{ limit, used, remaining, resetMs },
  }));
  return { kind: "found", by: looked.by, windows };
}
