import { join } from "node:path";
import type { Call } from "../../src/adapter/adapter.ts";
import type { Host } from "../../src/adapter/host.ts";
import type { Delivery, ReportRecord } from "../../src/adapter/report.ts";
import type { Spool, SpoolDelivery } from "../../src/adapter/spool.ts";
import { recordOf } from "./analytics-record.ts";
import type { ApigeeConfig } from "./config.ts";
import type { RemoteService } from "./service.ts";
import { Uploader, type Uploaded } from "./upload.ts";

export interface AnalyticsOptions {
  readonly config: ApigeeConfig;
  readonly host: Host;
  readonly service: RemoteService;
}

const SEGMENT_BYTES = 8 * 1_048_576;
/** Of those that wait where the disk is full, so that few records go at a time. */
const LEAST_FILES = 8;
const DELIVER_TIMEOUT_MS = 60_000;
/** What was taken last is uploaded before the process ends, if that is quick; else it waits on disk. */
const CLOSING_MS = 200;

/** Analytics records that wait on disk until they are uploaded. */
export class AnalyticsSpool {
  readonly #options: AnalyticsOptions;
  readonly #uploader: Uploader | undefined;
  readonly #countNone: (by: number, why: string) => void;
  #spool: Spool | undefined;
  #failure: string | undefined;

  constructor(options: AnalyticsOptions) {
    const { analytics } = options.config;
    this.#options = options;
    this.#uploader = analytics && new Uploader(analytics, options);
    this.#countNone = options.host.metrics.counter(NONE);
  }

  /** Why nothing is uploaded at present. */
  get failure(): string | undefined {
    return this.#failure && `analytics wait on disk: ${this.#failure}`;
  }

  /** Rejects with a sentence where its folder or its credentials cannot be used. */
  async start(): Promise<void> {
    const { config, host } = this.#options;
    if (config.analytics === undefined || this.#uploader === undefined || this.#spool !== undefined) return;
    await this.#uploader.start();
    this.#spool = await host.openSpool({
      folder: join(config.folder, "analytics"),
      maxBytes: config.analytics.maxBytes,
      // What counts is what happens now.
      whenFull: "drop oldest",
      segmentBytes: Math.min(SEGMENT_BYTES, Math.floor(config.analytics.maxBytes / LEAST_FILES)),
      sealAfterMs: config.analytics.uploadMs,
      deliverTimeoutMs: DELIVER_TIMEOUT_MS,
      deliver: (batch, call) => this.#deliver(batch, call),
    });
  }

  take(batch: readonly ReportRecord[]): Delivery {
    const { config, host } = this.#options;
    let dropped = 0;
    for (const entry of batch) {
      if (entry.kind !== "fields") continue;
      const made = recordOf(entry, config.organization, host.nowMs());
      if (made.kind === "none") this.#countNone(1, made.why);
      else if (this.#spool?.append(Buffer.from(JSON.stringify(made.record))) !== true) dropped++;
    }
    if (dropped === 0) return { kind: "delivered" };
    return {
      kind: "refused",
      dropped,
      reason: this.#spool ? "there is no room on disk" : "no analytics are made",
    };
  }

  async close(): Promise<void> {
    await this.#spool?.close(this.#options.host.nowMs() + CLOSING_MS);
  }

  /** One file an environment; those that did not arrive are uploaded again, as the same files. */
  async #deliver(batch: readonly Buffer[], call: Call): Promise<SpoolDelivery> {
    const retry: Buffer[] = [];
    let dropped = 0;
    let failed: Exclude<Uploaded, { kind: "uploaded" }> | undefined;
    for (const [environment, records] of byEnvironment(batch)) {
      const uploaded = await this.#upload(environment, records, call);
      if (uploaded.kind === "uploaded") continue;
      failed = uploaded;
      if (uploaded.kind === "retry") retry.push(...records);
      else dropped += records.length;
    }
    this.#failure = failed?.reason;
    if (failed === undefined) return { kind: "delivered" };
    if (retry.length === batch.length) return { kind: "retry", reason: failed.reason };
    return { kind: "partly", retry, unknown: [], dropped, reason: failed.reason };
  }

  async #upload(environment: string, records: readonly Buffer[], call: Call): Promise<Uploaded> {
    if (this.#uploader === undefined || environment === "")
      return { kind: "refused", reason: "what is on disk are no records" };
    return this.#uploader.upload(environment, records, call);
  }
}

function byEnvironment(batch: readonly Buffer[]): ReadonlyMap<string, readonly Buffer[]> {
  const groups = new Map<string, Buffer[]>();
  for (const record of batch) {
    const name = environmentOf(record);
    const group = groups.get(name) ?? [];
    groups.set(name, group);
    group.push(record);
  }
  return groups;
}

function environmentOf(record: Buffer): string {
  try {
    const { environment } = JSON.parse(record.toString("utf8")) as { readonly environment?: unknown };
    return typeof environment === "string" ? environment : "";
  } catch {
    return "";
  }
}

const NONE = {
  name: "entries_without_record_total",
  help: "Access-log entries of which no analytics record was made, by why: unchecked, unfinished, invalid",
  labels: ["reason"],
};
