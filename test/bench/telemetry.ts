import { parseArgs } from "node:util";
import { until } from "../support/until.ts";
import { runEntriesLoad, type EntriesLoad, type EntriesSeen } from "./entries-load.ts";
import { medianTurn, sumOf, turnText, withWeir, type Probed, type Turn } from "./probed.ts";
import { median, provenance, table, writeSection } from "./report.ts";
import { checksBeside } from "./telemetry-checks.ts";

const usage = `usage: node test/bench/telemetry.ts [--rounds 3] [--entries 1000000] [--write]

Replays streams of access logs into one weir: entries a second with no handler, with one and with three, what label sets take in
memory, a page of metrics that is fetched while entries arrive, and how long checks take meanwhile.
--write puts the tables into docs/performance.md.`;

const weirFile = (handlers: string): string => `weir: 1
listen:
  grpc: { address: 127.0.0.1:0 }
  metrics: { address: 127.0.0.1:0 }
mesh: { trustDomains: [cluster.local] }
handlers:
${handlers}`;

const policyFile = (rules: string): string => `weir: 1
policy: mesh
match: everything
telemetry:
${rules}`;

const METRICS = `  prometheus:
    adapter: prometheus
    config: { names: istio, maxSeries: 50000 }
    queue: { capacity: 100000 }
`;
const TO_METRICS = `  - id: mesh
    to: prometheus
    preset: istio
`;

interface Variant {
  readonly name: string;
  readonly files: Readonly<Record<string, string>>;
  readonly load: Omit<EntriesLoad, "address" | "entries">;
}

const DEFAULT = { streams: 4, entriesPerMessage: 100, labelSets: 1_000, perSecond: 0 };

const MESH = { "weir.yaml": weirFile(METRICS), "mesh.yaml": policyFile(TO_METRICS) };

const variants: readonly Variant[] = [
  {
    name: "counted, wanted by no rule",
    files: {
      "weir.yaml": weirFile(METRICS),
      "mesh.yaml": policyFile(`  - id: never
    when: "false"
    to: prometheus
    preset: istio
`),
    },
    load: DEFAULT,
  },
  { name: "metrics of Istio", files: MESH, load: DEFAULT },
  {
    name: "the same, 16 entries a message",
    files: MESH,
    load: { ...DEFAULT, entriesPerMessage: 16 },
  },
  {
    name: "metrics, 1 % of lines to a file, 1 % of spans",
    files: {
      "weir.yaml": weirFile(`${METRICS}  lines: { adapter: file, config: { file: lines.log } }
  zipkin: { adapter: zipkin, config: { url: "http://127.0.0.1:9/api/v2/spans" } }
`),
      "mesh.yaml": policyFile(`${TO_METRICS}  - id: lines
    to: lines
    preset: access-log
    sample: 1%
  - id: spans
    to: zipkin
    preset: trace
    sample: 1%
`),
    },
    load: DEFAULT,
  },
];

interface Measured extends EntriesSeen {
  readonly perSecond: number;
  readonly cpuUs: number;
  readonly longestTurn: Turn;
  readonly memoryMiB: number;
}

/** One load, and what it cost; every entry must have been counted, and every record delivered. */
async function measure(weir: Probed, load: EntriesLoad): Promise<Measured> {
  const before = await weir.series();
  await weir.longestTurn();
  const seen = await runEntriesLoad(load);
  const received = (series: ReadonlyMap<string, number>): number =>
    sumOf(series, "weir_report_received_total") - sumOf(before, "weir_report_received_total");
  const after = await until(
    async () => {
      const series = await weir.series();
      return received(series) === seen.entries &&
        sumOf(series, 'weir_report_queued_records{handler="prometheus"') === 0
        ? series
        : undefined;
    },
    { timeoutMs: 60_000, what: "all entries to be counted" },
  );
  const dropped = sumOf(after, 'weir_report_dropped_total{handler="prometheus"');
  if (dropped > 0) throw new Error(`${dropped} records were dropped`);
  const cpu = (series: ReadonlyMap<string, number>): number => series.get("process_cpu_seconds_total") ?? 0;
  return {
    ...seen,
    perSecond: seen.entries / seen.seconds,
    cpuUs: ((cpu(after) - cpu(before)) / seen.entries) * 1e6,
    longestTurn: await weir.longestTurn(),
    memoryMiB: (after.get("process_resident_memory_bytes") ?? 0) / 2 ** 20,
  };
}

