import assert from "node:assert/strict";
import { personalDigest } from "../../src/host/digest.ts";

describe("the digest of a value of a person's", () => {
  it("is the same for the same value, and another for another", () => {
    const digest = personalDigest(() => undefined);
    assert.match(digest("alice"), /^#[0-9a-f]{12}$/);
    assert.equal(digest("alice"), digest("alice"));
    assert.notEqual(digest("alice"), digest("bob"));
  });

  it("is the same for all who have one secret, and for nobody else", () => {
    const [one, other, foreign] = ["pepper", "pepper", "salt"].map((secret) =>
      personalDigest(() => secret)("alice"),
    );
    assert.equal(one, other);
    assert.notEqual(one, foreign);
    const [mine, yours] = [0, 1].map(() => personalDigest(() => undefined)("alice"));
    assert.notEqual(mine, yours);
  });
});
