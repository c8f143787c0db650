import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { z } from "zod";
import type { Address } from "./bootstrap.ts";
import { type Ended, runCommand } from "./command.ts";
import { requestHttp1 } from "./http.ts";
import { type RunningProcess, startProcess } from "./process.ts";
import { until } from "./until.ts";

/** A weir that runs as a process of its own, as an operator starts it. */
export interface Weir {
  /** Where it answers checks. */
  checks: Address;
  metricsPort: number;
  /** Undefined where weir.yaml has no HTTP listener for checks. */
  httpPort: number | undefined;
  /** Undefined where weir.yaml has no admin listener. */
  adminPort: number | undefined;
  process: RunningProcess;
  /** Every sample of /metrics, by name and labels as they are written: `weir_checks_total{policy="a",…}`. */
  metrics(): Promise<ReadonlyMap<string, number>>;
  /** One of those samples; 0 where there is none yet. */
  metric(name: string): Promise<number>;
  /** What /status of the admin listener shows. */
  status(): Promise<Status>;
  /** The lines of its log so far. */
  log(): LogLine[];
}

export type LogLine = Readonly<Record<string, unknown>>;

const main = join(import.meta.dirname, "../../src/main.ts");

/** A weir.yaml whose listeners take free ports of loopback, unless `checks` says where. */
export const serverFile = (checks = "127.0.0.1:0", more = ""): string => `weir: 1
listen:
  grpc: { address: "${checks}" }
  metrics: { address: 127.0.0.1:0 }
${more}`;

/** What `weir serve` is run with beside the folder. */
export interface ServeOptions {
  parameters?: readonly string[];
  environment?: Readonly<Record<string, string>>;
  /** A command that runs what follows it in its own place, such as `nice`. */
  within?: readonly string[];
}

/** Runs `weir serve <folder>` and waits until it is ready; throws with its own words when it ends instead. */
export async function startWeir(
  folder: string,
  { parameters = [], environment = {}, within = [] }: ServeOptions = {},
): Promise<Weir> {
  const [program = "", ...rest] = [...within, process.execPath, main, "serve", folder, ...parameters];
  const running = await startProcess(program, rest, environment);
  try {
    const { checks, metricsPort, httpPort, adminPort } = await until(() => listening(running), {
      timeoutMs: 20_000,
      what: "weir to print where it listens",
    });
    await until(async () => (await statusOf(metricsPort, "/readyz")) === 200, { what: "weir to be ready" });
    const metrics = async (): Promise<ReadonlyMap<string, number>> =>
      samplesIn((await requestHttp1({ port: metricsPort }, { path: "/metrics" })).body);
    return {
      checks,
      metricsPort,
      httpPort,
      adminPort,
      process: running,
      metrics,
      metric: async (name) => (await metrics()).get(name) ?? 0,
      status: () => statusPage(adminPort),
      log: () => linesIn(running.errors()),
    };
  } catch (error) {
    await running.stop();
    throw error;
  }
}

/** Runs a command of weir to its end: `runWeir(["validate", folder])`. */
export const runWeir = (parameters: readonly string[]): Promise<Ended> =>
  runCommand(process.execPath, [main, ...parameters], { timeoutMs: 20_000 });

/** The status of a page, or undefined where nobody listens. */
export async function statusOf(port: number, path: string): Promise<number | undefined> {
  const answer = await requestHttp1({ port }, { path }).catch(() => undefined);
  return answer?.status;
}

/** A port of loopback that was free a moment ago, for what must come back at the same place. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("the system gave no port");
  return address.port;
}

/** Whether nobody listens on a port of loopback. */
export async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch {
    return false;
  }
  server.close();
  await once(server, "close");
  return true;
}

/** A new temporary folder with these files, by relative path. Remove it with `removeFolder`. */
export async function writeFolder(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "weir-policies-"));
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  return folder;
}

export const removeFolder = (folder: string): Promise<void> => rm(folder, { recursive: true, force: true });

/** What the banner says: `checks 127.0.0.1:1234 …` or `checks unix:/path …`, and the same for `metrics`. */
function listening(
  running: RunningProcess,
): Pick<Weir, "checks" | "metricsPort" | "httpPort" | "adminPort"> | undefined {
  const end = running.ended();
  if (end !== undefined) throw new Error(`weir ended with ${end}:\n${running.errors()}${running.output()}`);
  // Where standard output is for decisions, it says so on the other stream.
  const printed = `${running.output()}\n${running.errors()}`;
  const checks = /^ {2}checks +(\S+)/m.exec(printed)?.[1];
  const metricsPort = /^ {2}metrics +127\.0\.0\.1:(\d+) /m.exec(printed)?.[1];
  const httpPort = httpPortIn(printed);
  const adminPort = /^ {2}admin +127\.0\.0\.1:(\d+) /m.exec(printed)?.[1];
  if (checks === undefined || metricsPort === undefined) return undefined;
  return {
    checks: addressOf(checks),
    metricsPort: Number(metricsPort),
    httpPort,
    adminPort: adminPort === undefined ? undefined : Number(adminPort),
  };
}

/** The port of HTTP checks in what `weir serve` prints. */
export function httpPortIn(printed: string): number | undefined {
  const port = /^ {2}checks +127\.0\.0\.1:(\d+) +HTTP/m.exec(printed)?.[1];
  return port === undefined ? undefined : Number(port);
}

async function statusPage(port: number | undefined): Promise<Status> {
  if (port === undefined) throw new Error("this weir has no admin listener");
  const { status, body } = await requestHttp1({ port }, { path: "/status", authority: "localhost" });
  if (status !== 200) throw new Error(`/status answered ${status}`);
  return statusShape.parse(JSON.parse(body.toString()));
}

const named = z.object({ state: z.string(), detail: z.string() });
const statusShape = z.object({
  configuration: z.object({
    observes: z.boolean(),
    lastLoad: z.object({ result: z.string(), diagnostics: z.array(z.string()) }),
  }),
  parts: z.array(z.object({ part: z.string(), state: z.string(), diagnostics: z.array(z.string()) })),
  store: z.object({ type: z.string(), state: z.string(), detail: z.string() }),
  handlers: z.array(named.extend({ handler: z.string() })),
  identities: z.array(named.extend({ identity: z.string() })),
});
type Status = z.output<typeof statusShape>;

function addressOf(text: string): Address {
  if (text.startsWith("unix:")) return { unix: text.slice("unix:".length) };
  const { hostname, port } = new URL(`http://${text}`);
  return { host: hostname, port: Number(port) };
}

function samplesIn(exposition: Buffer): ReadonlyMap<string, number> {
  const samples = exposition
    .toString()
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    samples.map((line) => {
      const space = line.lastIndexOf(" ");
      return [line.slice(0, space), Number(line.slice(space + 1))];
    }),
  );
}

/** The last line may still be on its way; what is no JSON is not of the log. */
function linesIn(errors: string): LogLine[] {
  const lines = errors.split("\n").slice(0, -1);
  return lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as LogLine);
}
