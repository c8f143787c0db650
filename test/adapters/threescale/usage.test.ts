import assert from "node:assert/strict";
import { addUsage, propagate } from "../../../adapters/threescale/usage.ts";

const TREE = {
  hits: ["search", "browse"],
  search: ["deep"],
};
const entries = (numbers: Readonly<Record<string, number>>): Map<string, number> =>
  new Map(Object.entries(numbers));

describe("usage goes up the hierarchy", () => {
  for (const { what, usage, tree = TREE, expected } of [
    { what: "from a method to its metric", usage: { search: 2 }, expected: { search: 2, hits: 2 } },
    { what: "through several levels", usage: { deep: 1 }, expected: { deep: 1, search: 1, hits: 1 } },
    {
      what: "and adds up",
      usage: { search: 1, browse: 2, hits: 4 },
      expected: { search: 1, browse: 2, hits: 7 },
    },
    { what: "not down", usage: { hits: 1 }, expected: { hits: 1 } },
    { what: "not where there is none", usage: { search: 1 }, tree: {}, expected: { search: 1 } },
    {
      what: "of two parents to both",
      usage: { c: 1 },
      tree: { a: ["c"], b: ["c"] },
      expected: { c: 1, a: 1, b: 1 },
    },
    { what: "once in a circle", usage: { a: 1 }, tree: { a: ["b"], b: ["a"] }, expected: { a: 1, b: 1 } },
    {
      what: "once to what stands above by two ways",
      usage: { d: 1 },
      tree: { a: ["b", "c"], b: ["d"], c: ["d"] },
      expected: { d: 1, b: 1, c: 1, a: 1 },
    },
  ]) {
    it(what, () => {
      const hierarchy = new Map(Object.entries<readonly string[]>(tree));
      assert.deepEqual(Object.fromEntries(propagate(entries(usage), hierarchy)), expected);
    });
  }

  it("is added to other usage", () => {
    const sum = entries({ hits: 1 });
    addUsage(sum, entries({ hits: 2, search: 3 }));
    assert.deepEqual(Object.fromEntries(sum), { hits: 3, search: 3 });
  });
});
