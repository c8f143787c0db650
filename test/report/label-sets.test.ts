import assert from "node:assert/strict";
import { LabelSets } from "../../src/report/label-sets.ts";

describe("label sets", () => {
  it("are made once for the same parts, and are one array where they are equal", () => {
    const sets = new LabelSets();
    let count = 0;
    const make = (): readonly string[] => {
      count++;
      return ["a", "b"];
    };
    const first = sets.of(["x", "y"], make);
    assert.equal(sets.of(["x", "y"], make), first);
    assert.equal(count, 1);
    assert.equal(sets.of(["x", "z"], make), first);
    assert.equal(count, 2);
  });

  it("tell apart parts that are one text when they are joined", () => {
    const sets = new LabelSets();
    const texts = [
      ["ab", "c"],
      ["a", "bc"],
      ["", "abc"],
      ["abc", ""],
      ["a\0b", "c"],
      ["a", "b\0c"],
    ];
    for (const parts of texts) sets.of(parts, () => parts);
    for (const parts of texts)
      assert.deepEqual(
        sets.of(parts, () => assert.fail()),
        parts,
      );
  });

  it("are forgotten, all at once, when there are too many", () => {
    const sets = new LabelSets();
    const of = (part: string) => sets.of([part], () => [part]);
    const first = of("first");
    for (let index = 0; index < 19_999; index++) of(String(index));
    assert.equal(of("first"), first);
    of("one too many");
    assert.notEqual(of("first"), first);
    assert.deepEqual(of("first"), first);
  });
});
