import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { ADAPTERS } from "../../adapters/index.ts";
import { floodGuards } from "../../src/identity/flood.ts";
import { printDiagnostic } from "../../src/policy/diagnostic.ts";
import { Runtime, type LoadResult } from "../../src/runtime/runtime.ts";
import { ReportAccount } from "../../src/telemetry/report-account.ts";
import { jwksOf, rsaPair } from "../identity/fixture.ts";
import { median, provenance, table, writeSection } from "./report.ts";

/** How many teams there are, each with a folder, a policy of three rules, and the platform's identity. */
const TEAMS = [1, 100, 1_000];
const ROUNDS = 3;

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { write: { type: "boolean", default: false } } });
  const rows: Row[] = [];
  for (const teams of TEAMS) rows.push(await measure(teams));
  const text = `${provenance("npm run bench:teams")}\n\n${table(HEAD, cellsOf(rows))}`;
  console.log(text);
  if (values.write) await writeSection("teams", text);
}

interface Row {
  readonly teams: number;
  readonly start: Load;
  readonly oneTeam: Load;
  readonly broken: Load;
  readonly platform: Load;
  readonly heapBeforeMiB: number;
  readonly heapAfterMiB: number;
}

interface Load {
  readonly ms: number;
  /** The process's own, all threads. */
  readonly cpuMs: number;
  /** The longest that a timer of each millisecond came late. */
  readonly longestDelayMs: number;
}

const HEAD = [
  "teams",
  "start ms (CPU)",
  "of 1 team",
  "one team changed",
  "of start",
  "one team broken",
  "platform changed",
  "longest delay: start",
  "longest delay: changes",
  "heap MiB before",
  "after",
  "KiB a team",
];

function cellsOf(rows: readonly Row[]): readonly (readonly string[])[] {
  const first = rows[0]?.start.cpuMs ?? Number.NaN;
  const timesOf = ({ ms, cpuMs }: Load): string => `${ms.toFixed(0)} (${cpuMs.toFixed(0)})`;
  return rows.map(({ teams, start, oneTeam, broken, platform, heapBeforeMiB, heapAfterMiB }) => [
    teams.toLocaleString("en"),
    timesOf(start),
    (start.cpuMs / first).toFixed(1),
    timesOf(oneTeam),
    (oneTeam.cpuMs / start.cpuMs).toFixed(2),
    ...[broken, platform].map(timesOf),
    start.longestDelayMs.toFixed(0),
    Math.max(...[oneTeam, broken, platform].map(({ longestDelayMs }) => longestDelayMs)).toFixed(0),
    ...[heapBeforeMiB, heapAfterMiB].map((mib) => mib.toFixed(0)),
    (((heapAfterMiB - heapBeforeMiB) * 1_024) / teams).toFixed(0),
  ]);
}

/** The load in the middle of several by its processor time. */
function middle(loads: readonly Load[]): Load {
  const cpuMs = median(loads.map((one) => one.cpuMs));
  const found = loads.find((one) => one.cpuMs === cpuMs);
  if (found === undefined) throw new Error("nothing was measured");
  return found;
}

