import assert from "node:assert/strict";
import { bucketOf, Table } from "../../../adapters/prometheus/table.ts";
import { SMALL } from "./families.ts";

const shape = { source: "preset", family: SMALL, addedLabels: ["team"], maxLabelLength: 64 } as const;
const trace = (digit: string): { traceId: string; spanId: string } => ({
  traceId: digit.repeat(32),
  spanId: digit.repeat(16),
});

describe("the table of a family", () => {
  it("finds a label set by its array, as long as the added labels are the same", () => {
    const table = new Table(shape);
    const labels = ["x", "y"];
    assert.equal(table.find(labels, ["a"]), undefined);
    const [a, b] = [table.create(["x", "y", "a"], "itself"), table.create(["x", "y", "b"], "itself")];
    for (let time = 0; time < 2; time++) {
      assert.equal(table.find(labels, ["a"]), a);
      assert.equal(table.find(labels, ["b"]), b);
      assert.equal(table.find(["x", "y"], ["b"]), b);
      assert.equal(table.find(labels, ["c"]), undefined);
    }
    table.sets.remove(a);
    assert.equal(table.find(labels, ["a"]), undefined, "it is forgotten, though its array is known");
  });

  it("has for each bound the values up to it", () => {
    const bounds = [0.5, 1, 10];
    const cases = [
      [0, 0],
      [0.5, 0],
      [0.500001, 1],
      [1, 1],
      [10, 2],
      [11, 3],
    ] as const;
    for (const [value, bucket] of cases) assert.equal(bucketOf(bounds, value), bucket, String(value));
    assert.equal(bucketOf([], 5), 0);
  });

  it("keeps the newest request of each bucket to see it by, and few in all", () => {
    const table = new Table({ ...shape, family: { ...SMALL, metrics: [...SMALL.metrics] } });
    const set = table.create(["x", "y", ""], "itself");
    const show = (digit: string, size: number, atMs: number): void =>
      table.show(set, { trace: trace(digit), observedAtMs: atMs, values: [1, size] });
    const kept = (): string =>
      table
        .exemplarsOf(set.row)
        .map((one) => one.trace.spanId[0])
        .join("");
    show("1", 0.5, 0);
    show("2", 0.7, 500);
    assert.equal(kept(), "1", "not more than one a second");
    show("3", 5, 600);
    assert.equal(kept(), "13");
    show("4", 0.7, 1_000);
    assert.equal(kept(), "34");
    show("5", 50, 1_000);
    show("6", 0.1, 900_000);
    assert.equal(kept(), "356");
    table.count(set, [1, 1], 900_000);
    table.expire({ from: 0, to: 1 }, 1_200_001, 3_600_000);
    assert.equal(kept(), "", "old ones have been scraped long ago");
  });

  it("forgets what is idle, and lets no clock that was set forward keep it", () => {
    const table = new Table(shape);
    const [a, b] = ["a", "b"].map((team) => table.create(["x", "y", team], "itself"));
    assert.ok(a !== undefined && b !== undefined);
    table.count(a, [1, 1], 1_000);
    table.count(b, [1, 1], 9_000_000);
    const expire = (nowMs: number): number => table.expire({ from: 0, to: 2 }, nowMs, 60_000);
    assert.equal(expire(60_999), 0);
    assert.equal(expire(61_000), 1);
    assert.equal(a.row, -1);
    assert.equal(expire(120_998), 0, "b counts as used when it was first looked at");
    assert.equal(expire(120_999), 1);
    assert.equal(table.sets.size, 0);
  });
});
