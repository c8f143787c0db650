import assert from "node:assert/strict";
import { PerSecond } from "../../src/std/per-second.ts";

describe("so many a second", () => {
  it("are taken, and again in the next", () => {
    const two = new PerSecond(2);
    assert.deepEqual(
      [0, 1, 999, 1_000, 1_001, 1_002].map((atMs) => two.takes(atMs)),
      [true, true, false, true, true, false],
    );
  });

  it("are known to be full before one more is counted", () => {
    const one = new PerSecond(1);
    assert.equal(one.isFull(0), false);
    assert.equal(one.takes(0), true);
    assert.deepEqual([one.isFull(999), one.isFull(1_000)], [true, false]);
  });
});
