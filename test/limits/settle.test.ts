import assert from "node:assert/strict";
import { NO_DETAILS, NO_ENTRY, type EntryFacts } from "../../src/attributes/entry-facts.ts";
import { EntryAttributes } from "../../src/attributes/entry.ts";
import { signer } from "../../src/host/signer.ts";
import { StoreLimits } from "../../src/limits/limits.ts";
import { byEntry, settle, type Settler } from "../../src/limits/settle.ts";
import { MemoryStore } from "../../src/store/memory.ts";
import { claimsOf, late, NOW_MS, snapshotOfQuotas } from "./fixture.ts";

const KEY = "a key of a test";

/** One replica over a store that others have, too. */
function replica(
  store: MemoryStore,
  snapshot: ReturnType<typeof snapshotOfQuotas>,
  keys: readonly string[] = [KEY],
) {
  const told: string[] = [];
  const signs = signer(() => keys);
  const limits = new StoreLimits({
    store: () => store,
    local: store,
    replicas: () => 1,
    nowMs: () => NOW_MS,
    signer: signs,
    observe: { onTake: () => undefined, onLost: (what) => assert.fail(`${what} was lost`) },
  });
  const settler: Settler = {
    store: () => store,
    signer: signs,
    live: () => snapshot,
    nowMs: () => NOW_MS,
    onSettled: ({ policy, quota }, result) => told.push(`${policy}/${quota} ${result}`),
  };
  return {
    told,
    settler,
    /** Reserves for one request; the tokens that its answer carries. */
    reserve: (): readonly string[] => {
      const takes = limits.take(claimsOf(snapshot), Infinity);
      assert.ok(!(takes instanceof Promise) && takes.verdict === "fits");
      return takes.outcomes.flatMap(
        ({ claim, reserved }) => (reserved && limits.token(claim, reserved)) ?? [],
      );
    },
    used: (): number => {
      const [claim] = claimsOf(snapshot);
      assert.ok(claim);
      const { counter } = claim;
      const taken = store.take({ mode: "each", charges: [{ kind: "look", counter, hits: 0 }] });
      assert.ok(taken.kind === "counted");
      return taken.counts[0]?.states[0]?.[1] ?? 0;
    },
  };
}

/** The entry of a request, with what the upstream says it came to. */
const entry = (tokens?: unknown, more: Partial<EntryFacts> = {}): EntryAttributes =>
  new EntryAttributes(
    {
      ...NO_ENTRY,
      metadata: () => new Map(tokens === undefined ? [] : [["llm", new Map([["tokens", tokens]])]]),
      ...more,
    },
    snapshotOfQuotas({ a: [late("tokens", 100)] }).settings,
  );

