import { readFile } from "node:fs/promises";
import type { ConnectionOptions } from "node:tls";
import { isDeepStrictEqual } from "node:util";
import type { Secrets } from "../host/secrets.ts";
import type { RedisStoreFile, RedisTls, StoreFile } from "../policy/store-file.ts";
import { parseRedisUrl } from "../std/redis-url.ts";
import type { Counter, Failure, Settled, Settlement, Take, Taken } from "../store/counter.ts";
import { MemoryStore } from "../store/memory.ts";
import { openRedis, type RedisPlace } from "../store/open-redis.ts";
import type { Access, Address } from "../store/redis-client.ts";
import type { LinkState } from "../store/redis-link.ts";
import type { Store, StoreStatus } from "../store/store.ts";

/** Who is told what becomes of takes. */
export interface StoreEvents {
  readonly onTaken: (result: "fits" | "exceeds" | Failure) => void;
  /** A call to Redis, with so many takes, settlements and resets in it, has been answered. */
  readonly onCall: (items: number, seconds: number) => void;
  readonly onConnection: (state: LinkState) => void;
  /** A counter in memory was forgotten before its time. */
  readonly onEvicted: () => void;
}

export interface FollowedStoreOptions extends StoreEvents {
  /** Epoch milliseconds. */
  readonly nowMs: () => number;
  readonly secret: Secrets;
}

/** The store that weir.yaml says, which follows it: the new one is there before the old one is closed. */
export class FollowedStore implements Store {
  readonly #options: FollowedStoreOptions;
  #settings: StoreFile | undefined;
  #store: Store | undefined;
  /** Ways that the store has told of. */
  readonly #nodes = new Set<string>();

  constructor(options: FollowedStoreOptions) {
    this.#options = options;
  }

  /** Takes over what a new configuration says. What is under way at the old store ends there. */
  async follow(settings: StoreFile): Promise<void> {
    if (isDeepStrictEqual(settings, this.#settings)) return;
    const before = this.#store;
    this.#settings = settings;
    for (const name of this.#nodes) this.#options.onConnection({ name, state: "gone", reason: "" });
    this.#nodes.clear();
    this.#store = openStore(settings, {
      ...this.#options,
      onConnection: (state) => {
        // What the one before still says is of interest to nobody.
        if (this.#settings === settings) this.#tell(state);
      },
    });
    await before?.close();
  }

  get division(): Store["division"] {
    return this.#current.division;
  }

  groupOf(tag: string): number {
    return this.#current.groupOf(tag);
  }

  take(take: Take, deadlineAtMs: number): Taken | Promise<Taken> {
    const taken = this.#current.take(take, deadlineAtMs);
    if (!(taken instanceof Promise)) return this.#told(taken);
    return taken.then((answer) => this.#told(answer));
  }

  settle(settlement: Settlement, deadlineAtMs: number): Settled | Promise<Settled> {
    return this.#current.settle(settlement, deadlineAtMs);
  }

  reset(counter: Pick<Counter, "tag" | "key">): Promise<boolean> {
    return this.#current.reset(counter);
  }

  status(): StoreStatus {
    return this.#current.status();
  }

  async close(): Promise<void> {
    await this.#store?.close();
  }

  get #current(): Store {
    if (this.#store === undefined) throw new Error("no configuration is live yet");
    return this.#store;
  }

  #tell(state: LinkState): void {
    if (state.state === "gone") this.#nodes.delete(state.name);
    else this.#nodes.add(state.name);
    this.#options.onConnection(state);
  }

  #told(taken: Taken): Taken {
    this.#options.onTaken(taken.kind === "counted" ? taken.verdict : taken.reason);
    return taken;
  }
}

function openStore(settings: StoreFile, options: FollowedStoreOptions): Store {
  const { nowMs, onCall, onEvicted, onConnection } = options;
  if (settings.type === "memory")
    return new MemoryStore({ nowMs, maxCounters: settings.maxCounters, onEvicted });
  const at = placeOf(settings, options.secret);
  return openRedis({
    at,
    nowMs,
    prefix: settings.prefix,
    timeoutMs: settings.timeoutMs,
    onCall,
    onState: onConnection,
  });
}

function placeOf(settings: RedisStoreFile, secret: Secrets): RedisPlace {
  const { at } = settings;
  switch (at.kind) {
    case "url":
      return { kind: "one", where: () => whereUrl(settings, at.url, secret) };
    case "sentinel": {
      const sentinelAccess = (): Promise<Access> =>
        accessOf({ username: at.username, password: at.password, tls: settings.tls }, secret);
      return {
        kind: "sentinel",
        name: at.name,
        nodes: at.nodes,
        access: () => accessOf(settings, secret),
        sentinelAccess,
      };
    }
    case "cluster":
      return { kind: "cluster", nodes: at.nodes, access: () => accessOf(settings, secret) };
  }
}

async function whereUrl(
  settings: RedisStoreFile,
  written: (RedisStoreFile["at"] & { kind: "url" })["url"],
  secret: Secrets,
): Promise<Address & { readonly access: Access }> {
  const url = parseRedisUrl(typeof written === "string" ? written : await secret(written));
  // It may have a password in it.
  if (url === undefined) throw new Error("the secret `url` is not the URL of a Redis");
  const { host, port, isTls, username, password, database } = url;
  const access = await accessOf(settings, secret);
  return {
    host,
    port,
    access: {
      username: access.username ?? username,
      password: access.password ?? password,
      database,
      tls: access.tls ?? (isTls ? {} : undefined),
    },
  };
}

async function accessOf(
  { username, password, tls }: Pick<RedisStoreFile, "username" | "password" | "tls">,
  secret: Secrets,
): Promise<Access> {
  return {
    username,
    password: password && (await secret(password)),
    database: 0,
    tls: tls && (await readTls(tls)),
  };
}

/** Read before every connection, so that renewed files are used with the next. */
async function readTls({ ca, cert, key }: RedisTls): Promise<ConnectionOptions> {
  const read = async (path: string | undefined): Promise<Buffer | undefined> =>
    path === undefined ? undefined : readFile(path);
  const [authorities, certificate, privateKey] = await Promise.all([read(ca), read(cert), read(key)]);
  return {
    ...(authorities && { ca: authorities }),
    ...(certificate && { cert: certificate }),
    ...(privateKey && { key: privateKey }),
    minVersion: "TLSv1.2",
  };
}
