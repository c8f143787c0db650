import { ClusterRoutes } from "./redis-cluster.ts";
import { openClient, type Access, type Address, type Client } from "./redis-client.ts";
import { Link, type LinkState } from "./redis-link.ts";
import { oneRoute, type Routes } from "./redis-routes.ts";
import { findMaster } from "./redis-sentinel.ts";
import { RedisStore, type RedisStoreOptions } from "./redis.ts";

/** Where Redis is. What is a function is asked before every connection: passwords and certificates change. */
export type RedisPlace =
  | { readonly kind: "one"; readonly where: () => Promise<Address & { readonly access: Access }> }
  | {
      readonly kind: "sentinel";
      readonly name: string;
      readonly nodes: readonly Address[];
      readonly access: () => Promise<Access>;
      /** Of the Sentinels themselves. */
      readonly sentinelAccess: () => Promise<Access>;
    }
  | { readonly kind: "cluster"; readonly nodes: readonly Address[]; readonly access: () => Promise<Access> };

export interface OpenRedisOptions extends Omit<RedisStoreOptions, "routes"> {
  readonly at: RedisPlace;
  readonly onState: (state: LinkState) => void;
}

/** A store that serves at once: takes fail as `away` until there is a connection. */
export const openRedis = ({ at, onState, ...options }: OpenRedisOptions): RedisStore =>
  new RedisStore({ ...options, routes: routesTo(at, onState) });

function routesTo(at: RedisPlace, onState: (state: LinkState) => void): Routes {
  switch (at.kind) {
    case "one": {
      const open = async (signal: AbortSignal): Promise<Client> => {
        const { access, ...address } = await at.where();
        return openClient(address, access, signal);
      };
      return oneRoute(new Link({ name: "redis", open, onState }));
    }
    case "sentinel": {
      const { name, nodes } = at;
      const openSentinel = async (address: Address, signal: AbortSignal): Promise<Client> =>
        openClient(address, await at.sentinelAccess(), signal);
      const open = async (signal: AbortSignal): Promise<Client> =>
        openClient(await findMaster({ nodes, name, openSentinel }, signal), await at.access(), signal);
      return oneRoute(new Link({ name, open, onState }));
    }
    case "cluster": {
      const open = async (address: Address, signal: AbortSignal): Promise<Client> =>
        openClient(address, await at.access(), signal);
      return new ClusterRoutes({ nodes: at.nodes, open, onState });
    }
  }
}
