import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import type { Found } from "../servers/ensure.ts";
import { requestHttp1 } from "./http.ts";
import { type RunningProcess, startProcess } from "./process.ts";
import { until } from "./until.ts";

/** A running Envoy. */
export interface Envoy {
  adminPort: number;
  /** The port of a listener, by its name in the bootstrap. */
  port(listener: string): number;
  /** What Envoy logged: warnings and worse. */
  logs(): string;
  /** The access-log entries so far, where the bootstrap asks for them; wait for one with `until`. */
  accessLog(): Readonly<Record<string, unknown>>[];
  /** Counters and gauges whose names begin with `prefix`. */
  stats(prefix: string): Promise<ReadonlyMap<string, number>>;
  stop(): Promise<void>;
}

/** What to run: the program, as `need` found it, and a bootstrap, such as `envoyBootstrap` makes. */
export interface EnvoySetup {
  program: Found;
  config: unknown;
}

const startTimeoutMs = 20_000;

/** Starts Envoy and waits until it takes requests; throws with Envoy's own words when it does not come up. */
export async function startEnvoy({ program, config }: EnvoySetup): Promise<Envoy> {
  const folder = await mkdtemp(join(tmpdir(), "weir-envoy-"));
  const adminAddress = join(folder, "admin");
  await writeFile(join(folder, "bootstrap.json"), JSON.stringify(config));
  const running = await startProcess(
    program.binary,
    [
      ...["-c", join(folder, "bootstrap.json"), "--admin-address-path", adminAddress],
      ...["--use-dynamic-base-id", "--concurrency", "1", "--log-level", "warn"],
      ...["--file-flush-interval-msec", "20", "--drain-time-s", "1"],
    ],
    program.environment,
  );
  const stop = async (): Promise<void> => {
    await running.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const adminPort = await whenReady(running, adminAddress);
    const ports = await portsOf(adminPort);
    return {
      adminPort,
      port: (listener) => portNamed(ports, listener),
      logs: () => running.errors(),
      accessLog: () => entriesIn(running.output()),
      stats: (prefix) => statsOf(adminPort, prefix),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function whenReady(running: RunningProcess, adminAddress: string): Promise<number> {
  const alive = <T>(value: T): T => {
    const end = running.ended();
    if (end !== undefined) throw new Error(`Envoy ended with ${end}: ${running.errors()}`);
    return value;
  };
  const port = await until(async () => alive(await writtenPort(adminAddress)), {
    timeoutMs: startTimeoutMs,
    what: "Envoy to write its admin address",
  });
  await until(async () => alive(await isReady(port)), {
    timeoutMs: startTimeoutMs,
    what: "Envoy to be ready",
  });
  return port;
}

async function writtenPort(adminAddress: string): Promise<number | undefined> {
  const text = await readFile(adminAddress, "utf8").catch(() => "");
  const digits = /:(\d+)$/.exec(text.trim())?.[1];
  return digits === undefined ? undefined : Number(digits);
}

async function isReady(port: number): Promise<boolean> {
  const answer = await requestHttp1({ port }, { path: "/ready" }).catch(() => undefined);
  return answer?.status === 200;
}

const listeners = z.object({
  listener_statuses: z.array(
    z.object({
      name: z.string(),
      local_address: z.object({ socket_address: z.object({ port_value: z.number() }) }),
    }),
  ),
});

async function portsOf(adminPort: number): Promise<ReadonlyMap<string, number>> {
  const { listener_statuses: statuses } = listeners.parse(await admin(adminPort, "/listeners?format=json"));
  return new Map(statuses.map(({ name, local_address: at }) => [name, at.socket_address.port_value]));
}

function portNamed(ports: ReadonlyMap<string, number>, listener: string): number {
  const port = ports.get(listener);
  if (port === undefined)
    throw new Error(`Envoy has no listener "${listener}", only ${[...ports.keys()].join()}`);
  return port;
}

const statistics = z.object({
  stats: z.array(z.object({ name: z.string().optional(), value: z.number().optional() })),
});

async function statsOf(adminPort: number, prefix: string): Promise<ReadonlyMap<string, number>> {
  const { stats } = statistics.parse(await admin(adminPort, "/stats?format=json&type=All"));
  const wanted = new Map<string, number>();
  for (const { name, value } of stats) {
    if (name?.startsWith(prefix) === true && value !== undefined) wanted.set(name, value);
  }
  return wanted;
}

async function admin(port: number, path: string): Promise<unknown> {
  const { status, body } = await requestHttp1({ port }, { path });
  if (status !== 200) throw new Error(`Envoy's admin page ${path} answered ${status}: ${body.toString()}`);
  return JSON.parse(body.toString());
}

const entry = z.record(z.string(), z.unknown());

/** The last line may still be on its way. */
function entriesIn(output: string): Readonly<Record<string, unknown>>[] {
  const lines = output.split("\n").slice(0, -1);
  return lines.filter((line) => line.startsWith("{")).map((line) => entry.parse(JSON.parse(line)));
}
