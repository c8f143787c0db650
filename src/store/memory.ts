import { livesMs, rollAll } from "./algorithms.ts";
import type { Counter, Hold, Settled, Settlement, State, Take, Taken } from "./counter.ts";
import { decideSettlement, decideTake } from "./decide-take.ts";
import type { Store, StoreStatus } from "./store.ts";

export interface MemoryStoreOptions {
  /** Epoch milliseconds. */
  readonly nowMs: () => number;
  /** Counters at most. */
  readonly maxCounters: number;
  /** A counter was forgotten before its time, because there were too many. */
  readonly onEvicted?: () => void;
}

/** Counters in this process: nobody is waited for, and nobody else counts with it. Bounded; what has expired goes first. */
export class MemoryStore implements Store {
  readonly division = "whole";
  readonly #options: MemoryStoreOptions;
  /** In the order in which they were made. */
  readonly #entries = new Map<string, Entry>();
  #hand: MapIterator<[string, Entry]>;

  constructor(options: MemoryStoreOptions) {
    this.#options = options;
    this.#hand = this.#entries.entries();
  }

  groupOf(): number {
    return 0;
  }

  take(take: Take): Taken {
    const nowMs = this.#nowMs();
    const decided = decideTake(take, (counter) => this.#find(counter, nowMs)?.states, nowMs);
    if (decided === undefined) return { kind: "failed", reason: "skew" };
    const { verdict, counts, changed } = decided;
    for (const { counter, states } of changed.values()) this.#keep(counter, states, nowMs);
    for (const [index, charge] of take.charges.entries()) {
      const { kind, counter, hits } = charge;
      const count = counts[index];
      // What was not charged must never be given back.
      const isCharged = hits > 0 && count?.fits === true && (take.mode === "each" || verdict === "fits");
      if (kind === "take" && charge.hold !== undefined && isCharged)
        this.#hold(counter.key, { hold: charge.hold, hits, startsAt: count.states.map(([at]) => at) }, nowMs);
    }
    return { kind: "counted", nowMs, verdict, counts };
  }

  settle({ hold, ...settlement }: Settlement): Settled {
    const nowMs = this.#nowMs();
    const entry = this.#find(settlement.counter, nowMs);
    if (entry?.holds?.delete(hold.id) !== true) return { kind: "gone" };
    this.#correct(entry, settlement, nowMs);
    return { kind: "settled" };
  }

  reset({ key }: Pick<Counter, "key">): Promise<boolean> {
    return Promise.resolve(this.#entries.delete(key));
  }

  status(): StoreStatus {
    return { type: "memory", state: "ready", detail: "", counters: this.#entries.size };
  }

  close(): Promise<void> {
    this.#entries.clear();
    return Promise.resolve();
  }

  #nowMs(): number {
    return Math.floor(this.#options.nowMs());
  }

  /** What is there of a counter, without the reservations that nobody has settled in time. */
  #find(counter: Counter, nowMs: number): Entry | undefined {
    const entry = this.#entries.get(counter.key);
    if (entry === undefined || entry.expiresAtMs <= nowMs) return undefined;
    for (const [id, { hold, hits: reserved, startsAt, dueAtMs }] of entry.holds ?? []) {
      // Those of one counter wait equally long, so that the first is due first.
      if (dueAtMs > nowMs) break;
      entry.holds?.delete(id);
      if (hold.ifLost === "release") this.#correct(entry, { counter, reserved, startsAt, hits: 0 }, nowMs);
    }
    return entry;
  }

  #correct(entry: Entry, settlement: Omit<Settlement, "hold">, nowMs: number): void {
    const states = decideSettlement(settlement, entry.states, nowMs);
    if (states === undefined) return;
    entry.states = states;
    entry.expiresAtMs = Math.max(entry.expiresAtMs, nowMs + lifeMs(settlement.counter, states, nowMs));
  }

  #keep(counter: Counter, states: readonly State[], nowMs: number): void {
    const expiresAtMs = nowMs + lifeMs(counter, states, nowMs);
    const entry = this.#find(counter, nowMs);
    if (entry !== undefined) {
      entry.states = states;
      entry.expiresAtMs = Math.max(expiresAtMs, entry.holdsUntilMs);
      return;
    }
    this.#makeRoom(nowMs);
    // One that has expired would keep its place among the oldest.
    this.#entries.delete(counter.key);
    this.#entries.set(counter.key, { states, expiresAtMs, holds: undefined, holdsUntilMs: 0 });
  }

  #hold(key: string, held: Omit<Held, "dueAtMs">, nowMs: number): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    const dueAtMs = nowMs + held.hold.withinMs;
    entry.holds ??= new Map();
    const [oldest] = entry.holds.size < MAX_HOLDS ? [] : entry.holds.keys();
    // As if nobody had settled it: it stays charged.
    if (oldest !== undefined) entry.holds.delete(oldest);
    entry.holds.set(held.hold.id, { ...held, dueAtMs });
    entry.holdsUntilMs = dueAtMs;
    entry.expiresAtMs = Math.max(entry.expiresAtMs, dueAtMs);
  }

  /** Looks at a few entries a time, so that what has expired is gone before long, and nobody waits for it. */
  #makeRoom(nowMs: number): void {
    for (let looked = 0; looked < LOOKED_AT_A_TIME; looked++) {
      const next = this.#hand.next();
      if (next.done === true) {
        this.#hand = this.#entries.entries();
        break;
      }
      const [key, { expiresAtMs }] = next.value;
      if (expiresAtMs <= nowMs) this.#entries.delete(key);
    }
    if (this.#entries.size < this.#options.maxCounters) return;
    const [oldest] = this.#entries.keys();
    if (oldest === undefined) return;
    this.#entries.delete(oldest);
    this.#options.onEvicted?.();
  }
}

/** Reservations of one counter that wait at a time. */
const MAX_HOLDS = 10_000;

/** More than one for each that comes, so that the hand gets around. */
const LOOKED_AT_A_TIME = 2;

function lifeMs(counter: Counter, states: readonly State[], nowMs: number): number {
  let longestMs = 1;
  for (const one of rollAll(counter, states, nowMs) ?? []) longestMs = Math.max(longestMs, livesMs(one));
  return longestMs;
}

/** What is kept of one counter. */
interface Entry {
  states: readonly State[];
  /** Epoch milliseconds. */
  expiresAtMs: number;
  holds: Map<string, Held> | undefined;
  /** When the last of them is due; epoch milliseconds. */
  holdsUntilMs: number;
}

/** A reservation that waits. */
interface Held {
  readonly hold: Hold;
  readonly hits: number;
  readonly startsAt: readonly number[];
  readonly dueAtMs: number;
}
