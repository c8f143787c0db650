import type { DropReason } from "../host/delivery.ts";

/** By which way entries come in. */
export type Via = "als_http" | "als_tcp" | "otlp";

/** What a stream carries; `als` until its first entry says so. */
export type StreamKind = "als" | "als_http" | "als_tcp";

/** Why what came in was no entry. `internal`: an exception of weir's own, which the log has. */
export type InvalidReason =
  | "malformed"
  | "no_common_properties"
  | "no_request"
  | "empty_message"
  | "too_large"
  | "unknown_attributes"
  | "internal";

/** What waits for a handler. */
export interface Queued {
  /** Records that wait or are under way. */
  readonly count: number;
  readonly capacity: number;
}

/**
 * What became of all access-log entries of this process. Between two turns of the event loop each entry that was received is invalid,
 * shed, or has for each handler become records (delivered, dropped, queued, sampled out) or none.
 */
export class ReportAccount {
  readonly received = new Tally<[Via]>();
  readonly invalid = new Tally<[Via, InvalidReason]>();
  /** There was no room for them. */
  readonly shed = new Tally<[Via]>();
  readonly streams = new Tally<[StreamKind]>();
  /** Values that rules could not read. */
  readonly missing = new Tally<[policy: string, rule: string, what: string]>();
  readonly skewed = new Tally<["past" | "future"]>();
  /** Entries that no rule wanted. */
  unwanted = 0;
  /** Connections and requests that go on. */
  connections: { readonly size: number } = { size: 0 };
  connectionsExpired = 0;
  connectionsFull = 0;
  readonly #handlers = new Map<string, HandlerAccount>();

  /** Entries that were put before the rules. */
  get accepted(): number {
    return this.received.sum - this.invalid.sum - this.shed.sum;
  }

  get handlers(): ReadonlyMap<string, HandlerAccount> {
    return this.#handlers;
  }

  /** That of a handler by its name in weir.yaml, which outlives the handler. */
  of(handler: string): HandlerAccount {
    let account = this.#handlers.get(handler);
    if (account === undefined) this.#handlers.set(handler, (account = new HandlerAccount()));
    return account;
  }

  /** What is missing of a handler's entries: 0, unless weir loses some unseen. */
  imbalance(handler: HandlerAccount): number {
    const { sampledOut, delivered, dropped, queued, additional } = handler;
    const unwanted = this.unwantedBy(handler);
    const records = sampledOut + delivered + dropped.sum + queued.count;
    return this.received.sum - (this.invalid.sum + this.shed.sum + unwanted + records - additional);
  }

  unwantedBy({ wanted }: HandlerAccount): number {
    return this.accepted - wanted;
  }
}

/** What became of the records for one handler. */
export class HandlerAccount {
  /** Entries of which there was a record at least. */
  wanted = 0;
  /** Records beyond the first of an entry. */
  additional = 0;
  sampledOut = 0;
  delivered = 0;
  readonly dropped = new Tally<[DropReason]>();
  /** Of the handler that is live, and of those before it that have not ended. */
  readonly queues = new Set<Queued>();

  get queued(): Queued {
    let count = 0;
    for (const queue of this.queues) count += queue.count;
    return { count, capacity: [...this.queues].at(-1)?.capacity ?? 0 };
  }
}

/** Sums by labels, which come from bounded sets. */
export class Tally<Labels extends readonly string[]> {
  readonly #cells = new Map<string, { readonly labels: Labels; sum: number }>();
  #sum = 0;

  /** Of all labels. */
  get sum(): number {
    return this.#sum;
  }

  add(count: number, ...labels: Labels): void {
    // Names in files hold no line feeds.
    const key = labels.length === 1 ? (labels[0] ?? "") : labels.join("\n");
    let cell = this.#cells.get(key);
    if (cell === undefined) this.#cells.set(key, (cell = { labels, sum: 0 }));
    cell.sum += count;
    this.#sum += count;
  }

  of(...labels: Labels): number {
    return this.#cells.get(labels.join("\n"))?.sum ?? 0;
  }

  entries(): readonly (readonly [Labels, number])[] {
    return Array.from(this.#cells.values(), ({ labels, sum }) => [labels, sum]);
  }
}
