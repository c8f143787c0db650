import { defineAdapter, type Call, type Handler, type HandlerStatus } from "../../src/adapter/adapter.ts";
import type { Host } from "../../src/adapter/host.ts";
import type { Delivery, Preset, ReportInputs, ReportRecord } from "../../src/adapter/report.ts";
import { CONFIG, type OtlpConfig, type Signal } from "./config.ts";
import { encode } from "./encode.ts";
import { send } from "./send.ts";

/** What a rule's records become. */
const SIGNAL_OF: Readonly<Record<Preset, Signal>> = {
  istio: "metrics",
  "access-log": "logs",
  trace: "traces",
};

const SIGNAL_OF_RECORD: Readonly<Record<ReportRecord["kind"], Signal>> = {
  measurement: "metrics",
  fields: "logs",
  exchange: "traces",
};

const REPORT: ReportInputs = {
  presets: ["istio", "access-log", "trace"],
  plain: "taken",
  complaint: (config, { preset }) => {
    const signal = preset === undefined ? "logs" : SIGNAL_OF[preset];
    const { urls } = CONFIG.parse(config);
    return urls[signal] === undefined
      ? `this handler has no address for ${signal}: write ${signal}: https://…, or url for all of them`
      : undefined;
  },
};

/** Sends entries as logs, spans and metrics of OpenTelemetry. */
export const otlp = defineAdapter<OtlpConfig>({
  id: "otlp",
  summary:
    "Sends entries to OpenTelemetry's collectors and back-ends: as logs, spans and metrics, over OTLP/HTTP",
  config: CONFIG,
  inputs: { report: REPORT },
  outputs: {},
  create: (config, host) => new OtlpHandler(config, host),
});

/** Signals of one batch that have arrived already, when others of it have to be tried again. */
interface Progress {
  /** Whoever sends a batch again, sends the same records. */
  readonly first: ReportRecord | undefined;
  readonly arrived: Set<Signal>;
  readonly toMs: number;
  dropped: number;
  reason: string;
}

class OtlpHandler implements Handler {
  readonly #config: OtlpConfig;
  readonly #host: Host;
  readonly #closing = new AbortController();
  #progress: Progress | undefined;
  #periodFromMs: number | undefined;
  #records = 0;
  #failure = "";

  constructor(config: OtlpConfig, host: Host) {
    this.#config = config;
    this.#host = host;
  }

  async start(): Promise<void> {
    this.#periodFromMs ??= this.#host.nowMs();
    for (const source of this.#config.headers.values()) await this.#host.secret(source);
  }

  async report(batch: readonly ReportRecord[], call: Call): Promise<Delivery> {
    const progress = this.#begin(batch);
    const toMs = progress.toMs;
    const period = { fromMs: Math.min(this.#periodFromMs ?? toMs, toMs), toMs };
    const bounded = { ...call, signal: AbortSignal.any([call.signal, this.#closing.signal]) };
    for (const [signal, encoded] of encode(batch, { config: this.#config, period })) {
      if (progress.arrived.has(signal)) continue;
      const delivery = await send(encoded, { config: this.#config, host: this.#host }, bounded);
      if (delivery.kind === "retry") return this.#seen(delivery);
      progress.arrived.add(signal);
      if (delivery.kind === "refused") {
        progress.dropped += delivery.dropped;
        progress.reason = delivery.reason;
      }
    }
    this.#progress = undefined;
    this.#periodFromMs = toMs;
    this.#records += batch.length - progress.dropped;
    const { dropped, reason } = progress;
    return this.#seen(dropped === 0 ? { kind: "delivered" } : { kind: "refused", dropped, reason });
  }

  #begin(batch: readonly ReportRecord[]): Progress {
    const [first] = batch;
    if (this.#progress === undefined || this.#progress.first !== first) {
      const toMs = this.#host.nowMs();
      this.#progress = { first, arrived: new Set(), toMs, ...this.#withoutAddress(batch) };
    }
    return this.#progress;
  }

  /** Rules for such are refused when files are loaded. */
  #withoutAddress(batch: readonly ReportRecord[]): Pick<Progress, "dropped" | "reason"> {
    const signals = batch.map(({ kind }) => SIGNAL_OF_RECORD[kind]);
    const missing = signals.filter((signal) => this.#config.urls[signal] === undefined);
    const [first] = missing;
    return { dropped: missing.length, reason: first === undefined ? "" : `there is no address for ${first}` };
  }

  #seen(delivery: Delivery): Delivery {
    this.#failure = delivery.kind === "delivered" ? "" : delivery.reason;
    return delivery;
  }

  status(): HandlerStatus {
    const sent = `${this.#records} records sent`;
    if (this.#failure === "") return { state: "ready", detail: sent };
    return { state: "failing", detail: `${sent}; ${this.#failure.replace(/\s+/g, " ")}` };
  }

  close(): Promise<void> {
    this.#closing.abort();
    return Promise.resolve();
  }
}
