import { setImmediate as nextTurn } from "node:timers/promises";
import { prometheus } from "../../adapters/prometheus/adapter.ts";
import type { Handler } from "../../src/adapter/adapter.ts";
import type { Measurement, ScrapeRequest } from "../../src/adapter/report.ts";
import { createTestHost } from "../adapters/host.ts";
import { HTTP, httpLabels, measured } from "../adapters/prometheus/families.ts";
import { provenance, table } from "./report.ts";

/**
 * Measures the prometheus handler: records a second, memory, and what a scrape does to the event loop. Run it with --expose-gc.
 *
 *   node --expose-gc test/bench/report-prometheus.ts
 */

const RECORDS = 1_000_000;
const BATCH = 512;
/** What a page of 50 MB has. */
const PAGE_SETS = 800;
const CALL = { deadlineAtMs: Infinity, signal: new AbortController().signal };
const TRACE = { traceId: "4bf92f3577b34da6a3ce929d0e0e4736", spanId: "00f067aa0ba902b7" };

async function main(): Promise<void> {
  const memory = bytesPerSet();
  const rows: (readonly [string, string])[] = [
    [
      "records a second of processor time, label sets known by their array",
      thousands(recordsPerSecond("array")),
    ],
    ["… with traces, kept as exemplars", thousands(recordsPerSecond("trace"))],
    ["… with an array of its own each, compared by content", thousands(recordsPerSecond("content"))],
    ["… with a label that a rule adds", thousands(recordsPerSecond("added"))],
    ["… beyond the limit, into the overflow", thousands(recordsPerSecond("overflow"))],
    ["bytes a label set of 25 labels, 3 counters, 3 histograms of 20 buckets", memory.toFixed(0)],
  ];
  for (const acceptEncoding of ["", "gzip"]) {
    const { bytes, sent, ms, busyMs, longest, counted } = await scrape({ accept: "", acceptEncoding });
    const what = acceptEncoding === "" ? "as it is" : "gzip";
    rows.push(
      [`page of ${(bytes / 1e6).toFixed(1)} MB, ${what}: bytes sent`, thousands(sent)],
      [`… until it is written, records coming in (ms)`, ms.toFixed(0)],
      [`… time of the event loop that it takes (ms)`, busyMs.toFixed(0)],
      [
        `… longest turn of the event loop (ms; by processor time)`,
        `${longest.ms.toFixed(1)}; ${longest.cpuMs.toFixed(1)}`,
      ],
      [`… records counted meanwhile`, thousands(counted)],
    );
  }
  console.log(
    `${provenance("node --expose-gc test/bench/report-prometheus.ts")}\n\n${table(["prometheus", ""], rows)}`,
  );
}

const thousands = (number: number): string => Math.round(number).toLocaleString("en");

type Way = "array" | "trace" | "content" | "added" | "overflow";

function recordsPerSecond(way: Way): number {
  const config = {
    maxSeries: way === "overflow" ? 100 : 20_000,
    ...(way === "added" ? { labels: ["team"] } : {}),
  };
  const handler = prometheus.create(config, createTestHost());
  const known = Array.from({ length: 1_000 }, (_, index) => httpLabels(index));
  const batches = Array.from({ length: 40 }, (_, batch) =>
    Array.from({ length: BATCH }, (_, index) => recordOf(way, known, batch * BATCH + index)),
  );
  const run = (): number => {
    const beganMs = cpuMs();
    for (let at = 0, done = 0; done < RECORDS; at++, done += BATCH) {
      const batch = batches[at % 40] ?? [];
      const isNew = way === "content" || way === "overflow";
      count(handler, isNew ? batch.map((record) => ({ ...record, labels: [...record.labels] })) : batch);
    }
    return (RECORDS * 1_000) / (cpuMs() - beganMs);
  };
  return Math.max(run(), run(), run());
}

function recordOf(way: Way, known: readonly (readonly string[])[], index: number): Measurement {
  return measured({
    family: HTTP,
    labels: known[(index * 7) % known.length] ?? [],
    values: [1, (index * 13) % 400, 700 + index, 1_000 + ((index * 31) % 100_000), undefined, undefined],
    ...(way === "trace" ? { trace: TRACE } : {}),
    ...(way === "added" ? { added: { team: "payments" } } : {}),
    // As a hundred thousand a second come.
    observedAtMs: 1_700_000_000_000 + index / 100,
  });
}

/** What 10,000 label sets take, as they are in a mesh of a few hundred workloads. */
function bytesPerSet(): number {
  const handler = prometheus.create({}, createTestHost());
  const sets = 10_000;
  const before = keptBytes();
  fill(handler, sets);
  return (keptBytes() - before) / sets;
}

function fill(handler: Handler, sets: number): void {
  const values = [1, 12, 700, 3_000, 1, 1];
  for (let index = 0; index < sets; index++) {
    count(handler, [measured({ family: HTTP, labels: httpLabels(index), values })]);
  }
}

function keptBytes(): number {
  if (globalThis.gc === undefined) throw new Error("run it with --expose-gc");
  globalThis.gc();
  globalThis.gc();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** One scrape of a large page, while records come in at each turn of the loop. */
async function scrape(request: ScrapeRequest): Promise<Scraped> {
  const host = createTestHost();
  const handler = prometheus.create({}, host);
  await handler.start();
  fill(handler, PAGE_SETS);
  const known = Array.from({ length: PAGE_SETS }, (_, index) => httpLabels(index));
  const batch = Array.from({ length: BATCH }, (_, index) => recordOf("array", known, index));
  await read(handler, request);
  const spentBefore = host.counted.get("scrape_seconds_total") ?? 0;
  const state = { isDone: false };
  let counted = 0;
  const others = (async () => {
    const longest = { ms: 0, cpuMs: 0 };
    while (!state.isDone) {
      const [lastMs, lastCpuMs] = [performance.now(), cpuMs()];
      await nextTurn();
      longest.ms = Math.max(longest.ms, performance.now() - lastMs);
      longest.cpuMs = Math.max(longest.cpuMs, cpuMs() - lastCpuMs);
      count(handler, batch);
      counted += BATCH;
    }
    return longest;
  })();
  const beganMs = performance.now();
  const sent = await read(handler, request);
  const ms = performance.now() - beganMs;
  state.isDone = true;
  const longest = await others;
  const busyMs = ((host.counted.get("scrape_seconds_total") ?? 0) - spentBefore) * 1_000;
  await handler.close();
  return { bytes: host.gauges.get("scrape_bytes")?.() ?? 0, sent, ms, busyMs, longest, counted };
}

interface Scraped {
  readonly bytes: number;
  readonly sent: number;
  readonly ms: number;
  readonly busyMs: number;
  /** Between two turns: of the clock, and of this thread. */
  readonly longest: { readonly ms: number; readonly cpuMs: number };
  readonly counted: number;
}

async function read(handler: Handler, request: ScrapeRequest): Promise<number> {
  let sent = 0;
  const page = handler.expose?.(request);
  if (page === undefined) throw new Error("there is no page");
  for await (const slice of page.slices) sent += slice.length;
  return sent;
}

/** It counts at once. */
function count(handler: Handler, batch: readonly Measurement[]): void {
  const delivery = handler.report?.(batch, CALL);
  if (delivery === undefined || !("kind" in delivery) || delivery.kind !== "delivered") {
    throw new Error(`not counted: ${JSON.stringify(delivery)}`);
  }
}

/** Of this thread alone: the machine may have other work. */
const cpuMs = (): number => process.threadCpuUsage().user / 1_000 + process.threadCpuUsage().system / 1_000;

await main();
