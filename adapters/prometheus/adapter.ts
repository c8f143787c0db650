import { defineAdapter, type Handler, type HandlerStatus } from "../../src/adapter/adapter.ts";
import type { Host, Stop } from "../../src/adapter/host.ts";
import type { Delivery, Exposition, ReportRecord, ScrapeRequest } from "../../src/adapter/report.ts";
import { complaintOf } from "./complaint.ts";
import { CONFIG, type PrometheusConfig } from "./config.ts";
import { Counting } from "./counting.ts";
import { expose } from "./exposition.ts";
import { Series } from "./series.ts";

/** Metrics of access-log entries, for Prometheus to scrape. */
export const prometheus = defineAdapter<PrometheusConfig>({
  id: "prometheus",
  summary: "Counts access-log entries in metrics that Prometheus scrapes: those of Istio, and your own",
  config: CONFIG,
  inputs: {
    report: {
      presets: ["istio"],
      plain: "taken",
      complaint: (config, use) => complaintOf(CONFIG.parse(config), use),
    },
  },
  outputs: {},
  create: (config, host, previous) => new PrometheusHandler(config, host, previous),
});

/** How often it is looked for what has expired: often enough that an expiry is late by a tenth at most, and by half a minute. */
const SWEEP_MS = 30_000;
const WARN_EVERY_MS = 60_000;

class PrometheusHandler implements Handler {
  readonly #config: PrometheusConfig;
  readonly #host: Host;
  readonly #series: Series;
  readonly #counting: Counting;
  readonly #countOverflow: (by: number, ...labels: readonly string[]) => void;
  readonly #countSpent: (seconds: number) => void;
  #isLive = false;
  #warnedAtMs = Number.NEGATIVE_INFINITY;
  #pageBytes = 0;
  #stop: Stop | undefined;

  constructor(config: PrometheusConfig, host: Host, previous: Handler | undefined) {
    this.#config = config;
    this.#host = host;
    const before = previous instanceof PrometheusHandler ? previous.#series : undefined;
    this.#series = new Series(config, before);
    this.#counting = new Counting(config, this.#series);
    this.#countOverflow = host.metrics.counter({
      name: "overflow_total",
      help: "Records without a place of their own among the series, by family and the label that has most values.",
      labels: ["family", "label"],
    });
    this.#countSpent = host.metrics.counter({
      name: "scrape_seconds_total",
      help: "Time of the event loop spent on writing pages.",
    });
  }

  start(): Promise<void> {
    if (this.#stop !== undefined) return Promise.resolve();
    const { metrics, nowMs } = this.#host;
    const { maxSeries, expireAfterMs } = this.#config;
    metrics.gauge({ name: "series", help: "Label sets that are kept." }, () => this.#series.size);
    metrics.gauge({ name: "series_limit", help: "Label sets that may be kept." }, () => maxSeries);
    metrics.gauge(
      { name: "scrape_bytes", help: "Length of the last page before it was compressed." },
      () => this.#pageBytes,
    );
    const countExpired = metrics.counter({
      name: "expired_total",
      help: "Label sets that were forgotten since nothing was counted in them.",
    });
    this.#stop = this.#host.repeat(Math.min(SWEEP_MS, expireAfterMs / 10), async () => {
      const forgotten = await this.#series.expire(nowMs(), expireAfterMs);
      if (forgotten > 0) countExpired(forgotten);
    });
    return Promise.resolve();
  }

  report(batch: readonly ReportRecord[]): Delivery {
    this.#begin();
    const delivery = this.#counting.count(batch, this.#host.nowMs());
    this.#tellOverflow();
    return delivery;
  }

  expose(request: ScrapeRequest): Exposition {
    this.#begin();
    return expose(request, {
      metrics: () => this.#series.shown(this.#config.prefix),
      begin: () => this.#series.beginPage(),
      spent: (ms) => this.#countSpent(ms / 1_000),
      written: (bytes) => (this.#pageBytes = bytes),
    });
  }

  /** The handler before this one is done once this one is asked for anything: what only it had can go. */
  #begin(): void {
    if (this.#isLive) return;
    this.#isLive = true;
    this.#series.keepOwn();
  }

  #tellOverflow(): void {
    const nowMs = this.#host.nowMs();
    for (const [table, records] of this.#series.takeOverflowed()) {
      const { label, values } = table.sets.widest();
      const family = table.shape.family.id;
      this.#countOverflow(records, family, label);
      if (Math.abs(nowMs - this.#warnedAtMs) < WARN_EVERY_MS) continue;
      this.#warnedAtMs = nowMs;
      this.#host.log.warn(
        { family, label, values, maxSeries: this.#config.maxSeries },
        "no more series: new label sets are counted together until others expire",
      );
    }
  }

  status(): HandlerStatus {
    const count = `${this.#series.size} of ${this.#config.maxSeries} label sets`;
    if (!this.#series.isFull) return { state: "ready", detail: count };
    const widest = this.#series.widest();
    const blame =
      widest === undefined ? "" : `; most values has ${widest.label} of ${widest.family} (${widest.values})`;
    return { state: "stale", detail: `${count}: new ones are counted together as __overflow__${blame}` };
  }

  close(): Promise<void> {
    this.#stop?.();
    return Promise.resolve();
  }
}
