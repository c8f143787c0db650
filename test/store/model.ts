import assert from "node:assert/strict";
import type { Counter, Settlement, State, Take, Taken } from "../../src/store/counter.ts";
import { decideSettlement, decideTake } from "../../src/store/decide-take.ts";
import type { Store } from "../../src/store/store.ts";

/** Far enough for a machine that is busy. */
export const later = (): number => Date.now() + 5_000;

export const counterOf = (name: string, limit = 100): Counter => ({
  tag: "suite",
  key: `weir:{suite}:${process.pid}:${name}`,
  algorithm: "fixed",
  windows: [{ limit, length: 86_400_000, burst: limit }],
});

export function counted(taken: Taken): Extract<Taken, { kind: "counted" }> {
  assert.equal(taken.kind, "counted", JSON.stringify(taken));
  return taken;
}

/** One hit of a counter. */
export const takeOne = async (store: Store, counter: Counter): Promise<Taken> =>
  store.take({ mode: "all", charges: [{ kind: "take", counter, hits: 1 }] }, later());

/** Why a take failed. */
export const failed = (taken: Taken): string => (taken.kind === "failed" ? taken.reason : "no failure");

/** What is counted in the first window. */
export async function usedOf(store: Store, counter: Counter): Promise<number> {
  const taken = counted(
    await store.take({ mode: "all", charges: [{ kind: "look", counter, hits: 0 }] }, later()),
  );
  return taken.counts[0]?.states[0]?.[1] ?? NaN;
}

/** What is asked to learn the store's clock. */
export const PROBE: Take = { mode: "all", charges: [{ kind: "look", counter: counterOf("probe"), hits: 0 }] };

interface Held {
  readonly settlement: Settlement;
  readonly dueAtMs: number;
}

/** What the pure functions say, of counters that never expire. */
export class Model {
  readonly #states = new Map<string, readonly State[]>();
  /** In the order in which they were made. */
  #held: readonly Held[] = [];
  /** Those that have been there, too. */
  readonly #everHeld: Settlement[] = [];

  async take(store: Store, take: Take): Promise<void> {
    const [taken, nowMs] = await together(store, () => store.take(take, later()));
    for (const { counter } of take.charges) this.#release(counter, nowMs);
    const decided = decideTake(take, ({ key }) => this.#states.get(key), nowMs);
    if (decided === undefined) {
      assert.deepEqual(taken, { kind: "failed", reason: "skew" });
      return;
    }
    const { verdict, counts, changed } = decided;
    assert.deepEqual(told(taken, take), told({ kind: "counted", nowMs, verdict, counts }, take));
    for (const [key, { states }] of changed) this.#states.set(key, states);
    for (const [index, charge] of take.charges.entries()) {
      const count = counts[index];
      if (charge.kind !== "take" || charge.hold === undefined || charge.hits === 0 || count?.fits !== true)
        continue;
      if (take.mode === "all" && verdict === "exceeds") continue;
      const { counter, hold, hits: charged } = charge;
      const startsAt = count.states.map(([at]) => at);
      const settlement = { counter, hold, reserved: charged, startsAt, hits: 0 };
      this.#held = [...this.#held, { settlement, dueAtMs: nowMs + hold.withinMs }];
      this.#everHeld.push(settlement);
    }
  }

  async settle(store: Store, which: number, hits: number): Promise<void> {
    const settlement = this.#everHeld.at(-1 - which);
    if (settlement === undefined) return;
    const [settled, nowMs] = await together(store, () => store.settle({ ...settlement, hits }, later()));
    this.#release(settlement.counter, nowMs);
    const isHeld = this.#held.some((one) => one.settlement === settlement);
    assert.deepEqual(settled, { kind: isHeld ? "settled" : "gone" });
    if (!isHeld) return;
    this.#held = this.#held.filter((one) => one.settlement !== settlement);
    this.#correct({ ...settlement, hits }, nowMs);
  }

  async reset(store: Store, counter: Counter): Promise<void> {
    await store.reset(counter);
    this.#states.delete(counter.key);
    this.#held = this.#held.filter(({ settlement }) => settlement.counter.key !== counter.key);
  }

  #release(counter: Counter, nowMs: number): void {
    const isDue = ({ settlement, dueAtMs }: Held): boolean =>
      settlement.counter.key === counter.key && dueAtMs <= nowMs;
    for (const { settlement } of this.#held.filter(isDue))
      if (settlement.hold.ifLost === "release") this.#correct({ ...settlement, counter, hits: 0 }, nowMs);
    this.#held = this.#held.filter((one) => !isDue(one));
  }

  #correct(settlement: Settlement, nowMs: number): void {
    const { key } = settlement.counter;
    const states = decideSettlement(settlement, this.#states.get(key) ?? [], nowMs);
    if (states !== undefined) this.#states.set(key, states);
  }
}

/** Without the window before of `fixed`, which nothing reads: a store that forgets what has ended has none. */
function told(taken: Taken, { charges }: Take): Taken {
  if (taken.kind === "failed") return taken;
  const counts = taken.counts.map((count, index) =>
    charges[index]?.counter.algorithm === "fixed"
      ? { ...count, states: count.states.map(([at, current]): State => [at, current, 0]) }
      : count,
  );
  return { ...taken, counts };
}

/** What a store answers, and its clock at that moment: what comes in one turn is decided at one time. */
async function together<A>(store: Store, ask: () => A | Promise<A>): Promise<readonly [A, number]> {
  const [answer, probe] = await Promise.all([ask(), store.take(PROBE, later())]);
  return [answer, counted(probe).nowMs];
}
