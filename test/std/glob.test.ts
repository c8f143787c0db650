import assert from "node:assert/strict";
import fc from "fast-check";
import { globMatcher } from "../../src/std/glob.ts";

describe("a pattern with stars", () => {
  for (const [pattern, text, fits] of [
    ["foo*", "foo", true],
    ["foo*", "fo", false],
    ["bar*b", "barab", true],
    ["bar*b", "bar123b", true],
    ["bar*b", "barb", true],
    ["bar*b", "bara", false],
    ["bar*b", "xbarb", false],
    ["ab*ba", "aba", false],
    ["foo*bar*baz", "foobarbaz", true],
    ["foo*bar*baz", "foo123bar456baz", true],
    ["foo*bar*baz", "foo123baz", false],
    ["*", "", true],
    ["a", "ab", false],
  ] as const) {
    it(`${pattern} ${fits ? "fits" : "does not fit"} ${text}`, () => {
      assert.equal(globMatcher(pattern)(text), fits);
    });
  }

  it("is what a regular expression says of it", () => {
    const texts = fc.string({ unit: fc.constantFrom("a", "b", "*"), maxLength: 8 });
    fc.assert(
      fc.property(texts, fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 8 }), (pattern, text) => {
        const expected = new RegExp(`^${pattern.replaceAll("*", ".*")}$`).test(text);
        assert.equal(globMatcher(pattern)(text), expected);
      }),
    );
  });
});
