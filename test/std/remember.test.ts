import assert from "node:assert/strict";
import { remember } from "../../src/std/remember.ts";

describe("remembering results", () => {
  it("computes once for each text", () => {
    const asked: string[] = [];
    const length = remember(10, (text) => {
      asked.push(text);
      return text.length;
    });
    assert.deepEqual([length("a"), length("bb"), length("a"), length("bb")], [1, 2, 1, 2]);
    assert.deepEqual(asked, ["a", "bb"]);
  });

  it("keeps no more than its bound, and goes on", () => {
    let computed = 0;
    const length = remember(2, (text) => {
      computed++;
      return text.length;
    });
    for (const text of ["a", "b", "c", "c", "a"]) assert.equal(length(text), 1);
    assert.equal(computed, 4);
  });

  it("keeps nothing of what has no result", () => {
    const asked: string[] = [];
    const nothing = remember(2, (text): string | undefined => {
      asked.push(text);
      return undefined;
    });
    for (const text of ["a", "a", "a"]) assert.equal(nothing(text), undefined);
    assert.equal(asked.length, 3);
  });
});
