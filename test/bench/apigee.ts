import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { apigee as adapter } from "../../adapters/apigee/adapter.ts";
import type { Handler } from "../../src/adapter/adapter.ts";
import type { FieldRecord } from "../../src/adapter/report.ts";
import { createOutbound } from "../../src/host/fetch.ts";
import { createHost } from "../../src/host/host.ts";
import { OneCall } from "../../src/host/one-call.ts";
import { fieldRecord } from "../adapters/records.ts";
import { startApigee, type Apigee } from "../support/apigee.ts";
import { until } from "../support/until.ts";
import { BATCHES, heapBytes, inParallel, repeated, timed } from "./batches.ts";
import { median } from "./report.ts";

const KEYS = 5_000;
const HITS_A_BATCH = 20_000;
const MISSES_A_BATCH = 50;
const RECORDS = 100_000;
const RECORDS_A_BATCH = 1_000;
const MAX_MEBIBYTES = 16;
const MEBIBYTE = 1_048_576;
const PRODUCT = {
  name: "orders",
  environments: ["prod"],
  attributes: [{ name: "apigee-remote-service-targets", value: "orders.example.com" }],
  apiResources: ["/orders/**"],
  quota: "1000000",
  quotaInterval: "1",
  quotaTimeUnit: "day",
};

/** What the adapter `apigee` costs: a check with a key and a counter that are known, one without, and records that wait on disk. */
export async function apigeeRows(): Promise<readonly (readonly [string, string])[]> {
  await using open = new AsyncDisposableStack();
  const apigee = open.adopt(await startApigee(), (one) => one.stop());
  apigee.products = [PRODUCT];
  for (let index = 0; index < KEYS + BATCHES * MISSES_A_BATCH; index++)
    apigee.keys.set(`key-${index}`, claims(index));
  const bench = new Bench(apigee, open);
  const handler = await bench.start();
  const before = await heapBytes();
  await inParallel(KEYS, (index) => check(handler, index));
  apigee.quotasAsked.length = 0;
  const known = ((await heapBytes()) - before) / KEYS;
  const hit = median(
    await repeated(() => timed(HITS_A_BATCH, (index) => check(handler, (index * 7_919) % KEYS))),
  );
  let next = KEYS;
  const miss = median(await repeated(() => timed(MISSES_A_BATCH, () => check(handler, next++))));
  return [
    [`known key, known counter, one of ${KEYS.toLocaleString("en")}: µs`, hit.toFixed(1)],
    ["neither known, one after the other, over loopback: µs", miss.toFixed(0)],
    ["memory for a key and its counter: KiB", (known / 1_024).toFixed(1)],
    ...(await bench.records(handler)),
  ];
}

const claims = (index: number): object => ({
  api_product_list: ["orders"],
  application_name: `application-${index}`,
  developer_email: "developer@example.com",
});

class Bench {
  readonly #apigee: Apigee;
  readonly #open: AsyncDisposableStack;
  readonly #counts = new Map<string, number>();
  readonly #gauges = new Map<string, () => number>();
  #folder = "";

  constructor(apigee: Apigee, open: AsyncDisposableStack) {
    this.#apigee = apigee;
    this.#open = open;
  }

  async start(): Promise<Handler> {
    this.#folder = this.#open.adopt(await mkdtemp(join(tmpdir(), "weir-bench-")), (path) =>
      rm(path, { recursive: true }),
    );
    const log = { info: () => undefined, warn: () => undefined };
    const settings = { allowPrivate: ["127.0.0.1"] };
    const { fetch } = this.#open.adopt(createOutbound({ settings, log }), (one) => one.close());
    const host = createHost({
      ...{ log, fetch, folder: this.#folder },
      nowMs: Date.now,
      secret: (source) => Promise.resolve("env" in source && source.env === "KEY" ? "k" : "s"),
      metrics: {
        counter:
          ({ name }) =>
          (by, label = "") =>
            void this.#counts.set(`${name} ${label}`, this.#count(name, label) + by),
        gauge: ({ name }, read) => void this.#gauges.set(name, read),
      },
    });
    const { url } = this.#apigee;
    const config = {
      url: `${url}/remote-service`,
      organization: "acme",
      environment: "prod",
      credentials: { key: { env: "KEY" }, secret: { env: "SECRET" } },
      folder: "state",
      cache: { allowed: "15m", maxAge: "15m" },
      asksPerSecond: 10_000,
      analytics: { url, upload: "1s", maxBytes: `${MAX_MEBIBYTES}MiB` },
    };
    const handler = this.#open.adopt(adapter.create(config, host), (one) => one.close());
    await handler.start();
    await until(() => handler.status().state === "ready", { what: "the products" });
    return handler;
  }