async function measure(teams: number): Promise<Row> {
  const folder = await mkdtemp(join(tmpdir(), "weir-bench-"));
  const runtime = new Runtime({
    folders: [folder],
    adapters: ADAPTERS,
    stance: "enforce",
    nowMs: Date.now,
    handlers: {
      hostFor: () => {
        throw new Error("nothing is asked here");
      },
      nowMs: Date.now,
      observe: () => undefined,
      metrics: { report: new ReportAccount(), observeBatch: () => undefined },
    },
    verifiers: {
      fetch: () => Promise.reject(new Error("nothing is fetched here")),
      flood: floodGuards(),
      pepper: () => undefined,
    },
    onFinding: () => undefined,
    onSettings: () => Promise.resolve([]),
    onResult: () => undefined,
    onError: () => undefined,
    watch: () => Promise.resolve(),
  });
  const load = async (wanted: LoadResult["kind"]): Promise<Load> => timed(() => runtime.load(), wanted);
  const team = (name: string, text: string) => writeFile(join(folder, "teams", name, "policy.yaml"), text);
  try {
    await writePlatform(folder, teams, 1);
    for (let index = 0; index < teams; index++) {
      await mkdir(join(folder, "teams", nameOf(index)), { recursive: true });
      await team(nameOf(index), policyOf(nameOf(index), 1));
    }
    const heapBeforeMiB = heapMiB();
    const start = await load("live");
    const heapAfterMiB = heapMiB();
    const rounds: Pick<Row, "oneTeam" | "broken" | "platform">[] = [];
    for (let round = 2; round < 2 + ROUNDS; round++) {
      const changed = policyOf(nameOf(0), round);
      await team(nameOf(0), changed);
      const oneTeam = await load("live");
      await team(nameOf(0), changed.replace("allow:", "alow:"));
      const broken = await load("refused");
      await team(nameOf(0), changed);
      await writePlatform(folder, teams, round);
      rounds.push({ oneTeam, broken, platform: await load("live") });
    }
    const of = (key: "oneTeam" | "broken" | "platform") => middle(rounds.map((round) => round[key]));
    const changes = { oneTeam: of("oneTeam"), broken: of("broken"), platform: of("platform") };
    return { teams, start, ...changes, heapBeforeMiB, heapAfterMiB };
  } finally {
    await runtime.close();
    await rm(folder, { recursive: true });
  }
}

const nameOf = (index: number): string => `team-${index}`;

async function writePlatform(folder: string, teams: number, version: number): Promise<void> {
  const entries = Array.from({ length: teams }, (_, index) => {
    const name = nameOf(index);
    return `  ${name}:\n    folder: teams/${name}\n    owns:\n      hosts: [${name}.example.com]\n`;
  });
  await writeFile(join(folder, "weir.yaml"), `weir: 1\nteams:\n${entries.join("")}`);
  await writeFile(join(folder, "certs.json"), JSON.stringify(jwksOf(PAIR)));
  await writeFile(join(folder, "platform.yaml"), sharedOf(version));
}

const PAIR = rsaPair("bench");

const sharedOf = (version: number): string => `weir: 1
shared: platform
identities:
  user:
    jwt:
      issuer: https://idp.example.com
      audiences: [mesh]
      jwks:
        file: certs.json
      claims:
        sub: string
        roles:
          type: list(string)
          path: realm_access.roles
          else: []
let:
  reads: request.method in ["GET", "HEAD"] && ${version} > 0
`;

const policyOf = (name: string, version: number): string => `weir: 1
policy: ${name}
use:
  - platform
match:
  hosts:
    - ${name}.example.com
  paths:
    - /v${version}/{owner}/**
rules:
  - id: signed-in
    require: has(auth.user)
    status: 401
  - id: owner
    allow: auth.user.sub == path.owner && "writer" in auth.user.roles
    request:
      set:
        x-user: \${auth.user.sub}
  - id: readers
    allow: platform.reads && auth.user.sub.startsWith("${name}/")
`;

/** The time of one load, and the longest that a timer of each millisecond came late meanwhile. */
async function timed(run: () => Promise<LoadResult>, wanted: LoadResult["kind"]): Promise<Load> {
  const delays = monitorEventLoopDelay({ resolution: 1 });
  delays.enable();
  const startMs = performance.now();
  const startCpu = process.cpuUsage();
  const result = await run();
  const ms = performance.now() - startMs;
  const { user, system } = process.cpuUsage(startCpu);
  delays.disable();
  if (result.kind !== wanted) {
    const reasons = result.kind === "unchanged" ? [] : result.diagnostics.slice(0, 3).map(printDiagnostic);
    throw new Error(`the load was ${result.kind}, not ${wanted}: ${reasons.join("\n")}`);
  }
  return { ms, cpuMs: (user + system) / 1_000, longestDelayMs: delays.max / 1e6 };
}

function heapMiB(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed / 1_024 / 1_024;
}

await main();
