import { parseArgs } from "node:util";
import { rateLimitRequest } from "../quota/fixture.ts";
import { bytesPerCounter } from "./quota-memory.ts";
import {
  RATE_LIMIT_PATH,
  startRatelimit,
  startWeir,
  type Counting,
  type QuotaServer,
} from "./quota-servers.ts";
import { median, provenance, table, writeSection } from "./report.ts";
import { CHECK_PATH, checkRequest, MEASURED_HOST } from "./request.ts";
import { runVariedLoad, type VariedSeen } from "./varied-load.ts";

const usage = `usage: node test/bench/quota.ts [--what all|rates|checks|memory] [--rounds 3] [--requests 5000] [--write]

Measures rate-limit requests of weir with memory and with Redis, beside envoyproxy/ratelimit with Redis (rates); checks with
and without a quota (checks); and what a million counters take (memory).
--write puts the tables into docs/performance.md.`;

/** The same for all. Limits that nobody reaches, but for one. */
const LIMITS = `domain: shop
descriptors:
${Array.from({ length: 10 }, (_, index) => `  - { key: k${index}, rate_limit: { unit: hour, requests_per_unit: 1000000000 } }`).join("\n")}
  - { key: full, rate_limit: { unit: day, requests_per_unit: 1 } }
`;

/** What is asked again and again. */
interface Kind {
  readonly name: string;
  readonly path: string;
  readonly message: Buffer;
  /** Numbers that stand in it in place of PLACE. */
  readonly values: number;
  /** How answers begin. */
  readonly answer: string;
}

interface Contender {
  readonly name: string;
  readonly start: (open: AsyncDisposableStack) => Promise<QuotaServer>;
}

/** What is measured side by side, and with which contender the others are compared. */
interface Part {
  readonly kinds: readonly Kind[];
  readonly contenders: readonly Contender[];
  readonly peer: string;
}

const PLACE = "00000000";
/** `overall_code` of an answer: OK or OVER_LIMIT. */
const [OK, OVER] = ["0801", "0802"];

const asking = (name: string, values: number, descriptors: readonly string[], answer = OK): Kind => ({
  ...{ name, values, answer, path: RATE_LIMIT_PATH },
  message: rateLimitRequest(
    "shop",
    descriptors.map((one) => [one]),
  ),
});

const descriptors = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `k${index}=user-${PLACE}`);

const files = { "limits.yaml": LIMITS };

const rates: Part = {
  kinds: [
    asking("1 descriptor", 10_000, descriptors(1)),
    asking("2 descriptors", 10_000, descriptors(2)),
    asking("10 descriptors", 10_000, descriptors(10)),
    asking("1, of a million keys", 1_000_000, descriptors(1)),
    asking("1, one hot key", 1, descriptors(1)),
    asking("1, hot and over its limit", 1, [`full=user-${PLACE}`], OVER),
  ],
  contenders: [
    { name: "envoyproxy/ratelimit", start: (open) => startRatelimit(LIMITS, open) },
    { name: "weir, Redis", start: (open) => startWeir("redis", files, open) },
    { name: "weir, memory", start: (open) => startWeir("memory", files, open) },
  ],
  peer: "envoyproxy/ratelimit",
};

const policy = (quotas = ""): Readonly<Record<string, string>> => ({
  "shop.yaml": `weir: 1
policy: shop
match:
  hosts: [${MEASURED_HOST}]
rules:
  - id: web-reads
    allow: request.method == "GET" && source.namespace == "shop"
${quotas}`,
});

const QUOTA = `quotas:
  - id: per-order
    algorithm: fixed
    key: ["request.path_segments[1]"]
    windows: [{ limit: 1000000000, per: hour }]
`;

const checks: Part = {
  kinds: [
    {
      name: "a check",
      path: CHECK_PATH,
      message: checkRequest({ method: "GET", path: `/orders/${PLACE}/items` }),
      values: 10_000,
      answer: "0a00",
    },
  ],
  contenders: [
    { name: "no quota", start: (open) => startWeir("memory", policy(), open) },
    { name: "one quota, memory", start: (open) => startWeir("memory", policy(QUOTA), open) },
    { name: "one quota, Redis", start: (open) => startWeir("redis", policy(QUOTA), open) },
  ],
  peer: "no quota",
};

/** 100 in flight. */
const IN_FLIGHT = { connections: 4, streams: 25 };
const WARMING_REQUESTS = 60_000;

interface Measured {
  readonly contender: string;
  readonly kind: string;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuUs: number;
  readonly storeCpuUs: number;
}

process.exitCode = await main();

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      what: { type: "string", default: "all" },
      rounds: { type: "string", default: "3" },
      requests: { type: "string", default: "5000" },
      write: { type: "boolean", default: false },
    },
  });
  const [rounds, requests] = [Number(values.rounds), Number(values.requests)];
  const sections = Object.entries({
    rates: () => measurePart(rates, rounds, requests),
    checks: () => measurePart(checks, rounds, requests),
    memory: measureMemory,
  }).filter(([name]) => values.what === "all" || values.what === name);
  const areWhole = Number.isInteger(rounds) && Number.isInteger(requests);
  if (sections.length === 0 || !areWhole || rounds < 1 || requests < 100) {
    console.error(usage);
    return 2;
  }
  for (const [name, measured] of sections) {
    const command = `npm run bench:quota -- --what ${name} --write`;
    const text = `${provenance(command)} ${await measured()}`;
    console.log(`${text}\n`);
    if (values.write) await writeSection(`quota-${name}`, text);
  }
  return 0;
}

