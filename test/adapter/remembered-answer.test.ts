import assert from "node:assert/strict";
import type { CheckAnswer } from "../../src/adapter/adapter.ts";
import { checkAnswerOf } from "../../src/adapter/remembered-answer.ts";

describe("a check that is answered from what is remembered", () => {
  it("is never answered with an error that a flood could choose", () => {
    const value: CheckAnswer = { verdict: "deny", status: 402 };
    assert.equal(checkAnswerOf({ kind: "denied", value, ageMs: 0, from: "memory" }), value);
    assert.deepEqual(checkAnswerOf({ kind: "open", reason: "away" }), { verdict: "allow" });
    for (const kind of ["failed", "misconfigured"] as const)
      assert.deepEqual(checkAnswerOf({ kind, reason: "away" }), { verdict: "error", reason: "away" });
    assert.deepEqual(checkAnswerOf({ kind: "guarded", reason: "many" }), { verdict: "deny", status: 503 });
  });
});
