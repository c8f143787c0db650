import assert from "node:assert/strict";
import { Bucket } from "../../../adapters/apigee/bucket.ts";

const NOW = Date.UTC(2026, 0, 1, 0, 0, 10);
const END = Date.UTC(2026, 0, 1, 0, 1);
const bucket = (allow = 5): Bucket =>
  new Bucket({ identifier: "id", allow, interval: 1, timeUnit: "minute" }, NOW);

describe("a bucket", () => {
  it("counts what passed here, what is under way, and what the service knows", () => {
    const one = bucket();
    one.charge(2, NOW);
    assert.equal(one.begin(NOW), 2);
    one.charge(1, NOW);
    assert.equal(one.left(NOW), 2);
    one.learn({ used: 4, expiresAtMs: END }, NOW);
    assert.equal(one.left(NOW), 0);
    assert.equal(one.pending, 1);
  });

  it("takes the service's word for the end of the window, in milliseconds", () => {
    const one = bucket();
    one.begin(NOW);
    one.learn({ used: 5, expiresAtMs: NOW + 1_500 }, NOW);
    assert.equal(one.left(NOW + 1_499), 0);
    assert.equal(one.left(NOW + 1_500), 5);
  });

  it("keeps to its own calendar where the service's clock is behind", () => {
    const one = bucket();
    one.begin(NOW);
    one.learn({ used: 3, expiresAtMs: NOW - 60_000 }, NOW);
    assert.equal(one.left(NOW), 2);
    assert.equal(one.endsAtMs(NOW), END);
  });

  it("sends again what was certainly not counted, and never what may have been", () => {
    for (const [fate, pending] of [
      ["not-counted", 3],
      ["unknown", 0],
    ] as const) {
      const one = bucket();
      one.charge(3, NOW);
      one.begin(NOW);
      one.giveUp(fate);
      assert.equal(one.pending, pending);
      assert.equal(one.left(NOW), 2);
    }
  });

  it("begins a window anew, without what was not told of the one before", () => {
    const one = bucket();
    one.charge(3, NOW);
    assert.equal(one.begin(END), 0);
    assert.equal(one.left(END), 5);
  });

  it("keeps what passed in the new window while the service answered of the old one", () => {
    const one = bucket();
    one.charge(3, NOW);
    one.begin(NOW);
    one.charge(1, END);
    one.learn({ used: 3, expiresAtMs: END + 60_000 }, END);
    assert.equal(one.pending, 1);
    assert.equal(one.left(END), 1);
  });

  it("is due with something to tell, and from time to time without", () => {
    const one = bucket();
    assert.ok(one.isDue(NOW, 60_000));
    one.learn({ used: 0, expiresAtMs: END }, NOW);
    assert.ok(!one.isDue(NOW + 59_999, 60_000));
    assert.ok(one.isDue(NOW + 60_000, 60_000));
    one.charge(1, NOW);
    assert.ok(one.isDue(NOW, 60_000));
    one.syncing = Promise.resolve();
    assert.ok(!one.isDue(NOW, 60_000));
  });
});