async function rates(rounds: number, entries: number): Promise<string> {
  const measured = new Map<string, Measured[]>(variants.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const { name, files, load } of variants) {
      const one = await withWeir(files, async (weir) => {
        await measure(weir, { ...load, address: weir.address, entries: Math.ceil(entries / 5) });
        return measure(weir, { ...load, address: weir.address, entries });
      });
      console.error(`${name}: ${Math.round(one.perSecond).toLocaleString("en")} entries/s`);
      measured.get(name)?.push(one);
    }
  }
  const rows = Array.from(measured, ([name, all]) => {
    const of = (pick: (one: Measured) => number): number => median(all.map(pick));
    return [
      name,
      Math.round(of(({ bytes }) => bytes)).toLocaleString("en"),
      Math.round(of(({ perSecond }) => perSecond)).toLocaleString("en"),
      of(({ cpuUs }) => cpuUs).toFixed(1),
      turnText(medianTurn(all.map(({ longestTurn }) => longestTurn))),
      Math.round(of(({ memoryMiB }) => memoryMiB)).toLocaleString("en"),
    ];
  });
  return table(
    ["", "bytes an entry", "entries/s", "CPU µs an entry", "longest turn ms (CPU)", "memory MiB"],
    rows,
  );
}

interface Scrape {
  readonly bytes: number;
  readonly seconds: number;
  readonly encoding: "none" | "gzip";
}

/** As many label sets as make a page of 50 MB and more, fetched while entries arrive at a steady pace. */
async function scrapes(): Promise<string> {
  const load = { ...DEFAULT, labelSets: 1_000 };
  return withWeir(MESH, async (weir) => {
    const empty = (await weir.series()).get("process_resident_memory_bytes") ?? 0;
    await measure(weir, { ...load, address: weir.address, entries: 10_000, labelSets: 1_000 });
    const rows: string[][] = [];
    for (const encoding of ["none", "gzip"] as const) {
      const steady = measure(weir, { ...load, address: weir.address, entries: 200_000, perSecond: 20_000 });
      await begun(weir);
      await weir.longestTurn();
      const one = await scrape(weir, encoding);
      const longestTurn = await weir.longestTurn();
      await steady;
      rows.push([
        encoding === "gzip" ? "gzip" : "plain",
        (one.bytes / 1e6).toFixed(1),
        one.seconds.toFixed(2),
        turnText(longestTurn),
      ]);
    }
    const full = (await weir.series()).get("process_resident_memory_bytes") ?? 0;
    const sets = (await weir.series()).get('weir_prometheus_series{handler="prometheus"}') ?? Number.NaN;
    const lines = `${sets.toLocaleString("en")} label sets; the process grew by ${((full - empty) / 2 ** 20).toFixed(0)} MiB.`;
    return `${table(["a page of metrics, 20,000 entries/s meanwhile", "MB", "seconds", "longest turn ms (CPU)"], rows)}\n\n${lines}`;
  });
}

/** Resolves when entries arrive. */
async function begun({ series }: Probed): Promise<void> {
  const received = async (): Promise<number> => sumOf(await series(), "weir_report_received_total");
  const before = await received();
  await until(async () => (await received()) > before, { timeoutMs: 30_000, what: "entries to arrive" });
}

async function scrape({ metricsAddress }: Probed, encoding: Scrape["encoding"]): Promise<Scrape> {
  const startedAtMs = performance.now();
  const answer = await fetch(`http://${metricsAddress}/metrics/prometheus`, {
    headers: { "accept-encoding": encoding === "gzip" ? "gzip" : "identity" },
  });
  const body = await answer.arrayBuffer();
  return { bytes: body.byteLength, seconds: (performance.now() - startedAtMs) / 1_000, encoding };
}

async function run(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string", default: "3" },
      entries: { type: "string", default: "1000000" },
      write: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return;
  }
  const [rounds, entries] = [Number(values.rounds), Number(values.entries)];
  const text = `${provenance("npm run bench:report -- --write")} Medians of ${rounds} rounds of ${entries.toLocaleString("en")} entries.

${await rates(rounds, entries)}

${await scrapes()}

${await checksBeside(MESH, { ...DEFAULT, rounds })}`;
  console.log(text);
  if (values.write) await writeSection("report", text);
}

await run();
