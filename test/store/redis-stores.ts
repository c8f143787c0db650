import { ClusterRoutes } from "../../src/store/redis-cluster.ts";
import { openClient, type Access, type Address } from "../../src/store/redis-client.ts";
import { Link } from "../../src/store/redis-link.ts";
import { oneRoute } from "../../src/store/redis-routes.ts";
import { RedisStore, type RedisStoreOptions } from "../../src/store/redis.ts";
import { PLAIN } from "../support/redis.ts";
import { until } from "../support/until.ts";

type Given = Partial<Pick<RedisStoreOptions, "onCall" | "timeoutMs">> & { readonly access?: Access };

const nowMs = (): number => Date.now();
const onState = (): void => {};

/** A store on one Redis, patient enough for a busy machine. */
export function singleStore(address: Address, { access = PLAIN, ...given }: Given = {}): RedisStore {
  const link = new Link({ name: "redis", open: (signal) => openClient(address, access, signal), onState });
  return new RedisStore({ nowMs, routes: oneRoute(link), onCall: () => {}, timeoutMs: 2_000, ...given });
}

export function clusterStore(
  nodes: readonly Address[],
  { access = PLAIN, ...given }: Given = {},
): RedisStore {
  const routes = new ClusterRoutes({
    nodes,
    open: (address, signal) => openClient(address, access, signal),
    onState,
  });
  return new RedisStore({ nowMs, routes, onCall: () => {}, timeoutMs: 2_000, ...given });
}

export async function readyStore(store: RedisStore): Promise<RedisStore> {
  await until(() => store.status().state === "ready", { what: "the store to be ready", timeoutMs: 10_000 });
  return store;
}
