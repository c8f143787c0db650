import assert from "node:assert/strict";
import { StoreLimits, type Takes } from "../../src/limits/limits.ts";
import type { Settled, Settlement, Take, Taken } from "../../src/store/counter.ts";
import { MemoryStore } from "../../src/store/memory.ts";
import type { Store, StoreStatus } from "../../src/store/store.ts";
import { claimsOf, late, NOW_MS, quota, snapshotOfQuotas } from "./fixture.ts";

/** A store in groups by policy, each of which may fail; what is asked of it is kept. */
class Grouped implements Store {
  readonly memory = new MemoryStore({ nowMs: () => NOW_MS, maxCounters: 1_000 });
  readonly takes: Take[] = [];
  readonly failing = new Map<string, Extract<Taken, { kind: "failed" }>["reason"]>();
  readonly #groups: readonly string[];

  constructor(groups: readonly string[]) {
    this.#groups = groups;
  }

  get division(): Store["division"] {
    return this.#groups.length < 2 ? "whole" : "by-tag";
  }

  groupOf(tag: string): number {
    return Math.max(0, this.#groups.indexOf(tag));
  }

  take(take: Take): Promise<Taken> {
    this.takes.push(take);
    const groups = new Set(take.charges.map(({ counter: { tag } }) => this.groupOf(tag)));
    assert.equal(groups.size, 1, "charges of several groups stand in one take");
    const reason = this.failing.get(take.charges[0]?.counter.tag ?? "");
    return Promise.resolve(reason === undefined ? this.memory.take(take) : { kind: "failed", reason });
  }

  settle(settlement: Settlement): Promise<Settled> {
    return Promise.resolve(this.memory.settle(settlement));
  }

  reset(): Promise<boolean> {
    return assert.fail("a counter was reset");
  }

  status(): StoreStatus {
    return this.memory.status();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

interface Asking {
  readonly limits: StoreLimits;
  readonly noted: string[];
  /** What was charged, by quota. */
  readonly charged: string[];
  readonly lost: string[];
}

function limitsOver(store: Store, replicas = 1, nowMs: () => number = () => NOW_MS): Asking {
  const noted: string[] = [];
  const charged: string[] = [];
  const lost: string[] = [];
  const limits = new StoreLimits({
    store: () => store,
    local: new MemoryStore({ nowMs: () => NOW_MS, maxCounters: 1_000 }),
    replicas: () => replicas,
    nowMs,
    signer: { sign: () => "signature", isSigned: () => true },
    observe: {
      onTake({ quota: { policy, id } }, result, by, hits) {
        noted.push(`${policy}/${id} ${result} ${by}`);
        if (hits > 0) charged.push(`${policy}/${id} ${hits}`);
      },
      onLost: (what) => lost.push(what),
    },
  });
  return { limits, noted, charged, lost };
}

const inWords = ({ verdict, outcomes }: Takes): string =>
  [verdict, ...outcomes.map(({ result, by }) => `${result} ${by}`)].join(", ");

/** How much is counted of each quota's counter. */
function usedOf(store: Store, { policies }: ReturnType<typeof snapshotOfQuotas>): readonly number[] {
  const memory = store instanceof Grouped ? store.memory : store;
  return claimsOf({ policies }).map(({ counter }) => {
    const taken = memory.take({ mode: "each", charges: [{ kind: "look", counter, hits: 0 }] }, Infinity);
    assert.ok(!(taken instanceof Promise) && taken.kind === "counted");
    return taken.counts[0]?.states[0]?.[1] ?? 0;
  });
}

describe("limits over a store that decides all at once", () => {
  it("wait for nobody where the store is at hand", () => {
    const store = new MemoryStore({ nowMs: () => NOW_MS, maxCounters: 10 });
    const snapshot = snapshotOfQuotas({ a: [quota("one", 2)] });
    const takes = limitsOver(store).limits.take(claimsOf(snapshot), Infinity);
    assert.ok(!(takes instanceof Promise));
    assert.equal(inWords(takes), "fits, fits store");
    assert.deepEqual(takes.outcomes[0]?.readings, [
      { limit: 2, used: 1, remaining: 1, resetMs: 50_000, fitsInMs: 0 },
    ]);
  });

  it("make one take of all that is wanted", async () => {
    const store = new Grouped(["all"]);
    const snapshot = snapshotOfQuotas({ a: [quota("one", 2), quota("two", 1)], b: [quota("three", 9)] });
    const { limits, noted, charged } = limitsOver(store);
    assert.equal(
      inWords(await limits.take(claimsOf(snapshot), Infinity)),
      "fits, fits store, fits store, fits store",
    );
    assert.equal(
      inWords(await limits.take(claimsOf(snapshot), Infinity)),
      "exceeds, fits store, exceeds store, fits store",
    );
    assert.equal(store.takes.length, 2);
    assert.deepEqual(usedOf(store, snapshot), [1, 1, 1]);
    assert.deepEqual(charged, ["a/one 1", "a/two 1", "b/three 1"]);
    assert.deepEqual(noted.slice(3), ["a/one fits store", "a/two exceeds store", "b/three fits store"]);
  });

  it("say when a limit is near", async () => {
    const store = new Grouped(["all"]);
    const snapshot = snapshotOfQuotas({ a: [quota("one", 5, { warnAt: "80%" })] });
    const { limits, noted } = limitsOver(store);
    for (let index = 0; index < 6; index++) await limits.take(claimsOf(snapshot), Infinity);
    assert.deepEqual(
      noted.map((text) => text.split(" ")[1]),
      ["fits", "fits", "fits", "fits", "warned", "fits", "warned", "exceeds"],
    );
  });
});

describe("limits over a store in parts", () => {
  const apart = () => new Grouped(["", "q/a", "q/b", "q/c"]);

  it("give back what one part has charged when another refuses", async () => {
    const store = apart();
    const snapshot = snapshotOfQuotas({ a: [quota("one", 9)], b: [quota("two", 1)], c: [late("three", 50)] });
    const { limits, lost } = limitsOver(store);
    await limits.take(claimsOf(snapshot), Infinity);
    assert.equal(
      inWords(await limits.take(claimsOf(snapshot), Infinity)),
      "exceeds, fits store, exceeds store, fits store",
    );
    assert.deepEqual(usedOf(store, snapshot), [1, 1, 5]);
    assert.deepEqual(lost, []);
  });

  it("never give back what may not have been charged", async () => {
    const store = apart();
    const snapshot = snapshotOfQuotas({
      a: [quota("one", 9, { onError: "deny" })],
      b: [quota("two", 9)],
    });
    store.failing.set("q/a", "timeout");
    const { limits } = limitsOver(store);
    assert.equal(
      inWords(await limits.take(claimsOf(snapshot), Infinity)),
      "failed, failed local, fits store",
    );
    assert.deepEqual(usedOf(store, snapshot), [0, 0]);
    const refunds = store.takes.flatMap(({ charges }) => charges.filter(({ kind }) => kind === "refund"));
    assert.deepEqual(
      refunds.map(({ counter }) => counter.tag),
      ["q/b"],
    );
  });

  it("refuse where one part says no, whatever another cannot say", async () => {
    const store = apart();
    const snapshot = snapshotOfQuotas({ a: [quota("one", 9, { onError: "deny" })], b: [quota("two", 0)] });
    store.failing.set("q/a", "away");
    assert.equal((await limitsOver(store).limits.take(claimsOf(snapshot), Infinity)).verdict, "exceeds");
  });

  it("tell of what could not be given back", async () => {
    const store = apart();
    const snapshot = snapshotOfQuotas({ a: [quota("one", 9)], b: [quota("two", 0)] });
    const { limits, lost } = limitsOver(store);
    const takes = limits.take(claimsOf(snapshot), Infinity);
    store.failing.set("q/a", "away");
    await takes;
    await Promise.resolve();
    assert.deepEqual(lost, ["refund"]);
  });
});

describe("limits over a store that is away", () => {
  const away = (): Grouped => {
    const store = new Grouped(["all"]);
    for (const tag of ["q/a", "q/b"]) store.failing.set(tag, "away");
    return store;
  };

  it("are what each quota says that they are then", async () => {
    const { limits } = limitsOver(away());
    const of = (onError: string) => claimsOf(snapshotOfQuotas({ a: [quota("one", 1, { onError })] }));
    assert.equal(inWords(await limits.take(of("allow"), Infinity)), "fits, passed local");
    assert.equal(inWords(await limits.take(of("deny"), Infinity)), "failed, failed local");
    assert.equal(inWords(await limits.take(of("local"), Infinity)), "fits, fits local");
    assert.equal(inWords(await limits.take(of("local"), Infinity)), "exceeds, exceeds local");
  });

  it("are shared evenly by the replicas, rounded up", async () => {
    const granted = async (limit: number, replicas: number): Promise<number> => {
      const { limits } = limitsOver(away(), replicas);
      const claims = claimsOf(snapshotOfQuotas({ a: [quota("one", limit)] }));
      let count = 0;
      while (count < 100 && (await limits.take(claims, Infinity)).verdict === "fits") count++;
      return count;
    };
    assert.deepEqual(
      [await granted(10, 1), await granted(10, 3), await granted(1, 3), await granted(0, 3)],
      [10, 4, 1, 0],
    );
  });

  it("give back what was counted here when a quota cannot do without the store", async () => {
    const { limits } = limitsOver(away());
    const both = claimsOf(snapshotOfQuotas({ a: [quota("one", 1), quota("two", 9, { onError: "deny" })] }));
    const [one] = both;
    assert.ok(one);
    assert.equal((await limits.take(both, Infinity)).verdict, "failed");
    assert.equal((await limits.take([one], Infinity)).verdict, "fits");
  });
});

describe("what is counted after a refusal", () => {
  it("is counted whether or not it fits, to one above the limit", async () => {
    const store = new Grouped(["all"]);
    const snapshot = snapshotOfQuotas({ a: [quota("one", 2, { count: "denied" })] });
    const { limits, lost, noted, charged } = limitsOver(store);
    for (let index = 0; index < 5; index++) limits.count(claimsOf(snapshot));
    await Promise.resolve();
    assert.deepEqual(usedOf(store, snapshot), [3]);
    assert.deepEqual(
      noted,
      Array.from({ length: 5 }, () => "a/one counted store"),
    );
    assert.deepEqual(
      charged,
      Array.from({ length: 5 }, () => "a/one 1"),
    );
    assert.equal(inWords(await limits.take(claimsOf(snapshot), Infinity)), "exceeds, exceeds store");
    assert.deepEqual(lost, []);
  });

  it("is dropped, and that is told, where too much of it waits", async () => {
    const store = new Grouped(["all"]);
    store.failing.set("q/a", "away");
    const { limits, lost } = limitsOver(store);
    const claims = claimsOf(snapshotOfQuotas({ a: [quota("one", 2, { count: "denied" })] }));
    for (let index = 0; index < 1_500; index++) limits.count(claims);
    assert.equal(lost.length, 500);
    assert.equal(store.takes.length, 1_000);
    await new Promise(setImmediate);
    assert.equal(lost.length, 1_500);
  });
});

describe("what a store has just called exhausted", () => {
  /** Asks one counter of 2 a minute until it is exhausted, at a moment that a test moves. */
  async function exhausted(groups: readonly string[], more: object = {}) {
    const clock = { nowMs: NOW_MS };
    const store = new Grouped(groups);
    const snapshot = snapshotOfQuotas({ a: [quota("one", 2, more)] });
    const { limits, noted } = limitsOver(store, 1, () => clock.nowMs);
    const ask = async () => inWords(await limits.take(claimsOf(snapshot), Infinity));
    for (let index = 0; index < 3; index++) await ask();
    assert.equal(store.takes.length, 3);
    return { clock, store, limits, noted, ask };
  }

  it("is not asked again for a second", async () => {
    const { clock, store, noted, ask } = await exhausted(["all"]);
    clock.nowMs += 999;
    assert.equal(await ask(), "exceeds, exceeds remembered");
    assert.equal(store.takes.length, 3);
    assert.equal(noted.at(-1), "a/one exceeds remembered");
    clock.nowMs += 1;
    assert.equal(await ask(), "exceeds, exceeds store");
    assert.equal(store.takes.length, 4);
  });

  it("is asked again sooner where hits would fit sooner, where fewer are wanted, and where the limit is another", async () => {
    const bucket = { algorithm: "bucket", windows: [{ limit: "600", per: "1m", burst: "2" }] };
    const soon = await exhausted(["all"], bucket);
    soon.clock.nowMs += 100;
    await soon.ask();
    assert.equal(soon.store.takes.length, 4);

    const { limits, store } = await exhausted(["all"]);
    const asking = async (more: object, limit = 2) => {
      await limits.take(claimsOf(snapshotOfQuotas({ a: [quota("one", limit, more)] })), Infinity);
      return store.takes.length;
    };
    assert.equal(await asking({ cost: "5" }), 3, "more cannot fit either");
    assert.equal(await asking({ cost: "0" }), 4);
    assert.equal(await asking({}, 3), 5);
  });

  it("is asked again where something may be given back: across groups, and of what is settled later", async () => {
    const apart = await exhausted(["", "q/a", "q/b"]);
    await apart.ask();
    assert.equal(apart.store.takes.length, 4);

    const store = new Grouped(["all"]);
    const { limits } = limitsOver(store);
    const claims = claimsOf(snapshotOfQuotas({ a: [late("tokens", 4)] }));
    for (let index = 0; index < 2; index++) await limits.take(claims, Infinity);
    assert.equal(store.takes.length, 2);
  });

  it("is asked again where somebody has reset it", async () => {
    const { store, limits, ask } = await exhausted(["all"]);
    const [claim] = claimsOf(snapshotOfQuotas({ a: [quota("one", 2)] }));
    assert.ok(claim);
    await store.memory.reset(claim.counter);
    assert.equal(await ask(), "exceeds, exceeds remembered");
    limits.askAgain(claim.counter);
    assert.equal(await ask(), "fits, fits store");
  });

  it("waits for nobody", async () => {
    const { limits } = await exhausted(["all"]);
    const takes = limits.take(claimsOf(snapshotOfQuotas({ a: [quota("one", 2)] })), Infinity);
    assert.ok(!(takes instanceof Promise));
  });
});
