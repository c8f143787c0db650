import type { Host, Stop } from "../../src/adapter/host.ts";
import type { Spool } from "../../src/adapter/spool.ts";
import type { Application } from "./application.ts";
import type { Account, Applications } from "./applications.ts";
import type { Backend } from "./backend.ts";
import type { ThreescaleConfig } from "./config.ts";
import { Reporter, type Fate } from "./reporter.ts";
import { writeRecord, type ReportRecord } from "./report-record.ts";
import type { Waiting } from "./reports.ts";
import type { Service } from "./services.ts";
import { addUsage, type Usage } from "./usage.ts";

export interface LedgerOptions {
  readonly config: ThreescaleConfig;
  readonly host: Host;
  readonly backend: Backend;
  readonly applications: Applications;
  readonly serviceOf: (id: string) => Service | undefined;
}

/** What was counted is on its way to disk after so long: what a killed process can lose. */
const COLLECT_MS = 250;
const MINUTE_MS = 60_000;
const SEGMENT_BYTES = 256 * 1_024;
const DELIVER_TIMEOUT_MS = 60_000;
const CLOSE_PATIENCE_MS = 3_000;

/** What applications use, from the request that counts to the report that has arrived. */
export class Ledger {
  readonly #options: LedgerOptions;
  readonly #reporter: Reporter;
  readonly #count: (by: number, state: "counted" | Fate) => void;
  #pending = new Map<Application, Pending>();
  #spool: Spool | undefined;
  #stop: Stop | undefined;

  constructor(options: LedgerOptions) {
    this.#options = options;
    const { host, backend, serviceOf, applications } = options;
    this.#count = host.metrics.counter(USAGE);
    this.#reporter = new Reporter({
      host,
      backend,
      serviceOf,
      isGone: ({ record: { service, by, value } }) => applications.isGone(service, { name: by, value }),
      onFate: (waiting, fate) => this.#settle(waiting, fate),
    });
  }

  /** Why reports do not arrive now. */
  get failure(): string | undefined {
    return this.#reporter.failure;
  }

  async start(): Promise<void> {
    if (this.#spool !== undefined) return;
    const { config, host } = this.#options;
    this.#spool = await host.openSpool({
      folder: `${config.folder}/reports`,
      maxBytes: config.reports.maxBytes,
      segmentBytes: SEGMENT_BYTES,
      sealAfterMs: config.reports.flushMs,
      deliverTimeoutMs: DELIVER_TIMEOUT_MS,
      deliver: (batch, call) => this.#reporter.deliver(batch, call),
    });
    this.#stop = host.repeat(Math.min(COLLECT_MS, config.reports.flushMs), () => {
      this.#collect();
      return Promise.resolve();
    });
  }

  /** Counts usage that is to be reported. What has a status is told apart, request by request; other usage is added up first. */
  count(account: Account, usage: Usage, code?: string): void {
    const { application } = account;
    const minuteMs = Math.floor(this.#options.host.nowMs() / MINUTE_MS) * MINUTE_MS;
    application.owe(usage, minuteMs);
    this.#count(sumOf(usage), "counted");
    if (code === undefined) this.#add(account, usage, minuteMs);
    else this.#keep(application, { ...account, minuteMs, usage, code });
  }

  #add({ service, credential, application }: Account, usage: Usage, minuteMs: number): void {
    const pending = this.#pending.get(application) ?? {
      service,
      credential,
      minutes: new Map<number, Map<string, number>>(),
    };
    this.#pending.set(application, pending);
    const known = pending.minutes.get(minuteMs) ?? new Map<string, number>();
    pending.minutes.set(minuteMs, known);
    addUsage(known, usage);
  }

  async close(): Promise<void> {
    this.#stop?.();
    this.#collect();
    const spool = this.#spool;
    this.#spool = undefined;
    await spool?.close(this.#options.host.nowMs() + CLOSE_PATIENCE_MS);
  }

  /** Hands what was counted to the disk. */
  #collect(): void {
    const pending = this.#pending;
    if (pending.size === 0) return;
    this.#pending = new Map();
    for (const [application, { service, credential, minutes }] of pending) {
      for (const [minuteMs, usage] of minutes)
        this.#keep(application, { service, credential, minuteMs, usage, code: undefined });
    }
  }

  #keep(application: Application, { service, credential, minuteMs, usage, code }: Counted): void {
    const { run } = this.#options.applications;
    const by = { by: credential.name, value: credential.value };
    const record: ReportRecord = { run, service, ...by, minuteMs, usage, code };
    if (this.#spool?.append(writeRecord(record)) === true) return;
    application.settle(usage, minuteMs);
    this.#count(sumOf(usage), "lost");
  }

  #settle({ record }: Waiting, fate: Fate): void {
    this.#count(sumOf(record.usage), fate);
    const { applications } = this.#options;
    if (record.run !== applications.run) return;
    const name = { name: record.by, value: record.value };
    applications.find(record.service, name)?.settle(record.usage, record.minuteMs);
  }
}

type Counted = Pick<Account, "service" | "credential"> & Pick<ReportRecord, "minuteMs" | "usage" | "code">;

interface Pending {
  readonly service: string;
  readonly credential: Account["credential"];
  /** By the minute, in epoch milliseconds. */
  readonly minutes: Map<number, Map<string, number>>;
}

const USAGE = {
  name: "usage_total",
  help: "Usage by what became of it: counted, and of that delivered to 3scale, lost, or unknown",
  labels: ["state"],
};

function sumOf(usage: Usage): number {
  let sum = 0;
  for (const amount of usage.values()) sum += amount;
  return sum;
}
