import { openRedis, type RedisPlace } from "../../src/store/open-redis.ts";
import type { Access, Address } from "../../src/store/redis-client.ts";
import type { RedisStore, RedisStoreOptions } from "../../src/store/redis.ts";
import { PLAIN, type RunningSentinels } from "../support/redis.ts";
import { until } from "../support/until.ts";

type Given = Partial<Pick<RedisStoreOptions, "onCall" | "timeoutMs">> & { readonly access?: Access };

/** A store that is patient enough for a busy machine, unless it is told otherwise. */
const storeAt = (at: RedisPlace, { timeoutMs = 2_000, onCall = () => {} }: Given): RedisStore =>
  openRedis({ at, nowMs: () => Date.now(), timeoutMs, onCall, onState: () => {} });

export const singleStore = (address: Address, given: Given = {}): RedisStore =>
  storeAt(
    { kind: "one", where: () => Promise.resolve({ ...address, access: given.access ?? PLAIN }) },
    given,
  );

export const clusterStore = (nodes: readonly Address[], given: Given = {}): RedisStore =>
  storeAt({ kind: "cluster", nodes, access: () => Promise.resolve(given.access ?? PLAIN) }, given);

export function sentinelStore({ name, nodes }: RunningSentinels, given: Given = {}): RedisStore {
  const access = (): Promise<Access> => Promise.resolve(given.access ?? PLAIN);
  return storeAt({ kind: "sentinel", name, nodes, access, sentinelAccess: access }, given);
}

export async function readyStore(store: RedisStore): Promise<RedisStore> {
  await until(() => store.status().state === "ready", { what: "the store to be ready", timeoutMs: 10_000 });
  return store;
}
