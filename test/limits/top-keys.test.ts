import assert from "node:assert/strict";
import type { Claim } from "../../src/limits/claim.ts";
import { MAX_KEYS, TopKeys } from "../../src/limits/top-keys.ts";
import { claimsOf, NOW_MS, quota, snapshotOfQuotas } from "./fixture.ts";

const MINUTE_MS = 60_000;

/** Claims of one quota with these keys. */
function claimsOfKeys(...keys: readonly string[]): readonly Claim[] {
  const [claim] = claimsOf(snapshotOfQuotas({ a: [quota("one", 2)] }));
  assert.ok(claim);
  return keys.map((key) => ({ ...claim, key: [key], counter: { ...claim.counter, key } }));
}

const inWords = (top: TopKeys, { quota: of }: Claim): readonly string[] =>
  top.of(of).map(({ key, hits, refusals }) => `${key.join()} ${hits} ${refusals}`);

describe("the busiest keys", () => {
  it("are told by what they charged and what they were refused, the busiest first", () => {
    const top = new TopKeys();
    const [alice, bob] = claimsOfKeys("alice", "bob");
    assert.ok(alice && bob);
    top.noteClaim(alice, "fits", { charged: 3, atMs: NOW_MS });
    for (const result of ["fits", "exceeds", "warned", "passed"] as const)
      top.noteClaim(bob, result, { charged: result === "fits" ? 1 : 0, atMs: NOW_MS + 1 });
    assert.deepEqual(inWords(top, alice), ["bob 1 1", "alice 3 0"]);
    const [{ sinceMs, seenMs } = assert.fail("nothing is kept")] = top.of(alice.quota);
    assert.deepEqual([sinceMs, seenMs], [NOW_MS + 1, NOW_MS + 1]);
  });

  it("are of one configuration: those of a quota that is gone are not told", () => {
    const top = new TopKeys();
    const [before] = claimsOfKeys("alice");
    const [after] = claimsOfKeys("alice");
    assert.ok(before && after);
    top.noteClaim(before, "fits", { charged: 1, atMs: NOW_MS });
    assert.deepEqual(top.of(after.quota), []);
  });

  it("keep the busy ones through a flood of others, and are bounded", () => {
    const top = new TopKeys();
    const busy = claimsOfKeys(...Array.from({ length: 20 }, (_, index) => `busy ${index}`));
    const others = claimsOfKeys(...Array.from({ length: 2_000 }, (_, index) => `other ${index}`));
    const [{ quota: of } = assert.fail("there is no claim")] = busy;
    for (const [index, other] of others.entries()) {
      const claim = busy[index % busy.length];
      assert.ok(claim);
      for (const one of [claim, { ...other, quota: of }])
        top.noteClaim({ ...one, quota: of }, "fits", { charged: 1, atMs: NOW_MS });
    }
    const kept = top.of(of);
    assert.equal(kept.length, MAX_KEYS);
    const told = new Set(kept.slice(0, busy.length).map(({ key }) => key.join()));
    assert.deepEqual(told, new Set(busy.map(({ key }) => key.join())));
    assert.ok(kept.slice(0, busy.length).every(({ hits }) => hits === 100));
    assert.ok(kept.slice(busy.length).every(({ hits }) => hits === 1));
  });

  it("take in a new key by chance only, the more rarely the busier the others are, and find one that has become busy", () => {
    let drawn = 0;
    const top = new TopKeys(() => drawn);
    const [{ quota: of } = assert.fail("there is no claim")] = claimsOfKeys("x");
    const noteTimes = (key: string, times: number): void => {
      const [claim] = claimsOfKeys(key);
      assert.ok(claim);
      for (let time = 0; time < times; time++)
        top.noteClaim({ ...claim, quota: of }, "fits", { charged: 1, atMs: NOW_MS });
    };
    const has = (key: string): boolean => top.of(of).some((one) => one.key[0] === key);
    for (let index = 0; index < MAX_KEYS; index++) noteTimes(`busy ${index}`, 9);
    drawn = 0.11;
    noteTimes("new", 1);
    assert.equal(has("new"), false, "one of ten is taken in beside weights of 9");
    drawn = 0.09;
    noteTimes("new", 1);
    assert.equal(has("new"), true);
    assert.equal(top.of(of).length, MAX_KEYS);
    noteTimes("new", 100);
    const [first] = top.of(of);
    assert.deepEqual([first?.key, first?.hits], [["new"], 101]);
  });

  it("forget what was busy long ago", () => {
    const top = new TopKeys();
    const [old, fresh] = claimsOfKeys("old", "fresh");
    assert.ok(old && fresh);
    for (let times = 0; times < 100; times++) top.noteClaim(old, "fits", { charged: 1, atMs: NOW_MS });
    for (let times = 0; times < 10; times++)
      top.noteClaim({ ...fresh, quota: old.quota }, "fits", { charged: 1, atMs: NOW_MS + 60 * MINUTE_MS });
    assert.deepEqual(inWords(top, old), ["fresh 10 0", "old 100 0"]);
  });

  it("keep the beginning of a long value", () => {
    const top = new TopKeys();
    const [long] = claimsOfKeys("x".repeat(100_000));
    assert.ok(long);
    top.noteClaim(long, "fits", { charged: 1, atMs: NOW_MS });
    assert.equal(top.of(long.quota)[0]?.key[0], "x".repeat(256));
  });
});