describe("a late cost", () => {
  let nowMs = NOW_MS;
  const storeOf = () => new MemoryStore({ nowMs: () => nowMs, maxCounters: 100 });

  beforeEach(() => {
    nowMs = NOW_MS;
  });

  it("is reserved, and settled once by what the access-log entry says, by any replica", async () => {
    const store = storeOf();
    const snapshot = snapshotOfQuotas({ a: [late("tokens", 100)] });
    const [one, other] = [replica(store, snapshot), replica(store, snapshot)];
    const tokens = one.reserve();
    assert.equal(tokens.length, 1);
    assert.equal(one.used(), 5);
    assert.deepEqual(
      await settle(
        tokens,
        byEntry(() => snapshot, entry(42)),
        other.settler,
      ),
      ["settled"],
    );
    assert.equal(one.used(), 42);
    assert.deepEqual(
      await settle(
        tokens,
        byEntry(() => snapshot, entry(42)),
        one.settler,
      ),
      ["gone"],
    );
    assert.equal(one.used(), 42);
    assert.deepEqual([...other.told, ...one.told], ["a/tokens settled", "a/tokens gone"]);
  });

  it("may be anything that an entry tells", async () => {
    const snapshot = snapshotOfQuotas({
      a: [late("tokens", 100, { settle: "upstream.request_attempt_count + connection.sent_bytes" })],
    });
    const details = () => ({ ...NO_DETAILS, upstreamRequestAttemptCount: 2 });
    const connectionBytes = { sent: 40, received: 0 };
    const { reserve, settler, used } = replica(storeOf(), snapshot);
    const hitsOf = byEntry(() => snapshot, entry(1, { details, connectionBytes }));
    assert.deepEqual(await settle(reserve(), hitsOf, settler), ["settled"]);
    assert.equal(used(), 42);
  });

  it("may come to less than was reserved, and to nothing", async () => {
    const snapshot = snapshotOfQuotas({ a: [late("tokens", 100)] });
    const { reserve, settler, used } = replica(storeOf(), snapshot);
    await settle(reserve(), () => 2, settler);
    await settle(reserve(), () => 0, settler);
    assert.equal(used(), 2);
  });

  it("that has no value, or is less than nothing, leaves what was reserved", async () => {
    const snapshot = snapshotOfQuotas({ a: [late("tokens", 100)] });
    const { reserve, settler, used } = replica(storeOf(), snapshot);
    for (const found of [entry(), entry("many"), entry(-3)])
      assert.deepEqual(
        await settle(
          reserve(),
          byEntry(() => snapshot, found),
          settler,
        ),
        ["unknown"],
      );
    const gone = byEntry(() => snapshotOfQuotas({ a: [late("others", 100)] }), entry(1));
    assert.deepEqual(await settle(reserve(), gone, settler), ["unknown"]);
    assert.equal(used(), 20);
  });

  it("stays charged when nothing comes within its time, or is given back, as the quota says", async () => {
    for (const [ifLost, left] of [
      ["keep", 5],
      ["release", 0],
    ] as const) {
      nowMs = NOW_MS - 10_000;
      const snapshot = snapshotOfQuotas({ a: [late("tokens", 100, { ifLost, within: "2s" })] });
      const { reserve, settler, used } = replica(storeOf(), snapshot);
      const tokens = reserve();
      nowMs += 2_000;
      assert.equal(used(), left, ifLost);
      assert.deepEqual(await settle(tokens, () => 90, settler), ["gone"]);
      assert.equal(used(), left, ifLost);
    }
  });

  it("keeps who asks together under the limit by what is reserved", () => {
    const snapshot = snapshotOfQuotas({ a: [late("tokens", 12)] });
    const { reserve, used } = replica(storeOf(), snapshot);
    reserve();
    reserve();
    assert.throws(reserve);
    assert.equal(used(), 10);
  });

  it("is settled only by what weir has signed, with the key of now or of before", async () => {
    const store = storeOf();
    const snapshot = snapshotOfQuotas({ a: [late("tokens", 100)] });
    const { reserve, used } = replica(store, snapshot);
    const [token = ""] = reserve();
    const [body = "", signature = ""] = token.split(".");
    const other = body.startsWith("X") ? `Y${body.slice(1)}` : `X${body.slice(1)}`;
    const stranger = replica(store, snapshot, ["another key"]);
    const forged = [
      token,
      `${token}x`,
      `${other}.${signature}`,
      body,
      `${body}.`,
      ".",
      "",
      `${token}.${signature}`,
    ];
    const results = await settle(forged, () => 1, stranger.settler);
    assert.deepEqual(new Set(results), new Set(["forged"]));
    assert.deepEqual(new Set(stranger.told), new Set(["/ forged"]));
    assert.equal(used(), 5);
    const rotated = replica(store, snapshot, ["a new key", KEY]);
    assert.deepEqual(await settle([token], () => 1, rotated.settler), ["settled"]);
    assert.equal(used(), 1);
  });

  it("has no token where there is no key to sign it with, and stays charged", () => {
    const snapshot = snapshotOfQuotas({ a: [late("tokens", 100)] });
    const { reserve, used } = replica(storeOf(), snapshot, []);
    assert.deepEqual(reserve(), []);
    assert.equal(used(), 5);
  });
});
