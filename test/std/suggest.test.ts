import assert from "node:assert/strict";
import fc from "fast-check";
import { counted } from "../../src/std/counted.ts";
import { suggest } from "../../src/std/suggest.ts";

describe("a suggestion", () => {
  const known = ["method", "host", "headers", "path", "path_segments", "X"];
  const rows: readonly (readonly [wanted: string, near: string | undefined])[] = [
    ["metod", "method"],
    ["METHOD", "method"],
    ["hots", "host"],
    ["header", "headers"],
    ["path_segment", "path_segments"],
    ["pathsegments", "path_segments"],
    ["body", undefined],
    ["zzzzzz", undefined],
    ["", "X"],
  ];
  for (const [wanted, near] of rows) {
    it(`for ${JSON.stringify(wanted)} is ${near ?? "none"}`, () =>
      assert.equal(suggest(wanted, known), near));
  }

  it("is the name itself where it is known, whatever else is", () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { maxLength: 5 }), fc.string(), (others, name) => {
        const found = suggest(name, [name, ...others]);
        assert.equal(found?.toLowerCase(), name.toLowerCase());
      }),
    );
  });

  it("is one of the known, or none", () => {
    fc.assert(
      fc.property(fc.string(), fc.array(fc.string()), (wanted, names) => {
        const found = suggest(wanted, names);
        assert.ok(found === undefined || names.includes(found));
      }),
    );
  });
});

describe("a count", () => {
  it("is one or many", () => {
    assert.deepEqual(
      [0, 1, 2].map((count) => counted(count, "error")),
      ["0 errors", "1 error", "2 errors"],
    );
    assert.equal(counted(2, "policy", "policies"), "2 policies");
  });
});
