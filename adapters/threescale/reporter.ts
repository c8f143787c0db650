import type { Call } from "../../src/adapter/adapter.ts";
import { isUnsent, retryAfterMs } from "../../src/adapter/posting.ts";
import type { FetchAnswer, Host } from "../../src/adapter/host.ts";
import type { SpoolDelivery } from "../../src/adapter/spool.ts";
import type { Backend } from "./backend.ts";
import { readRecord } from "./report-record.ts";
import { isTooOld, parametersOf, postsOf, type Transaction, type Waiting } from "./reports.ts";
import type { Service } from "./services.ts";
import { codeOf } from "./verdict.ts";

/** What became of records: `delivered` was taken; `lost` never will be, and `unknown` may have been. */
export type Fate = "delivered" | "lost" | "unknown";

export interface ReporterOptions {
  readonly host: Host;
  readonly backend: Backend;
  readonly serviceOf: (id: string) => Service | undefined;
  /** Whether the back-end has said that there is no such application, so that one record of it would lose its whole batch. */
  readonly isGone: (waiting: Waiting) => boolean;
  /** Told of each record once, but not of those that are tried again. */
  readonly onFate: (waiting: Waiting, fate: Fate) => void;
}

type Posted =
  | { readonly kind: Fate; readonly reason: string }
  | { readonly kind: "retry"; readonly reason: string; readonly afterMs?: number }
  /** The back-end does not take it as it is. */
  | { readonly kind: "refused"; readonly reason: string };

/** Brings what waits on disk to the back-end. */
export class Reporter {
  readonly #options: ReporterOptions;
  /** Why nothing arrives now. */
  #failure: string | undefined;

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  get failure(): string | undefined {
    return this.#failure;
  }

  /** One batch of the spool. What could not be sent is sent again; what may have arrived is not. */
  async deliver(batch: readonly Buffer[], call: Call): Promise<SpoolDelivery> {
    const outcome = new Outcome(this.#options.onFate);
    const posts = postsOf(this.#readable(batch, outcome));
    for (const { service: id, transactions } of posts) {
      const service = this.#options.serviceOf(id);
      if (service === undefined) {
        outcome.retry(transactions, { reason: `the service ${id} is not configured`, afterMs: PATIENCE_MS });
      } else await this.#bring(service, transactions, { outcome, call });
    }
    this.#failure = outcome.failure;
    return outcome.delivery;
  }

  /** What can be sent at all. */
  #readable(batch: readonly Buffer[], outcome: Outcome): readonly Waiting[] {
    const { host, isGone } = this.#options;
    const nowMs = host.nowMs();
    return batch.flatMap((bytes) => {
      const record = readRecord(bytes);
      if (record === undefined) {
        outcome.drop("it is no report");
        return [];
      }
      const waiting = { bytes, record };
      if (!isTooOld(record, nowMs) && !isGone(waiting)) return [waiting];
      outcome.settle(
        [waiting],
        "lost",
        isTooOld(record, nowMs) ? "older than a day" : "of an application that is gone",
      );
      return [];
    });
  }

  /** What is refused is halved, until it is known which of it is bad. */
  async #bring(
    service: Service,
    transactions: readonly Transaction[],
    { outcome, call }: { readonly outcome: Outcome; readonly call: Call },
  ): Promise<void> {
    const parts = [transactions];
    for (let part = parts.shift(); part !== undefined; part = parts.shift()) {
      const posted = await this.#post(service, part, call);
      switch (posted.kind) {
        case "refused":
          if (part.length === 1) outcome.settle(recordsOf(part), "lost", posted.reason);
          else parts.unshift(part.slice(0, part.length / 2), part.slice(part.length / 2));
          break;
        case "retry":
          outcome.retry([...part, ...parts.flat()], posted);
          return;
        default:
          outcome.settle(recordsOf(part), posted.kind, posted.reason);
      }
    }
  }

  async #post(service: Service, transactions: readonly Transaction[], call: Call): Promise<Posted> {
    const { backend, host } = this.#options;
    if (call.signal.aborted) return { kind: "retry", reason: "there is no time left" };
    try {
      const answer = await backend.report(service, parametersOf(transactions, host.nowMs()), call);
      return postedOf(answer, host.nowMs());
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return isUnsent(error) ? { kind: "retry", reason } : { kind: "unknown", reason };
    }
  }
}

/** How soon it is tried again what only an operator can change. */
const PATIENCE_MS = 30_000;

/** What about the request itself is not taken, and what of it can be found by halving it. */
const REFUSED: ReadonlySet<number> = new Set([400, 413, 414, 422]);

function postedOf({ status, headers, body }: FetchAnswer, nowMs: number): Posted {
  const code = codeOf(body);
  const reason = `3scale answers ${status}${code === undefined ? "" : ` ${code}`} to reports`;
  if (status === 202) return { kind: "delivered", reason };
  // Whoever stands in front of it does not know whether it has taken them.
  if (status === 502 || status === 504) return { kind: "unknown", reason };
  if (REFUSED.has(status) && code !== "service_id_missing") return { kind: "refused", reason };
  const isBusy = status === 429 || status === 500 || status === 503;
  const afterMs = retryAfterMs(headers.get("retry-after"), nowMs) ?? (isBusy ? undefined : PATIENCE_MS);
  return afterMs === undefined ? { kind: "retry", reason } : { kind: "retry", reason, afterMs };
}

const recordsOf = (transactions: readonly Transaction[]): readonly Waiting[] =>
  transactions.flatMap(({ records }) => records);

/** What becomes of a batch, record by record. */
class Outcome {
  readonly #onFate: ReporterOptions["onFate"];
  readonly #retry: Buffer[] = [];
  readonly #unknown: Buffer[] = [];
  #dropped = 0;
  #reason = "";
  #afterMs = 0;

  constructor(onFate: ReporterOptions["onFate"]) {
    this.#onFate = onFate;
  }

  settle(waiting: readonly Waiting[], fate: Fate, reason: string): void {
    for (const one of waiting) {
      this.#onFate(one, fate);
      if (fate === "unknown") this.#unknown.push(one.bytes);
      if (fate === "lost") this.#dropped++;
    }
    if (fate !== "delivered" && waiting.length > 0) this.#reason = reason;
  }

  drop(reason: string): void {
    this.#dropped++;
    this.#reason = reason;
  }

  retry(
    transactions: readonly Transaction[],
    { reason, afterMs = 0 }: { readonly reason: string; readonly afterMs?: number },
  ): void {
    this.#retry.push(...recordsOf(transactions).map(({ bytes }) => bytes));
    this.#reason = reason;
    this.#afterMs = Math.max(this.#afterMs, afterMs);
  }

  /** Why nothing can be brought now; undefined where it could, whatever was said to it. */
  get failure(): string | undefined {
    return this.#retry.length > 0 || this.#unknown.length > 0 ? this.#reason : undefined;
  }

  get delivery(): SpoolDelivery {
    const [retry, unknown, dropped, reason] = [this.#retry, this.#unknown, this.#dropped, this.#reason];
    if (retry.length === 0 && unknown.length === 0) {
      return dropped === 0 ? { kind: "delivered" } : { kind: "refused", dropped, reason };
    }
    return { kind: "partly", retry, unknown, dropped, reason, afterMs: this.#afterMs };
  }
}
