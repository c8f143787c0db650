import type { Call, HandlerStatus } from "../adapter/adapter.ts";
import type { HostLog, HostMetrics } from "../adapter/host.ts";
import type { Answered, Ask, Fetched, Remembered, RememberedOptions } from "../adapter/remembered.ts";
import { within } from "../std/within.ts";
import { AskGuard } from "./ask-guard.ts";
import { keyDigest } from "./key-digest.ts";
import { Entries, type Entry } from "./remembered-entries.ts";
import { Source, type SourceWorld } from "./remembered-source.ts";

export interface RememberedWorld extends SourceWorld {
  readonly log: HostLog;
  readonly metrics: HostMetrics;
  /** From 0 to 1, for jitter. */
  readonly random: () => number;
}

/** Answers of one back-end. What is known is found without a promise; what is not is asked once for all who want to know. */
export class RememberedAnswers<Value> implements Remembered<Value> {
  readonly #options: RememberedOptions;
  readonly #world: RememberedWorld;
  readonly #entries: Entries<Value>;
  readonly #flights = new Map<string, Promise<Landed<Value>>>();
  readonly #guard: AskGuard;
  #asking = 0;
  readonly #source: Source<Value>;
  readonly #digest: (key: readonly string[]) => string;
  readonly #count: (by: number, result: string) => void;

  constructor(options: RememberedOptions, world: RememberedWorld, previous?: Remembered<Value>) {
    this.#options = options;
    this.#world = world;
    // While both are there, both know what either of them is told.
    const before =
      previous instanceof RememberedAnswers && areTimesEqual(previous.#options, options)
        ? (previous as RememberedAnswers<Value>)
        : undefined;
    this.#entries = before === undefined ? new Entries(options.maxEntries) : before.#entries;
    this.#digest = before === undefined ? keyDigest() : before.#digest;
    this.#guard = new AskGuard(options);
    this.#source = new Source(options.fetchTimeoutMs, world);
    this.#count = world.metrics.counter(ANSWERS);
    world.metrics.gauge(ENTRIES, () => this.#entries.size);
  }

  ask(
    key: readonly string[],
    fetch: Ask<Value>,
    call: Call,
    part?: string,
  ): Answered<Value> | Promise<Answered<Value>> {
    const id = this.#digest(key);
    const nowMs = this.#world.monotonicMs();
    const entry = this.#entries.find(id, nowMs);
    const ageMs = entry === undefined ? Number.POSITIVE_INFINITY : nowMs - entry.askedAtMs;
    if (entry !== undefined && ageMs < entry.freshMs) return this.#seen(answerFrom(entry, ageMs, "memory"));
    const flight = this.#flights.get(id) ?? this.#take(id, { fetch, part, entry });
    if (entry?.kind === "allowed" && ageMs < entry.staleMs)
      return this.#seen(answerFrom(entry, ageMs, "stale"));
    return this.#landing(id, flight, call);
  }

  forget(key: readonly string[]): void {
    const id = this.#digest(key);
    this.#entries.delete(id);
    this.#flights.delete(id);
  }

  status(): HandlerStatus {
    const { health, reason } = this.#source;
    const known = `${this.#entries.size} answers known`;
    if (health === "well") return { state: "ready", detail: known };
    const { onFailure } = this.#options;
    const until = { closed: "", resilient: ", which are used", open: ", which are used; the rest passes" };
    const what = health === "misconfigured" ? "refuses our own credentials or settings" : "fails";
    const detail = `the back-end ${what}: ${reason}; ${known}${until[onFailure]}`;
    return { state: onFailure === "closed" ? "failing" : "stale", detail };
  }

  async close(): Promise<void> {
    this.#source.close();
    await Promise.all(this.#flights.values());
  }

  /** Begins to ask. A flight goes on when nobody waits for it any more, and never rejects. */
  #take(id: string, question: Question<Value>): Promise<Landed<Value>> {
    const isWanted = (): boolean => this.#flights.get(id) === flight;
    const flight: Promise<Landed<Value>> = this.#fly(id, question, isWanted).finally(() => {
      if (isWanted()) this.#flights.delete(id);
    });
    this.#flights.set(id, flight);
    return flight;
  }

