import { z } from "zod";
import type { Call } from "../../src/adapter/adapter.ts";
import type { Host, Stop } from "../../src/adapter/host.ts";
import { isUnsent } from "../../src/adapter/posting.ts";
import { Bucket } from "./bucket.ts";
import type { ApigeeConfig } from "./config.ts";
import type { Quota } from "./operations.ts";
import { messageOf, readJson, type RemoteService } from "./service.ts";

/** What became of a request's use. */
export type Taken =
  /** `remaining` is of the quota that has least left; undefined where nothing is limited. */
  | { readonly kind: "taken"; readonly remaining: number | undefined }
  /** Nothing was charged; epoch milliseconds. */
  | { readonly kind: "exceeded"; readonly resetAtMs: number };

export interface QuotasOptions {
  readonly config: ApigeeConfig;
  readonly host: Host;
  readonly service: RemoteService;
}

/** A counter in use is asked for so often, although nothing has passed. */
const REFRESH_MS = 60_000;
const IDLE_MS = 10 * 60_000;
const WORKERS = 10;
const FIRST_PAUSE_MS = 200;
const MAX_PAUSE_MS = 30_000;
/** No check has longer. */
const MAX_WAIT_MS = 60_000;
/** Of the time that a check has left, for what comes after. */
const RESERVE_MS = 10;
/** What passed last is told before the process ends. */
const CLOSING_MS = 200;

/** Source: apigee-remote-service-cli, the policy DistributedQuota; times are milliseconds. */
const RESULT = z.object({
  used: z.number(),
  exceeded: z.number(),
  expiryTime: z.number(),
  timestamp: z.number().optional(),
});

/** The quotas of the service, decided here and told to it in the background. */
export class Quotas {
  readonly #options: QuotasOptions;
  /** In the order in which they were last used; the handler before shares them. */
  readonly #buckets: Map<string, Bucket>;
  readonly #count: (by: number, result: string) => void;
  readonly #closing = new AbortController();
  #failures = 0;
  #failure: string | undefined;
  /** Epoch milliseconds, until which the service is left alone. */
  #pauseUntilMs = 0;
  #stop: Stop | undefined;

