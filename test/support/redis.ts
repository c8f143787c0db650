import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openClient, type Access, type Address, type Client } from "../../src/store/redis-client.ts";
import type { Found } from "../servers/ensure.ts";
import { startProcess, type RunningProcess } from "./process.ts";
import { until } from "./until.ts";

export const PLAIN: Access = { username: undefined, password: undefined, database: 0, tls: undefined };

/** A Redis of a test's own, which keeps nothing on disk. */
export interface RunningRedis {
  readonly address: Address;
  /** Sends one command, on a connection of its own. */
  command(name: string, ...parameters: readonly (string | number)[]): Promise<unknown>;
  signal(name: NodeJS.Signals): void;
  /** Kills it. */
  kill(): Promise<void>;
  /** Starts it again where it was, with nothing in it. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export interface RedisOptions {
  /** As on the command line, without `--`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Where another program starts it, what stands before its own parameters. */
  readonly before?: readonly string[];
  readonly access?: Access;
  readonly isSentinel?: boolean;
  /** PEM: it speaks TLS alone, and asks for certificates of this authority. */
  readonly tls?: { readonly ca: string; readonly certificate: string; readonly key: string };
  /** Of its configuration file. */
  readonly file?: string;
}

/** Starts one Redis on a free port of loopback, and waits until it answers. */
export async function startRedis(server: Found, options: RedisOptions = {}): Promise<RunningRedis> {
  const folder = await mkdtemp(join(tmpdir(), "weir-redis-"));
  const [port = 0] = await freePorts(1);
  const { access = PLAIN, before = [], isSentinel = false, file = "", tls } = options;
  const settings = { ...(tls && (await tlsSettings(folder, port, tls))), ...options.settings };
  const path = join(folder, "redis.conf");
  await writeFile(path, file);
  const all = {
    port: String(port),
    bind: "127.0.0.1",
    dir: folder,
    ...(isSentinel ? {} : UNKEPT),
    ...settings,
  };
  const parameters = Object.entries(all).flatMap(([name, value]) => [`--${name}`, value]);
  const address = { host: "127.0.0.1", port };
  const start = async (): Promise<RunningProcess> => {
    const started = await startProcess(
      server.binary,
      [...before, path, ...parameters, ...(isSentinel ? ["--sentinel"] : [])],
      server.environment,
    );
    await until(() => answers(address, access, started), { what: `Redis on port ${address.port}` });
    return started;
  };
  let running = await start();
  return {
    address,
    command: (name, ...given) => commandAt(address, access, [name, ...given]),
    signal: (name) => running.signal(name),
    async kill() {
      running.signal("SIGKILL");
      await running.whenEnded;
    },
    async restart() {
      running = await start();
    },
    async stop() {
      running.signal("SIGKILL");
      await running.whenEnded;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function tlsSettings(
  folder: string,
  port: number,
  { ca, certificate, key }: RedisOptions["tls"] & {},
): Promise<Readonly<Record<string, string>>> {
  const paths = { "tls-ca-cert-file": ca, "tls-cert-file": certificate, "tls-key-file": key };
  for (const [name, pem] of Object.entries(paths)) await writeFile(join(folder, name), pem);
  const files = Object.keys(paths).map((name): readonly [string, string] => [name, join(folder, name)]);
  return { port: "0", "tls-port": String(port), ...Object.fromEntries<string>(files) };
}

const UNKEPT = { save: "", appendonly: "no", "repl-diskless-sync-delay": "0" };

async function answers(address: Address, access: Access, running: RunningProcess): Promise<boolean> {
  const end = running.ended();
  if (end !== undefined) throw new Error(`Redis has ended (${end}): ${running.output()}`);
  try {
    return (await commandAt(address, access, ["PING"])) === "PONG";
  } catch {
    return false;
  }
}

/** One command on a connection of its own. */
async function commandAt(
  address: Address,
  access: Access,
  [name, ...parameters]: readonly [string, ...(string | number)[]],
): Promise<unknown> {
  const client = await openClient(address, access, new AbortController().signal);
  try {
    return await client.send(name, ...parameters);
  } finally {
    await closed(client);
  }
}

export async function closed(client: Client): Promise<void> {
  client.close();
  await client.whenClosed;
}

/** What keeps strangers from a Redis: a password, TLS. */
export type Guard = Pick<RedisOptions, "access" | "tls">;

/** The same guard for whoever connects, and among the servers themselves. */
export function guardedBy({ access, tls }: Guard): RedisOptions {
  const password = access?.password;
  const settings = {
    ...(password === undefined ? {} : { requirepass: password, masterauth: password }),
    ...(tls === undefined ? {} : { "tls-replication": "yes" }),
  };
  return { settings, ...(access && { access }), ...(tls && { tls }) };
}

/** A master with a replica, and three Sentinels that watch over them. */
export interface RunningSentinels {
  readonly name: string;
  readonly nodes: readonly Address[];
  readonly servers: readonly RunningRedis[];
  /** The port of the one that the Sentinels call the master. */
  masterPort(): Promise<number>;
  stop(): Promise<void>;
}

export async function startSentinels(server: Found, guard: Guard = {}): Promise<RunningSentinels> {
  const guarded = guardedBy(guard);
  const master = await startRedis(server, guarded);
  const { host, port } = master.address;
  const replica = await startRedis(server, {
    ...guarded,
    settings: { ...guarded.settings, replicaof: `${host} ${port}` },
  });
  const name = "quotas";
  const password = guard.access?.password;
  const file = [
    `sentinel monitor ${name} ${host} ${port} 2`,
    ...(password === undefined
      ? []
      : [`sentinel auth-pass ${name} ${password}`, `sentinel sentinel-pass ${password}`]),
    `sentinel down-after-milliseconds ${name} 300`,
    `sentinel failover-timeout ${name} 2000`,
  ].join("\n");
  const sentinels = await Promise.all(
    [0, 1, 2].map(() => startRedis(server, { ...guarded, isSentinel: true, file: `${file}\n` })),
  );
  const [first] = sentinels;
  if (first === undefined) throw new Error("no Sentinel");
  const servers = [master, replica];
  // A failover needs a replica that is in step, and Sentinels that know of each other.
  await until(
    async () => {
      const masters = (await Promise.all(
        sentinels.map((one) => one.command("SENTINEL", "MASTERS")),
      )) as string[][][];
      const info = String(await master.command("INFO", "replication"));
      const isKnown = (fields: string[] = []): boolean =>
        fields[fields.indexOf("num-other-sentinels") + 1] === "2" &&
        fields[fields.indexOf("num-slaves") + 1] === "1";
      return info.includes("state=online") && masters.every(([fields]) => isKnown(fields));
    },
    { what: "the Sentinels to know of each other", timeoutMs: 20_000 },
  );
  return {
    name,
    nodes: sentinels.map(({ address }) => address),
    servers,
    masterPort: async () =>
      Number(((await first.command("SENTINEL", "get-master-addr-by-name", name)) as string[])[1]),
    stop: async () => {
      await Promise.all([...sentinels, ...servers].map((one) => one.stop()));
    },
  };
}

/** Ports of loopback that nobody listens on. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = [];
  for (const server of servers) {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    ports.push((server.address() as AddressInfo).port);
  }
  for (const server of servers) {
    server.close();
    await once(server, "close");
  }
  return ports;
}