  async #fly(id: string, question: Question<Value>, isWanted: () => boolean): Promise<Landed<Value>> {
    // Whose last answer was a no is one who tries: thousands of those in turn are a flood, too.
    const isKnown = question.entry?.kind === "allowed";
    if (!isKnown) {
      const reason = await this.#guard.refusal(question.part);
      if (reason !== undefined) return { kind: "guarded", reason };
    }
    if (this.#asking >= MAX_ASKING) return { kind: isKnown ? "failed" : "guarded", reason: TOO_MANY };
    const askedAtMs = this.#world.monotonicMs();
    this.#asking++;
    const fetched = await this.#source.ask(question.fetch);
    this.#asking--;
    if ((fetched.kind === "allowed" || fetched.kind === "denied") && isWanted()) {
      this.#keep(id, fetched, askedAtMs);
    }
    return fetched;
  }

  #keep(id: string, fetched: Known<Value>, askedAtMs: number): void {
    const { allowedMs, deniedMs, staleMs, maxAgeMs } = this.#options;
    const mostMs = Math.min(maxAgeMs, fetched.maxAgeMs ?? maxAgeMs);
    if (!(mostMs > 0)) {
      this.#entries.delete(id);
      return;
    }
    const { kind, value } = fetched;
    const wholeMs = Math.min(kind === "allowed" ? allowedMs : deniedMs, mostMs);
    const freshMs = wholeMs * (1 - this.#world.random() * JITTER);
    this.#entries.put(id, {
      kind,
      value,
      askedAtMs,
      freshMs,
      staleMs: Math.min(freshMs + staleMs, mostMs),
      mostMs,
    });
  }

  /** One asker's wait. It ends before the time of the check does, so that the failure policy has a say. */
  async #landing(id: string, flight: Promise<Landed<Value>>, call: Call): Promise<Answered<Value>> {
    const leftMs = call.deadlineAtMs - this.#world.nowMs();
    const landed = await within(flight, leftMs - Math.min(RESERVE_MS, leftMs / 4), LATE, call.signal);
    switch (landed.kind) {
      case "allowed":
      case "denied":
        return this.#seen({ kind: landed.kind, value: landed.value, ageMs: 0, from: "backend" });
      case "guarded":
        return this.#seen(landed);
      case "failed":
      case "misconfigured":
        return this.#seen(this.#fallBack(id, landed));
    }
  }

  /** What the failure policy makes of a question that could not be asked. Settings that are wrong let nobody in whom nobody knows. */
  #fallBack(id: string, { kind, reason }: Failed<Value>): Answered<Value> {
    const { onFailure } = this.#options;
    const nowMs = this.#world.monotonicMs();
    const entry = onFailure === "closed" ? undefined : this.#entries.find(id, nowMs);
    if (entry !== undefined) return answerFrom(entry, nowMs - entry.askedAtMs, "stale");
    return onFailure === "open" && kind === "failed" ? { kind: "open", reason } : { kind, reason };
  }

  #seen(answer: Answered<Value>): Answered<Value> {
    this.#count(1, "from" in answer ? RESULTS[answer.from] : answer.kind);
    return answer;
  }
}

/** Entries have their times by the options under which they were made. */
const areTimesEqual = (before: RememberedOptions, after: RememberedOptions): boolean =>
  (["maxEntries", "allowedMs", "deniedMs", "staleMs", "maxAgeMs"] as const).every(
    (name) => before[name] === after[name],
  );

type Known<Value> = Extract<Fetched<Value>, { kind: "allowed" | "denied" }>;
type Failed<Value> = Extract<Fetched<Value>, { kind: "failed" | "misconfigured" }>;
type Landed<Value> = Fetched<Value> | { readonly kind: "guarded"; readonly reason: string };

interface Question<Value> {
  readonly fetch: Ask<Value>;
  readonly part: string | undefined;
  /** What is known already, too old to be used without asking. */
  readonly entry: Entry<Value> | undefined;
}

const answerFrom = <Value>(
  { kind, value }: Entry<Value>,
  ageMs: number,
  from: "memory" | "stale",
): Answered<Value> => ({ kind, value, ageMs, from });

const RESULTS = { backend: "miss", memory: "hit", stale: "stale" } as const;

const ANSWERS = {
  name: "answers_total",
  help: "Questions by how they were answered: hit, miss, stale, open, guarded, failed, misconfigured",
  labels: ["result"],
};
const ENTRIES = { name: "answers", help: "Answers of the back-end that are remembered" };

const LATE = { kind: "failed", reason: "the back-end did not answer in time" } as const;
const TOO_MANY = "too many questions are under way";

/** Questions that may be under way. */
const MAX_ASKING = 250;
/** So much earlier an answer may have to be asked for anew. */
const JITTER = 0.1;
/** Of the time that a check has left, for what comes after. */
const RESERVE_MS = 10;
