/** What a 3scale back-end keeps, written from its contract: applications, limits, and counters that are behind what was reported. */
export interface BookService {
  readonly id: string;
  token: string;
  state: "active" | "inactive";
  /** Parents by metric; every metric is a key. */
  readonly metrics: Map<string, string | undefined>;
  readonly applications: Map<string, BookApplication>;
}

export interface BookApplication {
  /** The user key, or the application's id. */
  readonly id: string;
  keys: string[];
  state: "active" | "suspended";
  plan: string;
  limits: BookLimit[];
  /** Whence its callers may come; `*` in one is anything. Empty: from everywhere. */
  referrers: string[];
}

export interface BookLimit {
  readonly metric: string;
  readonly period: string;
  readonly max: number;
}

export interface Reported {
  readonly by: string;
  readonly value: string;
  readonly timestamp: string | undefined;
  readonly usage: ReadonlyMap<string, string>;
  /** The status of an answer. */
  readonly code?: string | undefined;
}

/** How long a listener remembers services, applications, keys and limits. Source: Apisonator, memoizer.rb. */
const MEMO_MS = 60_000;

export class Book {
  readonly services = new Map<string, BookService>();
  /** Batches that were taken with 202 and dropped whole, with why. */
  readonly droppedBatches: string[] = [];
  nowMs: () => number;
  memoMs = MEMO_MS;
  /** How often each status was told, by application. */
  readonly codes = new Map<string, number>();
  readonly #counters = new Map<string, number>();
  readonly #memo = new Map<string, { readonly atMs: number; readonly value: BookApplication | undefined }>();

  constructor(nowMs: () => number) {
    this.nowMs = nowMs;
  }

  /** As the listener knows it, which may be how it was a minute ago. */
  applicationOf(service: BookService, id: string): BookApplication | undefined {
    const key = `${service.id} ${id}`;
    const known = this.#memo.get(key);
    if (known !== undefined && this.nowMs() - known.atMs < this.memoMs) return known.value;
    const value = structuredClone(service.applications.get(id));
    this.#memo.set(key, { atMs: this.nowMs(), value });
    return value;
  }

  /** What was counted of a metric in all. */
  total(service: string, application: string, metric = "hits"): number {
    return this.#counters.get([service, application, metric, "eternity"].join(" ")) ?? 0;
  }

  /** The minutes in which anything was used of a metric. */
  minutesOf(service: string, application: string, metric = "hits"): readonly string[] {
    const prefix = [service, application, metric, "minute", ""].join(" ");
    return [...this.#counters.keys()].filter((key) => key.startsWith(prefix));
  }

  used(service: BookService, application: string, { metric, period }: BookLimit): number {
    const window = windowStart(period, this.nowMs());
    return this.#counters.get([service.id, application, metric, period, window].join(" ").trim()) ?? 0;
  }

  /** Adds usage to a metric and all above it, in every period. */
  count(
    service: BookService,
    application: string,
    usage: ReadonlyMap<string, number>,
    atMs = this.nowMs(),
  ): void {
    for (const [metric, amount] of propagated(service, usage)) {
      for (const period of ["minute", "hour", "day", "week", "month", "year", "eternity"]) {
        const key = [service.id, application, metric, period, windowStart(period, atMs)].join(" ").trim();
        this.#counters.set(key, (this.#counters.get(key) ?? 0) + amount);
      }
    }
  }

  /** A worker's turn: all of a batch, or nothing of it. */
  apply(service: BookService, batch: readonly Reported[]): void {
    const fault = batch.map((one) => this.#faultOf(service, one)).find((why) => why !== undefined);
    if (fault !== undefined) {
      this.droppedBatches.push(fault);
      return;
    }
    for (const { value, timestamp, usage, code } of batch) {
      // One for each transaction, whatever its usage.
      if (code !== undefined)
        this.codes.set(`${value} ${code}`, (this.codes.get(`${value} ${code}`) ?? 0) + 1);
      const amounts = new Map(Array.from(usage, ([metric, amount]) => [metric, Number(amount)]));
      this.count(service, value, amounts, timestamp === undefined ? this.nowMs() : Number(timestamp) * 1_000);
    }
  }

  #faultOf(service: BookService, { value, timestamp, usage }: Reported): string | undefined {
    if (!service.applications.has(value)) return "application_not_found";
    for (const [metric, amount] of usage) {
      if (!service.metrics.has(metric)) return "metric_invalid";
      if (!/^\d+$/.test(amount)) return "usage_value_invalid";
    }
    const atMs = timestamp === undefined ? this.nowMs() : Number(timestamp) * 1_000;
    const ageMs = this.nowMs() - atMs;
    return ageMs > 24 * 3_600_000 || ageMs < -3_600_000 ? "report_timestamp_not_within_range" : undefined;
  }
}

/** Usage with that of all metrics above. */
export function propagated(
  service: BookService,
  usage: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  const whole = new Map(usage);
  for (const [metric, amount] of usage) {
    for (let up = service.metrics.get(metric); up !== undefined; up = service.metrics.get(up))
      whole.set(up, (whole.get(up) ?? 0) + amount);
  }
  return whole;
}

/** `2026-11-21 05:26:00 +0000`; nothing of eternity. */
export function windowStart(period: string, atMs: number): string {
  const at = new Date(atMs);
  const shown = (date: Date): string => `${date.toISOString().slice(0, 19).replace("T", " ")} +0000`;
  const day = Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate());
  switch (period) {
    case "minute":
      return shown(new Date(Math.floor(atMs / 60_000) * 60_000));
    case "hour":
      return shown(new Date(Math.floor(atMs / 3_600_000) * 3_600_000));
    case "day":
      return shown(new Date(day));
    case "week":
      return shown(new Date(day - ((at.getUTCDay() + 6) % 7) * 86_400_000));
    case "month":
      return shown(new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth())));
    case "year":
      return shown(new Date(Date.UTC(at.getUTCFullYear(), 0)));
    default:
      return "";
  }
}
