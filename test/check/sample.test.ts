import assert from "node:assert/strict";
import { decisionIds } from "../../src/check/decision-id.ts";
import { isSampled } from "../../src/check/sample.ts";

describe("a sample of decisions", () => {
  const next = decisionIds();
  const ids = Array.from({ length: 20_000 }, () => next());

  for (const share of [0, 0.01, 0.25, 0.5, 1]) {
    it(`of ${share} has about that many, and says the same of one id each time`, () => {
      const taken = ids.filter((id) => isSampled(id, share));
      // Five standard deviations of a binomial distribution.
      const slack = 5 * Math.sqrt(ids.length * share * (1 - share));
      assert.ok(Math.abs(taken.length - ids.length * share) <= slack, String(taken.length));
      assert.ok(taken.every((id) => isSampled(id, share)));
    });
  }

  it("of more has all that one of less has", () => {
    const few = ids.filter((id) => isSampled(id, 0.1));
    assert.ok(few.length > 0 && few.every((id) => isSampled(id, 0.2)));
  });
});
