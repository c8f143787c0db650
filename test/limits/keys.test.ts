import assert from "node:assert/strict";
import fc from "fast-check";
import { counterKey } from "../../src/limits/keys.ts";

describe("the key of a counter", () => {
  it("keeps parts apart", () => {
    assert.notEqual(counterKey("q/a", ["a_b", "c"]), counterKey("q/a", ["a", "b_c"]));
    const lists = fc.array(fc.string(), { maxLength: 4 });
    const property = fc.property(lists, lists, (one, other) => {
      assert.equal(
        counterKey("t", one) === counterKey("t", other),
        JSON.stringify(one) === JSON.stringify(other),
      );
    });
    fc.assert(property, { numRuns: 2_000 });
  });

  it("has its tag in braces, and no others before them close", () => {
    const property = fc.property(fc.string(), fc.string(), (tag, other) => {
      const key = counterKey(tag, ["x"]);
      const hashTag = /^\{([^{}]*)\}:/.exec(key)?.[1];
      assert.ok(hashTag !== undefined);
      assert.equal(counterKey(other, ["y"]).startsWith(`{${hashTag}}:`), tag === other);
    });
    fc.assert(property, { numRuns: 500 });
  });

  it("is short, whatever a caller sends", () => {
    const long = "x".repeat(100_000);
    const key = counterKey("q/a", [long]);
    assert.ok(key.length < 128, key);
    assert.notEqual(key, counterKey("q/a", [`${long}y`]));
    assert.equal(key, counterKey("q/a", [long]));
  });

  it("says nothing of its parts where nobody is to read them", () => {
    const key = counterKey("q/a", ["alice"], "hashed");
    assert.ok(!key.includes("alice"));
    assert.notEqual(key, counterKey("q/a", ["bob"], "hashed"));
  });
});
