import assert from "node:assert/strict";
import fc from "fast-check";
import { keyDigest } from "../../src/host/key-digest.ts";

describe("a digest of a key", () => {
  it("is the same for the same parts alone, whatever is in them", () => {
    const digest = keyDigest();
    const key = fc.array(fc.string({ unit: "binary" }), { maxLength: 4 });
    fc.assert(
      fc.property(key, key, (left, right) => {
        assert.equal(digest(left), digest([...left]));
        assert.equal(digest(left) === digest(right), JSON.stringify(left) === JSON.stringify(right));
      }),
    );
    const pairs = [
      [
        ["a", "bc"],
        ["ab", "c"],
      ],
      [["1:a"], ["", "a"]],
      [["\ud800"], ["\ufffd"]],
      [[], [""]],
    ] as const;
    for (const [left, right] of pairs) assert.notEqual(digest(left), digest(right));
  });

  it("shows nothing of them, and is another in another process", () => {
    assert.equal(keyDigest()(["secret"]).length, 32);
    assert.notEqual(keyDigest()(["secret"]), keyDigest()(["secret"]));
  });
});
