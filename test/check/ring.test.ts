import assert from "node:assert/strict";
import { Ring } from "../../src/check/ring.ts";

describe("a ring", () => {
  const keys = { atMs: 1, policy: "a", rule: "r", kind: "deny" };

  it("never has more than its bytes, and loses the oldest", () => {
    const ring = new Ring<{ text: string }>(2_000);
    for (let turn = 0; turn < 100; turn++) {
      ring.add(String(turn), keys, { text: "x".repeat(turn * 3) });
      assert.ok(ring.bytes <= 2_000);
    }
    assert.equal(ring.find("0"), undefined);
    assert.equal(ring.find("99")?.text.length, 297);
    const big = new Ring<{ text: string }>(100);
    big.add("1", keys, { text: "x".repeat(1_000) });
    assert.deepEqual([big.bytes, big.find("1")], [0, undefined]);
  });

  it("lists the newest first, by what they are looked for", () => {
    const ring = new Ring<{ id: number }>(100_000);
    for (const [id, policy, rule, kind] of [
      [1, "a", "r", "deny"],
      [2, "b", "r", "deny"],
      [3, "a", "s", "error"],
    ] as const)
      ring.add(String(id), { atMs: id, policy, rule, kind }, { id });
    const ids = (query: Parameters<typeof ring.list>[0]) => ring.list(query).map(({ id }) => id);
    assert.deepEqual(ids({ limit: 9 }), [3, 2, 1]);
    assert.deepEqual(ids({ limit: 2 }), [3, 2]);
    assert.deepEqual(ids({ limit: 9, policy: "a" }), [3, 1]);
    assert.deepEqual(ids({ limit: 9, rule: "r" }), [2, 1]);
    assert.deepEqual(ids({ limit: 9, kind: "error" }), [3]);
    assert.deepEqual(ids({ limit: 9, sinceMs: 2 }), [3]);
  });
});
