import type { HostLog, HostMetrics } from "../adapter/host.ts";
import type { Ask, Fetched } from "../adapter/remembered.ts";
import { PerSecond } from "../std/per-second.ts";
import { within } from "../std/within.ts";
import { Breaker, BreakerOpen } from "./breaker.ts";
import { OneCall } from "./one-call.ts";

export interface SourceWorld {
  readonly log: HostLog;
  readonly metrics: HostMetrics;
  /** Epoch milliseconds. */
  readonly nowMs: () => number;
  /** Milliseconds of a clock that nobody sets. */
  readonly monotonicMs: () => number;
}

/** A back-end as answers come from it: within their time, behind a breaker, and with its state told. */
export class Source<Value> {
  readonly #timeoutMs: number;
  readonly #world: SourceWorld;
  readonly #breaker: Breaker;
  readonly #closing = new AbortController();
  readonly #count: (by: number, result: string) => void;
  readonly #alarms = new PerSecond(1);
  #last: Failed | undefined;

  constructor(timeoutMs: number, world: SourceWorld) {
    this.#timeoutMs = timeoutMs;
    this.#world = world;
    this.#breaker = new Breaker({ failures: FAILURES, openMs: OPEN_MS, nowMs: world.monotonicMs });
    this.#count = world.metrics.counter(FETCHES);
  }

  /** What its last answer was, and why. */
  get health(): "well" | Failed["kind"] {
    return this.#last?.kind ?? "well";
  }

  get reason(): string {
    return this.#last?.reason ?? "";
  }

  /** Asks once, and once more where that is safe. Never rejects. */
  async ask(fetch: Ask<Value>): Promise<Fetched<Value>> {
    if (this.#closing.signal.aborted) return CLOSED;
    try {
      return await this.#breaker.run(() => this.#insist(fetch), hasFailed);
    } catch (error) {
      if (error instanceof BreakerOpen && this.#last !== undefined) return this.#leftAlone(this.#last);
      return failure(error);
    }
  }

  /** Ends what is under way. */
  close(): void {
    this.#closing.abort();
  }

  async #insist(fetch: Ask<Value>): Promise<Fetched<Value>> {
    const { monotonicMs } = this.#world;
    const startedAtMs = monotonicMs();
    const first = await this.#once(fetch, this.#timeoutMs);
    const leftMs = this.#timeoutMs - (monotonicMs() - startedAtMs);
    if (first.kind !== "failed" || first.retry === undefined || leftMs <= 0) return first;
    return this.#once(fetch, leftMs);
  }

  async #once(fetch: Ask<Value>, timeoutMs: number): Promise<Fetched<Value>> {
    const { signal } = this.#closing;
    const call = new OneCall(this.#world.nowMs() + timeoutMs);
    const asked = ((): Promise<Fetched<Value>> => {
      try {
        return Promise.resolve(fetch(call)).then(fetchedOf, failure);
      } catch (error) {
        return Promise.resolve(failure(error));
      }
    })();
    const fetched = await within(asked, timeoutMs, LATE, signal);
    if (fetched === LATE) call.abort();
    if (signal.aborted) return CLOSED;
    this.#count(1, fetched.kind);
    this.#note(fetched);
    return fetched;
  }

  /** Says when it begins to fail, and when it is well again; that we are misconfigured is said again and again. */
  #note(fetched: Fetched<Value>): void {
    const { log, monotonicMs } = this.#world;
    const before = this.#last;
    if (!hasFailed(fetched)) {
      this.#last = undefined;
      if (before !== undefined) log.info({}, "the back-end answers again");
      return;
    }
    const { kind, reason } = fetched;
    this.#last = { kind, reason };
    if (kind === "misconfigured" && this.#alarms.takes(monotonicMs())) {
      log.warn({ reason }, "the back-end refuses our own credentials or settings");
    } else if (kind === "failed" && before?.kind !== kind) log.warn({ reason }, "the back-end fails");
  }

  #leftAlone({ kind, reason }: Failed): Failed {
    return { kind, reason: `${reason} (it is left alone for a moment)` };
  }
}

interface Failed {
  readonly kind: "failed" | "misconfigured";
  readonly reason: string;
}

const hasFailed = <Value>(
  fetched: Fetched<Value>,
): fetched is Extract<Fetched<Value>, { kind: Failed["kind"] }> =>
  fetched.kind === "failed" || fetched.kind === "misconfigured";

const failure = (error: unknown): Failed => ({
  kind: "failed",
  reason: error instanceof Error ? error.message : String(error),
});

/** Adapters may be anybody's: what is no answer must not become one. */
const fetchedOf = <Value>(fetched: Fetched<Value>): Fetched<Value> =>
  KINDS.has(fetched.kind) ? fetched : { kind: "failed", reason: "what the handler made of it is no answer" };

const KINDS: ReadonlySet<string> = new Set(["allowed", "denied", "failed", "misconfigured"]);

const FETCHES = {
  name: "fetches_total",
  help: "Questions that reached the back-end, by its answer: allowed, denied, failed, misconfigured",
  labels: ["result"],
};

const LATE: Failed = { kind: "failed", reason: "the back-end did not answer in time" };
const CLOSED: Failed = { kind: "failed", reason: "the handler is closed" };

/** A back-end that fails this often in a row is left alone for a moment. */
const FAILURES = 5;
const OPEN_MS = 1_000;
