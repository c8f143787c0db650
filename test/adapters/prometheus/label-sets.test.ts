import assert from "node:assert/strict";
import { GONE, LabelSets } from "../../../adapters/prometheus/label-sets.ts";

const textOf = (sets: LabelSets, row: number): string => {
  const page = Buffer.alloc(sets.textLength(row));
  return page.toString("utf8", 0, sets.write(row, page, 0));
};

describe("label sets", () => {
  it("are told apart whatever their values are made of", () => {
    const sets = new LabelSets(["a", "b"], 64);
    const values = [
      ["1|2", "3"],
      ["1", "2|3"],
      ["1,b=2", "3"],
      ["1", ""],
      ["", "1"],
      ["", ""],
      ["1\0", "2"],
      ["1", "\x002"],
      ['1",b="', ""],
      ["0", "__proto__"],
    ];
    const rows = values.map((one) => {
      assert.equal(sets.find(one), undefined);
      return sets.add(one, "itself").row;
    });
    assert.equal(new Set(rows).size, values.length);
    for (const [index, one] of values.entries()) assert.equal(sets.find([...one])?.row, rows[index]);
    assert.equal(sets.size, values.length);
  });

  it("are written without the labels that are empty", () => {
    const sets = new LabelSets(["a", "b", "c"], 64);
    const cases: readonly (readonly [readonly string[], string])[] = [
      [["1", "2", "3"], 'a="1",b="2",c="3"'],
      [["", "2", "3"], 'b="2",c="3"'],
      [["1", "", "ü"], 'a="1",c="ü"'],
      [["", "", ""], ""],
    ];
    for (const [values, text] of cases) assert.equal(textOf(sets, sets.add(values, "itself").row), text);
  });

  it("are found among thousands, while others go and come", () => {
    const sets = new LabelSets(["a", "b"], 64);
    const valuesOf = (index: number): readonly string[] => [`a${index % 97}`, `b${Math.floor(index / 97)}`];
    const kept = Array.from({ length: 5_000 }, (_, index) => sets.add(valuesOf(index), "itself"));
    for (const [index, set] of kept.entries()) if (index % 3 === 0) sets.remove(set);
    for (const [index, set] of kept.entries()) {
      const found = sets.find(valuesOf(index));
      assert.equal(found, index % 3 === 0 ? undefined : set);
      assert.equal(set.row === GONE, index % 3 === 0);
    }
    const again = sets.add(valuesOf(0), "itself");
    assert.ok(again.row < 5_000, "a row that was free");
    assert.equal(sets.find(valuesOf(0)), again);
    assert.equal(sets.rows, 5_000);
    assert.deepEqual(sets.liveRows().length, sets.size);
  });

  it("name the label with most values, and count what stands for the overflow apart", () => {
    const sets = new LabelSets(["a", "b"], 64);
    assert.deepEqual(sets.widest(), { label: "", values: 1 });
    for (const b of ["1", "2", "3"]) sets.add(["x", b], "itself");
    const overflow = sets.add(["x", "__overflow__"], "overflow");
    assert.deepEqual(sets.widest(), { label: "b", values: 4 });
    assert.deepEqual([sets.size, sets.overflows], [3, 1]);
    sets.remove(overflow);
    assert.deepEqual([sets.size, sets.overflows, sets.widest().values], [3, 0, 3]);
  });

  it("may have no label at all", () => {
    const sets = new LabelSets([], 64);
    assert.equal(sets.find([]), undefined);
    const set = sets.add([], "itself");
    assert.equal(sets.find([]), set);
    assert.equal(textOf(sets, set.row), "");
  });
});