async function measurePart(part: Part, rounds: number, requests: number): Promise<string> {
  const measured: (readonly Measured[])[] = [];
  for (let round = 1; round <= rounds; round++) {
    console.error(`round ${round} of ${rounds}`);
    const order = round % 2 === 0 ? part.contenders.toReversed() : part.contenders;
    const results: Measured[] = [];
    for (const one of order) results.push(...(await measureFresh(one, part.kinds, requests)));
    measured.push(results);
  }
  return `Medians of ${rounds} rounds.\n\n${report(part, measured)}`;
}

/** A process of its own each round. */
async function measureFresh(
  { name, start }: Contender,
  kinds: readonly Kind[],
  requests: number,
): Promise<readonly Measured[]> {
  await using open = new AsyncDisposableStack();
  const server = await start(open);
  const results: Measured[] = [];
  // First answers come from code that is not compiled yet, and it takes long until it is compiled well.
  for (const kind of kinds) await warm(server, kind, WARMING_REQUESTS / kinds.length);
  for (const kind of kinds) results.push({ contender: name, ...(await measure(server, kind, requests)) });
  return results;
}

async function warm(server: QuotaServer, kind: Kind, requests: number): Promise<void> {
  // What is over its limit was below it once.
  if (kind.answer === OVER) await load(server, { ...kind, answer: OK }, 1, 1);
  await load(server, kind, requests, 1);
}

async function measure(
  server: QuotaServer,
  kind: Kind,
  requests: number,
): Promise<Omit<Measured, "contender">> {
  await load(server, kind, Math.ceil(requests / 5), 1);
  const before = [await server.cpuSeconds(), await server.storeCpuSeconds()];
  const { perSecond, p50Ms, p99Ms } = await load(server, kind, requests, 2);
  const after = [await server.cpuSeconds(), await server.storeCpuSeconds()];
  const [cpuUs = NaN, storeCpuUs = NaN] = after.map(
    (seconds, index) => ((seconds - (before[index] ?? NaN)) * 1e6) / requests,
  );
  return { kind: kind.name, perSecond, p50Ms, p99Ms, cpuUs, storeCpuUs };
}

function load(
  { address }: QuotaServer,
  { path, message, values, answer }: Kind,
  requests: number,
  seed: number,
): Promise<VariedSeen> {
  const body = { message: message.toString("base64"), place: PLACE, values };
  return runVariedLoad({ ...IN_FLIGHT, ...body, address, path, requests, seed }, answer);
}

function report({ kinds, contenders, peer }: Part, rounds: readonly (readonly Measured[])[]): string {
  const rows = kinds.flatMap((kind) =>
    contenders.map((contender) => {
      const all = rounds.map((round) => found(round, kind.name, contender.name));
      const peers = rounds.map((round) => found(round, kind.name, peer));
      const of = (read: (one: Measured) => number): number => median(all.map(read));
      // Round by round, because what else the machine does changes from round to round.
      const ratio = (read: (one: Measured) => number): string =>
        median(all.map((one, index) => read(one) / read(peers[index] ?? one))).toFixed(2);
      return [
        `${kind.name}: ${contender.name}`,
        Math.round(of(({ perSecond }) => perSecond)).toLocaleString("en"),
        ratio(({ perSecond }) => perSecond),
        of(({ cpuUs }) => cpuUs).toFixed(0),
        ratio(({ cpuUs }) => 1 / cpuUs),
        of(({ storeCpuUs }) => storeCpuUs).toFixed(0),
        of(({ p50Ms }) => p50Ms).toFixed(0),
        of(({ p99Ms }) => p99Ms).toFixed(0),
      ];
    }),
  );
  return table(
    [
      ...["", "requests/s", `of ${peer}`, "CPU µs a request", `a µs, of ${peer}`],
      ...["Redis CPU µs", "p50 ms", "p99 ms"],
    ],
    rows,
  );
}

async function measureMemory(): Promise<string> {
  const row = async (name: string, counting: Counting): Promise<readonly string[]> => {
    const bytes = await bytesPerCounter(counting);
    return [name, bytes.toFixed(0), ((bytes * 1e6) / 2 ** 20).toFixed(0)];
  };
  const measured = table(
    ["", "bytes a counter", "MiB a million"],
    [await row("weir's memory", "memory"), await row("Redis", "redis")],
  );
  return `Once.\n\n${measured}`;
}

function found(round: readonly Measured[], kind: string, contender: string): Measured {
  const one = round.find((each) => each.kind === kind && each.contender === contender);
  if (one === undefined) throw new Error(`${contender} was not measured with ${kind}`);
  return one;
}
