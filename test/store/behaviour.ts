import assert from "node:assert/strict";
import fc from "fast-check";
import type { Charge, Counter, Hold, Settlement, Take } from "../../src/store/counter.ts";
import type { Store } from "../../src/store/store.ts";
import { counted, counterOf, later, Model, PROBE, usedOf } from "./model.ts";

/** A store under test, and its clock. */
export interface Subject {
  readonly store: Store;
  /** Lets so many milliseconds go by. */
  readonly pass: (ms: number) => Promise<void> | void;
}

/** Says of a store that it does what the pure functions say, by its own clock. */
export function behavesAsAStore(subject: () => Subject, runs: number): void {
  it("decides random takes, settlements and resets as the pure functions do", async function () {
    this.timeout(30_000);
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step(), { minLength: 1, maxLength: 12 }), async (steps) => {
        await compare(subject(), `random-${process.pid}-${run++}`, steps);
      }),
      { numRuns: runs },
    );
  });

  it("knows five windows of a calendar, and says skew beyond them", async () => {
    const { store, pass } = subject();
    const nowMs = await clockOf(store);
    const starts = [-80, -40, 0, 40, 80].map((ms) => nowMs + ms) as [number, number, number, number, number];
    const counter = { ...counterOf("calendar"), windows: [{ limit: 2, length: starts, burst: 2 }] };
    const model = new Model();
    for (let step = 0; step < 14; step++) {
      await model.take(store, { mode: "all", charges: [{ kind: "take", counter, hits: 1 }] });
      await pass(10);
    }
    assert.deepEqual(
      await store.take({ mode: "all", charges: [{ kind: "take", counter, hits: 1 }] }, later()),
      {
        kind: "failed",
        reason: "skew",
      },
    );
    const early = {
      ...counter,
      windows: [{ limit: 2, length: starts.map((ms) => ms + 900_000) as never, burst: 2 }],
    };
    const answer = await store.take(
      { mode: "each", charges: [{ kind: "count", counter: early, hits: 1 }] },
      later(),
    );
    assert.equal(answer.kind, "failed");
  });

  it("settles a reservation once, to what it came to", async () => {
    const { store } = subject();
    const counter = counterOf("settled");
    const settlement = await reserved(store, counter, { withinMs: 60_000, ifLost: "keep" });
    assert.equal(await usedOf(store, counter), 5);
    assert.deepEqual(await store.settle({ ...settlement, hits: 2 }, later()), { kind: "settled" });
    assert.equal(await usedOf(store, counter), 2);
    assert.deepEqual(await store.settle({ ...settlement, hits: 1 }, later()), { kind: "gone" });
    assert.equal(await usedOf(store, counter), 2);
  });

  for (const { ifLost, used } of [
    { ifLost: "release", used: 0 },
    { ifLost: "keep", used: 5 },
  ] as const) {
    it(`does ${ifLost} what nobody has settled in time`, async () => {
      const { store, pass } = subject();
      const counter = counterOf(`lost-${ifLost}`);
      const settlement = await reserved(store, counter, { withinMs: 200, ifLost });
      assert.equal(await usedOf(store, counter), 5);
      await pass(210);
      assert.equal(await usedOf(store, counter), used);
      assert.deepEqual(await store.settle({ ...settlement, hits: 9 }, later()), { kind: "gone" });
      assert.equal(await usedOf(store, counter), used);
    });
  }

  it("reserves nothing that was not charged", async () => {
    const { store } = subject();
    const counter = counterOf("not-charged");
    const hold: Hold = { id: "one", withinMs: 60_000, ifLost: "release" };
    const charges: readonly Charge[] = [
      { kind: "take", counter, hits: 500, hold },
      { kind: "count", counter, hits: 3 },
    ];
    const taken = counted(await store.take({ mode: "all", charges }, later()));
    assert.equal(taken.verdict, "exceeds");
    const startsAt = taken.counts[0]?.states.map(([at]) => at) ?? [];
    assert.deepEqual(await store.settle({ counter, hold, reserved: 500, startsAt, hits: 0 }, later()), {
      kind: "gone",
    });
    assert.equal(await usedOf(store, counter), 3);
  });

  it("forgets a counter that is reset, with its reservations", async () => {
    const { store } = subject();
    const counter = counterOf("reset");
    const settlement = await reserved(store, counter, { withinMs: 60_000, ifLost: "release" });
    assert.equal(await store.reset(counter), true);
    assert.equal(await store.reset(counter), false);
    assert.equal(await usedOf(store, counter), 0);
    assert.deepEqual(await store.settle({ ...settlement, hits: 9 }, later()), { kind: "gone" });
  });

  it("charges all or none, and never more than the limit, of what comes at once", async () => {
    const { store } = subject();
    const [narrow, wide] = [counterOf("narrow", 37), counterOf("wide", 1_000)];
    const charges = [wide, narrow].map((counter): Charge => ({ kind: "take", counter, hits: 1 }));
    const answers = await Promise.all(
      Array.from({ length: 150 }, async () => store.take({ mode: "all", charges }, later())),
    );
    const fitting = answers.filter((answer) => counted(answer).verdict === "fits").length;
    assert.equal(fitting, 37);
    assert.equal(await usedOf(store, narrow), 37);
    assert.equal(await usedOf(store, wide), 37);
  });
}