  constructor(options: QuotasOptions, before?: Quotas) {
    this.#options = options;
    const isSame = before !== undefined && before.#options.config.url === options.config.url;
    this.#buckets = isSame ? before.#buckets : new Map<string, Bucket>();
    this.#count = options.host.metrics.counter(SYNCS);
    options.host.metrics.gauge(BUCKETS, () => this.#buckets.size);
  }

  get failure(): string | undefined {
    return this.#failure;
  }

  start(): void {
    if (this.#closing.signal.aborted) return;
    this.#stop ??= this.#options.host.repeat(this.#options.config.quotas.syncMs, () => this.#syncDue());
  }

  /** Charges one to each quota, or, where one of them has no room, none. Counters that are new are asked for first. */
  take(quotas: readonly Quota[], call: Call): Taken | Promise<Taken> {
    if (quotas.length === 0) return { kind: "taken", remaining: undefined };
    const nowMs = this.#options.host.nowMs();
    const demands = new Map<Bucket, number>();
    for (const quota of quotas) {
      const bucket = this.#bucketOf(quota, nowMs);
      demands.set(bucket, (demands.get(bucket) ?? 0) + 1);
    }
    const unknown = [...demands.keys()].filter((bucket) => !bucket.isKnown);
    if (unknown.length === 0 || nowMs < this.#pauseUntilMs) return this.#decide(demands);
    const first = Promise.all(unknown.map((bucket) => this.#sync(bucket)));
    return this.#inTime(first, call).then(() => this.#decide(demands));
  }

  async close(): Promise<void> {
    this.#stop?.();
    this.#stop = undefined;
    const timer = setTimeout(() => this.#closing.abort(), CLOSING_MS);
    if (!this.#closing.signal.aborted)
      await this.#syncAll([...this.#buckets.values()].filter((one) => one.pending > 0));
    clearTimeout(timer);
    this.#closing.abort();
    await Promise.all(Array.from(this.#buckets.values(), async (bucket) => bucket.syncing));
  }

  #decide(demands: ReadonlyMap<Bucket, number>): Taken {
    const nowMs = this.#options.host.nowMs();
    const full = Array.from(demands).filter(([bucket, weight]) => bucket.left(nowMs) < weight);
    for (const bucket of demands.keys()) bucket.touch(nowMs);
    if (full.length > 0)
      return { kind: "exceeded", resetAtMs: Math.max(...full.map(([bucket]) => bucket.endsAtMs(nowMs))) };
    for (const [bucket, weight] of demands) bucket.charge(weight, nowMs);
    return {
      kind: "taken",
      remaining: Math.min(...Array.from(demands.keys(), (bucket) => bucket.left(nowMs))),
    };
  }

  #bucketOf(quota: Quota, nowMs: number): Bucket {
    const { identifier } = quota;
    const known = this.#buckets.get(identifier);
    this.#buckets.delete(identifier);
    const isSame =
      known?.quota.allow === quota.allow &&
      known.quota.interval === quota.interval &&
      known.quota.timeUnit === quota.timeUnit;
    const bucket = isSame ? known : new Bucket(quota, nowMs);
    this.#buckets.set(identifier, bucket);
    // What the old one has counted is told before it goes.
    if (known !== undefined && !isSame && known.pending > 0) void this.#sync(known);
    if (this.#buckets.size > this.#options.config.quotas.entries) this.#forgetOldest();
    return bucket;
  }

  #forgetOldest(): void {
    const [oldest] = this.#buckets;
    if (oldest === undefined) return;
    const [identifier, bucket] = oldest;
    this.#buckets.delete(identifier);
    if (bucket.pending > 0) void this.#sync(bucket);
  }

  async #syncDue(): Promise<void> {
    const nowMs = this.#options.host.nowMs();
    if (nowMs < this.#pauseUntilMs && this.#pauseUntilMs - nowMs <= MAX_PAUSE_MS) return;
    const due: Bucket[] = [];
    for (const [identifier, bucket] of this.#buckets) {
      if (bucket.isIdle(nowMs, IDLE_MS)) this.#buckets.delete(identifier);
      else if (bucket.isDue(nowMs, REFRESH_MS)) due.push(bucket);
    }
    await this.#syncAll(due);
  }

  async #syncAll(due: Bucket[]): Promise<void> {
    const work = async (): Promise<void> => {
      for (let bucket = due.shift(); bucket !== undefined; bucket = due.shift()) await this.#sync(bucket);
    };
    await Promise.all(Array.from({ length: Math.min(WORKERS, due.length) }, work));
  }

  /** Never rejects; one at a time for each bucket. */
  #sync(bucket: Bucket): Promise<void> {
    bucket.syncing ??= this.#send(bucket).finally(() => (bucket.syncing = undefined));
    return bucket.syncing;
  }

  async #send(bucket: Bucket): Promise<void> {
    const { host, service, config } = this.#options;
    const { identifier, allow, interval, timeUnit } = bucket.quota;
    const weight = bucket.begin(host.nowMs());
    try {
      const body = { identifier, weight, interval, allow, timeUnit: timeUnit.toLowerCase() };
      const bounds = { timeoutMs: config.timeoutMs, signal: this.#closing.signal };
      const answer = await service.post("/quotas", body, bounds);
      if (answer.status !== 200) {
        bucket.giveUp("not-counted");
        this.#failed(`the remote service answers ${answer.status} to quotas`);
        return;
      }
      const read = RESULT.safeParse(readJson(answer.body));
      if (!read.success) {
        bucket.giveUp("unknown");
        this.#failed("the remote service answers with something else than a quota");
        return;
      }
      const nowMs = host.nowMs();
      // Both are of the service's clock, which may be another than ours.
      const { used, exceeded, expiryTime, timestamp = nowMs } = read.data;
      bucket.learn({ used: used + exceeded, expiresAtMs: nowMs + expiryTime - timestamp }, nowMs);
      this.#succeeded();
    } catch (error) {
      bucket.giveUp(isUnsent(error) ? "not-counted" : "unknown");
      this.#failed(messageOf(error));
    }
  }

  #succeeded(): void {
    this.#failures = 0;
    this.#failure = undefined;
    this.#pauseUntilMs = 0;
    this.#count(1, "synced");
  }

  #failed(reason: string): void {
    this.#failure = reason;
    this.#pauseUntilMs =
      this.#options.host.nowMs() +
      Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(this.#failures++, 10));
    this.#count(1, "failed");
  }

  /** Ends in time, whatever the service does: then it is decided by what is known here. */
  async #inTime(work: Promise<unknown>, { deadlineAtMs, signal }: Call): Promise<void> {
    const { promise: ended, resolve } = Promise.withResolvers<undefined>();
    const end = (): void => resolve(undefined);
    const leftMs = deadlineAtMs - this.#options.host.nowMs() - RESERVE_MS;
    const timer = setTimeout(end, Math.min(MAX_WAIT_MS, Math.max(0, leftMs)));
    signal.addEventListener("abort", end, { once: true });
    await Promise.race([work, ended]);
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
  }
}

const SYNCS = {
  name: "quota_syncs_total",
  help: "Counters told to the service and asked for, by how that went: synced, failed",
  labels: ["result"],
};
const BUCKETS = { name: "quotas", help: "Counters that are known here" };
