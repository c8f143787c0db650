import { defineAdapter, type Call, type Handler, type HandlerStatus } from "../../src/adapter/adapter.ts";
import type { Host } from "../../src/adapter/host.ts";
import type { Delivery, ReportRecord } from "../../src/adapter/report.ts";
import { CONFIG, type ZipkinConfig } from "./config.ts";
import { send, type Item } from "./send.ts";
import { spansOf, type Made } from "./spans.ts";

/** Makes spans of access-log entries and sends them to Zipkin. */
export const zipkin = defineAdapter<ZipkinConfig>({
  id: "zipkin",
  summary:
    "Makes spans of what proxies log and sends them to Zipkin, so that its dependency graph has every edge",
  config: CONFIG,
  inputs: { report: { presets: ["trace"], plain: "refused" } },
  outputs: {},
  create: (config, host) => new ZipkinHandler(config, host),
});

type Reason = Extract<Made, { kind: "none" }>["reason"];

class ZipkinHandler implements Handler {
  readonly #config: ZipkinConfig;
  readonly #host: Host;
  readonly #closing = new AbortController();
  readonly #countSpans: (by: number) => void;
  readonly #countWithout: (by: number, reason: Reason) => void;
  #sentSpans = 0;
  #failure: string | undefined;

  constructor(config: ZipkinConfig, host: Host) {
    this.#config = config;
    this.#host = host;
    const { counter } = host.metrics;
    this.#countSpans = counter({ name: "spans_total", help: "Spans that Zipkin has taken" });
    this.#countWithout = counter({
      name: "exchanges_without_span_total",
      help: "Requests and connections of which no span was made: not sampled, or in mode correlate",
      labels: ["reason"],
    });
  }

  async start(): Promise<void> {
    for (const source of this.#config.headers.values()) await this.#host.secret(source);
  }

  async report(batch: readonly ReportRecord[], call: Call): Promise<Delivery> {
    const items: Item[] = [];
    const without = new Map<Reason, number>();
    for (const record of batch) {
      if (record.kind !== "exchange") continue;
      const made = spansOf(record, this.#config);
      if (made.kind === "spans") items.push(itemOf(made));
      else without.set(made.reason, (without.get(made.reason) ?? 0) + 1);
    }
    const delivery = await send(items, {
      config: this.#config,
      host: this.#host,
      call: { ...call, signal: AbortSignal.any([call.signal, this.#closing.signal]) },
      taken: (spans) => this.#taken(spans),
    });
    this.#failure = whyNothingArrived(delivery, items.length);
    // What is tried again is counted when it is done.
    if (delivery.kind !== "retry") for (const [reason, by] of without) this.#countWithout(by, reason);
    return delivery;
  }

  #taken(spans: number): void {
    this.#sentSpans += spans;
    this.#countSpans(spans);
  }

  status(): HandlerStatus {
    const sent = `${this.#sentSpans} spans sent`;
    if (this.#failure === undefined) return { state: "ready", detail: sent };
    return { state: "failing", detail: `${sent}, now none: ${this.#failure}` };
  }

  close(): Promise<void> {
    this.#closing.abort();
    return Promise.resolve();
  }
}

function whyNothingArrived(delivery: Delivery, count: number): string | undefined {
  switch (delivery.kind) {
    case "delivered":
      return undefined;
    case "refused":
      return delivery.dropped < count ? undefined : delivery.reason;
    case "retry":
      return delivery.reason;
  }
}

const itemOf = ({ spans }: Extract<Made, { kind: "spans" }>): Item => ({
  json: spans.map((span) => JSON.stringify(span)).join(","),
  spans: spans.length,
});