async function clockOf(store: Store): Promise<number> {
  return counted(await store.take(PROBE, later())).nowMs;
}

async function reserved(store: Store, counter: Counter, how: Omit<Hold, "id">): Promise<Settlement> {
  const hold = { id: "reservation", ...how };
  const taken = counted(
    await store.take({ mode: "all", charges: [{ kind: "take", counter, hits: 5, hold }] }, later()),
  );
  const startsAt = taken.counts[0]?.states.map(([at]) => at) ?? [];
  return { counter, hold, reserved: 5, startsAt, hits: 0 };
}

type Step =
  | { readonly kind: "take"; readonly mode: Take["mode"]; readonly charges: readonly DrawnCharge[] }
  | { readonly kind: "settle"; readonly which: number; readonly hits: number }
  | { readonly kind: "reset"; readonly counter: number }
  | { readonly kind: "pass"; readonly ms: number };

interface DrawnCharge {
  readonly kind: Charge["kind"];
  readonly counter: number;
  readonly hits: number;
  readonly limits: readonly number[];
  readonly hold: Omit<Hold, "id"> | undefined;
}

const hits = (): fc.Arbitrary<number> => fc.nat(6);

const charge = (): fc.Arbitrary<DrawnCharge> =>
  fc.record({
    kind: fc.constantFrom("take", "take", "take", "look", "count", "refund"),
    counter: fc.nat(COUNTERS.length - 1),
    hits: hits(),
    limits: fc.array(fc.nat(9), { minLength: 2, maxLength: 2 }),
    hold: fc.option(
      fc.record({
        // Those of one counter wait equally long.
        withinMs: fc.constant(25),
        ifLost: fc.constantFrom("keep", "release"),
      }),
      { nil: undefined, freq: 3 },
    ),
  });

const step = (): fc.Arbitrary<Step> =>
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant("take" as const),
        mode: fc.constantFrom("all" as const, "each" as const),
        charges: fc.array(charge(), { minLength: 1, maxLength: 4 }),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant("settle" as const), which: fc.nat(3), hits: hits() }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant("reset" as const), counter: fc.nat(COUNTERS.length - 1) }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("pass" as const), ms: fc.nat(30) }) },
  );

/** Algorithms, and lengths of windows that roll while the test runs. */
const COUNTERS = [
  { algorithm: "fixed", lengths: [13] },
  { algorithm: "sliding", lengths: [20] },
  { algorithm: "bucket", lengths: [30] },
  { algorithm: "sliding", lengths: [17, 60_000] },
  { algorithm: "fixed", lengths: [25, 70] },
] as const;

async function compare({ store, pass }: Subject, name: string, steps: readonly Step[]): Promise<void> {
  const model = new Model();
  let ids = 0;
  for (const one of steps) {
    switch (one.kind) {
      case "take": {
        const charges = one.charges.map((drawn) => chargeOf(drawn, name, `hold-${ids++}`));
        await model.take(store, { mode: one.mode, charges });
        break;
      }
      case "settle":
        await model.settle(store, one.which, one.hits);
        break;
      case "reset":
        await model.reset(store, drawnCounter(one.counter, name, [1, 1]));
        break;
      case "pass":
        await pass(one.ms);
        break;
    }
  }
}

function chargeOf(
  { kind, counter: index, hits, limits, hold }: DrawnCharge,
  name: string,
  id: string,
): Charge {
  const counter = drawnCounter(index, name, limits);
  return kind === "take" && hold !== undefined
    ? { kind, counter, hits, hold: { id, ...hold } }
    : { kind, counter, hits };
}

function drawnCounter(index: number, name: string, limits: readonly number[]): Counter {
  const { algorithm, lengths } = COUNTERS[index] ?? COUNTERS[0];
  // A store may forget a bucket when it is empty by the limit that it was last charged with: that one stays the same here.
  const limitOf = (at: number): number => (algorithm === "bucket" ? 3 : (limits[at] ?? 1));
  const windows = lengths.map((length, at) => ({ limit: limitOf(at), length, burst: limits[1] ?? 1 }));
  return { tag: "suite", key: `weir:{suite}:${name}:${index}`, algorithm, windows };
}
