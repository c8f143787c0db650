import assert from "node:assert/strict";
import fc from "fast-check";
import { counterKey, domainTag, policyTag } from "../../src/limits/keys.ts";

const identity = (...parts: readonly string[]) => ({ algorithm: "fixed", lengths: [60_000], parts });

describe("the key of a counter", () => {
  const tag = domainTag("shop");

  it("says what it counts while it is short", () => {
    assert.equal(counterKey(tag, identity("plan", "gold")), "{d/shop}:fixed:60000:4:plan4:gold");
  });

  it("keeps a_b and c apart from a and b_c", () => {
    assert.notEqual(counterKey(tag, identity("a_b", "c")), counterKey(tag, identity("a", "b_c")));
  });

  it("is another for every other identity, and the same for the same", () => {
    const texts = fc.array(fc.oneof(fc.string({ maxLength: 3 }), fc.string({ minLength: 100 })), {
      maxLength: 4,
    });
    const one = fc.record({
      algorithm: fc.constantFrom("fixed", "sliding"),
      lengths: fc.array(fc.nat(100), { minLength: 1, maxLength: 2 }),
      parts: texts,
    });
    fc.assert(
      fc.property(one, one, (left, right) => {
        const isSame = JSON.stringify(left) === JSON.stringify(right);
        assert.equal(counterKey(tag, left) === counterKey(tag, right), isSame);
      }),
    );
  });

  it("is short whatever is counted, and keeps its tag", () => {
    const key = counterKey(tag, identity("k", "v".repeat(100_000)));
    assert.match(key, /^\{d\/shop\}:#[\w-]{43}$/);
    assert.notEqual(key, counterKey(tag, identity("k", "v".repeat(100_001))));
    assert.ok(Buffer.byteLength(counterKey(tag, identity("k", "ü".repeat(50)))) <= 128);
  });

  it("has a tag that is one for Redis, and another for every domain and policy", () => {
    assert.equal(domainTag("a{b}c%"), "d/a%7Bb%7Dc%25");
    assert.equal(policyTag("orders"), "q/orders");
    fc.assert(
      fc.property(fc.string(), fc.string(), (left, right) => {
        assert.doesNotMatch(domainTag(left), /[{}]/);
        assert.equal(domainTag(left) === domainTag(right), left === right);
      }),
    );
  });
});
