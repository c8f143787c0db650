import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, credentials } from "@grpc/grpc-js";
import { call } from "../grpc/client.ts";
import { rateLimitRequest } from "../quota/fixture.ts";
import { ensure, type Found } from "../servers/ensure.ts";
import type { ServerName } from "../servers/list.ts";
import { startProcess } from "../support/process.ts";
import { freePorts, startRedis, type RunningRedis } from "../support/redis.ts";
import { until } from "../support/until.ts";
import { LOAD_CORE, pinned, SERVER_CORE, startTarget } from "./target.ts";

/** Where a server counts. */
export type Counting = "memory" | "redis";

/** A server under test: what it takes of the processor, and its Redis. Seconds, since it began. */
export interface QuotaServer {
  /** `host:port` of gRPC. */
  readonly address: string;
  readonly cpuSeconds: () => Promise<number>;
  /** Of Redis; 0 where there is none. */
  readonly storeCpuSeconds: () => Promise<number>;
}

export const RATE_LIMIT_PATH = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit";

/** A program that has to be there. @throws Error that says why it is not. */
export async function required(name: ServerName): Promise<Found> {
  const found = await ensure(name);
  if (found.kind === "missing") throw new Error(`${name} is missing: ${found.reason}`);
  return found;
}

/** A Redis of its own, beside the load: servers have a core for themselves. */
export async function startStore(open: AsyncDisposableStack): Promise<RunningRedis> {
  const redis = await required("redis");
  const [binary, ...before] = await pinned(LOAD_CORE, redis.binary);
  return open.adopt(await startRedis({ ...redis, binary }, { before }), (one) => one.stop());
}

/** weir with these files of policies and limits. */
export async function startWeir(
  counting: Counting,
  files: Readonly<Record<string, string>>,
  open: AsyncDisposableStack,
): Promise<QuotaServer> {
  const store = counting === "redis" ? await startStore(open) : undefined;
  const folder = await temporaryFolder(open);
  const all = { ...files, "weir.yaml": serverFile(store) };
  for (const [name, text] of Object.entries(all)) await writeFile(join(folder, name), text);
  const main = join(import.meta.dirname, "../../src/main.ts");
  const target = open.adopt(await startTarget(main, ["serve", folder]), (one) => one.process.stop());
  const ready = 'weir_store_node_ready{node="redis"}';
  if (store !== undefined)
    await until(async () => (await target.series()).get(ready) === 1, { what: "Redis to be connected" });
  return {
    address: target.checks,
    cpuSeconds: () => cpuSecondsOf(target.process.pid),
    storeCpuSeconds: () => storeCpuSeconds(store),
  };
}

/** No answer may be too late: what is measured is how fast all of them come. */
const serverFile = (store: RunningRedis | undefined): string => `weir: 1
listen:
  grpc: { address: 127.0.0.1:0 }
  metrics: { address: 127.0.0.1:0 }
checkTimeout: 5s
store: ${
  store === undefined
    ? "{ type: memory, maxCounters: 2000000 }"
    : `{ type: redis, url: "redis://127.0.0.1:${store.address.port}/0", timeout: 1s }`
}
`;

/** envoyproxy/ratelimit as its defaults are, but for the StatsD that nobody reads. */
export async function startRatelimit(limits: string, open: AsyncDisposableStack): Promise<QuotaServer> {
  const ratelimit = await required("ratelimit");
  const store = await startStore(open);
  const folder = await temporaryFolder(open);
  await mkdir(join(folder, "config"));
  await writeFile(join(folder, "config/limits.yaml"), limits);
  const [http, grpc, debug] = await freePorts(3);
  const [program, ...before] = await pinned(SERVER_CORE, ratelimit.binary);
  const running = await startProcess(program, before, {
    ...ratelimit.environment,
    ...{ USE_STATSD: "false", LOG_LEVEL: "error" },
    ...{ REDIS_SOCKET_TYPE: "tcp", REDIS_URL: `127.0.0.1:${store.address.port}` },
    ...{ RUNTIME_ROOT: folder, RUNTIME_WATCH_ROOT: "false" },
    ...{ HOST: "127.0.0.1", PORT: String(http), GRPC_HOST: "127.0.0.1", GRPC_PORT: String(grpc) },
    ...{ DEBUG_HOST: "127.0.0.1", DEBUG_PORT: String(debug) },
  });
  open.defer(() => running.stop());
  const address = `127.0.0.1:${grpc}`;
  const client = new Client(address, credentials.createInsecure());
  const probe = rateLimitRequest("nobody", [["a=b"]]);
  await until(async () => "bytes" in (await call(client, RATE_LIMIT_PATH, probe)), {
    timeoutMs: 20_000,
    what: "envoyproxy/ratelimit to answer",
  });
  client.close();
  return {
    address,
    cpuSeconds: () => cpuSecondsOf(running.pid),
    storeCpuSeconds: () => storeCpuSeconds(store),
  };
}

async function temporaryFolder(open: AsyncDisposableStack): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "weir-bench-"));
  open.defer(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Of all threads (proc(5): fields 14 and 15, hundredths of a second); NaN where the system does not tell. */
async function cpuSecondsOf(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  const [user, system] = text
    .slice(text.lastIndexOf(")") + 2)
    .split(" ")
    .slice(11, 13);
  return (Number(user) + Number(system)) / 100;
}

async function storeCpuSeconds(store: RunningRedis | undefined): Promise<number> {
  if (store === undefined) return 0;
  const info = String(await store.command("INFO", "cpu"));
  const seconds = (name: string): number => Number(new RegExp(`${name}:([\\d.]+)`).exec(info)?.[1]);
  return seconds("used_cpu_user") + seconds("used_cpu_sys");
}