  async records(handler: Handler): Promise<readonly (readonly [string, string])[]> {
    const call = new OneCall(Date.now() + 600_000);
    const entries = Array.from({ length: RECORDS_A_BATCH }, (_, index) => entry(index));
    const making: number[] = [];
    const heap = await heapBytes();
    const startedAtMs = performance.now();
    this.#apigee.behaviour.signedUrl = { status: 503, body: "" };
    for (let sent = 0; sent < RECORDS;) {
      const at = performance.now();
      const answer = await handler.report?.(entries, call);
      making.push(((performance.now() - at) * 1_000) / RECORDS_A_BATCH);
      sent = this.#count("spool_records_total", "taken");
      // The disk is behind.
      if (answer?.kind === "refused") await pause(5);
    }
    const seconds = (performance.now() - startedAtMs) / 1_000;
    await until(() => this.#gauge("spool_bytes") > 0, { what: "records on disk" });
    const grown = (await heapBytes()) - heap;
    const bytes = await bytesBelow(join(this.#folder, "state/analytics"));
    const waiting = this.#gauge("spool_records");
    const dropped = this.#count("spool_records_total", "dropped");
    this.#apigee.behaviour = {};
    const uploadAtMs = performance.now();
    await until(() => this.#gauge("spool_records") === 0, { what: "all to be uploaded", timeoutMs: 120_000 });
    const uploading = (performance.now() - uploadAtMs) / 1_000;
    return [
      ["a record made of an entry, and taken: µs", median(making).toFixed(1)],
      ["records written to disk and synced in a second", Math.round(RECORDS / seconds).toLocaleString("en")],
      [
        `on disk of ${RECORDS.toLocaleString("en")} while nothing is uploaded, ${MAX_MEBIBYTES} MiB allowed: MiB`,
        (bytes / MEBIBYTE).toFixed(1),
      ],
      ["records that wait there", waiting.toLocaleString("en")],
      ["oldest records dropped", dropped.toLocaleString("en")],
      ["memory meanwhile: MiB", (Math.max(0, grown) / MEBIBYTE).toFixed(1)],
      ["uploaded when Apigee is back, pauses included: s", uploading.toFixed(1)],
    ];
  }

  #count(name: string, label: string): number {
    return this.#counts.get(`${name} ${label}`) ?? 0;
  }

  #gauge(name: string): number {
    return this.#gauges.get(name)?.() ?? 0;
  }
}

function entry(index: number): FieldRecord {
  const analytics = JSON.stringify({
    environment: "prod",
    apiproxy: "orders.example.com",
    client_id: `key-${index}`,
    api_product: "orders",
    developer_app: `application-${index}`,
    developer_email: "developer@example.com",
  });
  const fields = {
    access_log_type: "DownstreamEnd",
    method: "GET",
    path: `/orders/${index}`,
    response_code: 200,
  };
  const times = ["target_sent_start", "target_sent_end", "target_received_start", "target_received_end"];
  return fieldRecord(
    {
      ...fields,
      duration: 12,
      user_agent: "curl/8.5.0",
      stream_id: `stream-${index}`,
      client_ip: "203.0.113.9",
    },
    {
      timeMs: Date.now(),
      added: new Map([["analytics", analytics], ...times.map((name) => [name, "0.0025s"] as const)]),
    },
  );
}

function check(handler: Handler, index: number): unknown {
  const input = { key: `key-${index}`, api: "orders.example.com", method: "GET", path: "/orders/7" };
  return handler.check?.(new Map(Object.entries(input)), new OneCall(Date.now() + 10_000));
}

async function bytesBelow(folder: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(folder)) {
    const file = await stat(join(folder, name));
    if (file.isFile()) bytes += file.size;
  }
  return bytes;
}
