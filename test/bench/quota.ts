import { parseArgs } from "node:util";
import { rateLimitRequest } from "../quota/fixture.ts";
import { RATE_LIMIT_PATH, startRatelimit, startWeir, type QuotaServer } from "./quota-servers.ts";
import { median, provenance, table, writeSection } from "./report.ts";
import { runVariedLoad } from "./varied-load.ts";

const usage = `usage: node test/bench/quota.ts [--rounds 3] [--requests 20000] [--write]

Measures rate-limit requests a second of weir with memory and with Redis, beside envoyproxy/ratelimit with Redis.
--write puts the table into docs/performance.md.`;

/** The same for all. Limits that nobody reaches, but for one. */
const LIMITS = `domain: shop
descriptors:
${Array.from({ length: 10 }, (_, index) => `  - { key: k${index}, rate_limit: { unit: hour, requests_per_unit: 1000000000 } }`).join("\n")}
  - { key: full, rate_limit: { unit: day, requests_per_unit: 1 } }
`;

/** What one request asks. */
interface Kind {
  readonly name: string;
  readonly descriptors: readonly (readonly string[])[];
  /** Numbers that stand in each descriptor in place of PLACE. */
  readonly values: number;
  /** How answers begin: `overall_code` 1 OK or 2 OVER_LIMIT. */
  readonly answer: "0801" | "0802";
}

const PLACE = "00000000";
const OK = "0801";
const OVER = "0802";

const descriptors = (count: number): readonly (readonly string[])[] =>
  Array.from({ length: count }, (_, index) => [`k${index}=user-${PLACE}`]);

const KINDS: readonly Kind[] = [
  { name: "1 descriptor", descriptors: descriptors(1), values: 10_000, answer: OK },
  { name: "2 descriptors", descriptors: descriptors(2), values: 10_000, answer: OK },
  { name: "10 descriptors", descriptors: descriptors(10), values: 10_000, answer: OK },
  { name: "1, of a million keys", descriptors: descriptors(1), values: 1_000_000, answer: OK },
  { name: "1, one hot key", descriptors: descriptors(1), values: 1, answer: OK },
  { name: "1, hot and over its limit", descriptors: [[`full=user-${PLACE}`]], values: 1, answer: OVER },
];

interface Contender {
  readonly name: string;
  readonly start: (open: AsyncDisposableStack) => Promise<QuotaServer>;
}

const files = { "limits.yaml": LIMITS };

const CONTENDERS: readonly Contender[] = [
  { name: "envoyproxy/ratelimit", start: (open) => startRatelimit(LIMITS, {}, open) },
  { name: "weir, Redis", start: (open) => startWeir("redis", files, open) },
  { name: "weir, memory", start: (open) => startWeir("memory", files, open) },
];

/** 100 in flight. */
const LOAD = { path: RATE_LIMIT_PATH, connections: 4, streams: 25, place: PLACE };

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
      rounds: { type: "string", default: "3" },
      requests: { type: "string", default: "20000" },
      write: { type: "boolean", default: false },
    },
  });
  const [rounds, requests] = [Number(values.rounds), Number(values.requests)];
  if (!Number.isInteger(rounds) || !Number.isInteger(requests) || rounds < 1 || requests < 100) {
    console.error(usage);
    return 2;
  }
  const measured: (readonly Measured[])[] = [];
  for (let round = 1; round <= rounds; round++) {
    console.error(`round ${round} of ${rounds}`);
    const order = round % 2 === 0 ? CONTENDERS.toReversed() : CONTENDERS;
    const results: Measured[] = [];
    for (const one of order) results.push(...(await measureFresh(one, requests)));
    measured.push(results);
  }
  const text = `${provenance("npm run bench:quota -- --write")} Medians of ${rounds} rounds.\n\n${report(measured)}`;
  console.log(text);
  if (values.write) await writeSection("quota", text);
  return 0;
}

/** A process of its own each round. */
async function measureFresh({ name, start }: Contender, requests: number): Promise<readonly Measured[]> {
  await using open = new AsyncDisposableStack();
  const server = await start(open);
  const results: Measured[] = [];
  for (const kind of KINDS) results.push({ contender: name, ...(await measure(server, kind, requests)) });
  return results;
}

async function measure(
  server: QuotaServer,
  { name, descriptors, values, answer }: Kind,
  requests: number,
): Promise<Omit<Measured, "contender">> {
  const message = rateLimitRequest("shop", descriptors).toString("base64");
  const load = { ...LOAD, address: server.address, message, values };
  // What is over its limit was below it once, and first answers come from code that is not compiled yet.
  if (answer === OVER) await runVariedLoad({ ...load, connections: 1, streams: 1, requests: 1, seed: 1 }, OK);
  await runVariedLoad({ ...load, requests: Math.ceil(requests / 2), seed: 1 }, answer);
  const before = [await server.cpuSeconds(), await server.storeCpuSeconds()];
  const { perSecond, p50Ms, p99Ms } = await runVariedLoad({ ...load, requests, seed: 2 }, answer);
  const after = [await server.cpuSeconds(), await server.storeCpuSeconds()];
  const [cpuUs = NaN, storeCpuUs = NaN] = after.map(
    (seconds, index) => ((seconds - (before[index] ?? NaN)) * 1e6) / requests,
  );
  return { kind: name, perSecond, p50Ms, p99Ms, cpuUs, storeCpuUs };
}

function report(rounds: readonly (readonly Measured[])[]): string {
  const rows = KINDS.flatMap((kind) =>
    CONTENDERS.map((contender) => {
      const all = rounds.map((round) => found(round, kind.name, contender.name));
      const ratios = rounds.map(
        (round, index) =>
          (all[index]?.perSecond ?? NaN) / found(round, kind.name, "envoyproxy/ratelimit").perSecond,
      );
      const of = (read: (one: Measured) => number): number => median(all.map(read));
      return [
        `${kind.name}: ${contender.name}`,
        Math.round(of(({ perSecond }) => perSecond)).toLocaleString("en"),
        median(ratios).toFixed(2),
        of(({ cpuUs }) => cpuUs).toFixed(1),
        of(({ storeCpuUs }) => storeCpuUs).toFixed(1),
        of(({ p50Ms }) => p50Ms).toFixed(1),
        of(({ p99Ms }) => p99Ms).toFixed(1),
      ];
    }),
  );
  const head = [
    "",
    "requests/s",
    "of envoyproxy/ratelimit",
    "CPU µs a request",
    "Redis CPU µs",
    "p50 ms",
    "p99 ms",
  ];
  return table(head, rows);
}

function found(round: readonly Measured[], kind: string, contender: string): Measured {
  const one = round.find((each) => each.kind === kind && each.contender === contender);
  if (one === undefined) throw new Error(`${contender} was not measured with ${kind}`);
  return one;
}
