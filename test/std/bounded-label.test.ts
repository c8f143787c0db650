import assert from "node:assert/strict";
import { boundedLabel } from "../../src/std/bounded-label.ts";

describe("a bounded label", () => {
  it("keeps the first values, and calls all others one", () => {
    const label = boundedLabel(2);
    assert.deepEqual(["a", "b", "a", "c", "b", "d"].map(label), ["a", "b", "a", "other", "b", "other"]);
  });
});
