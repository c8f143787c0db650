import assert from "node:assert/strict";
import { Series } from "../../../adapters/prometheus/series.ts";
import { HTTP, httpLabels, SMALL } from "./families.ts";

const options = { maxSeries: 20_000, maxLabelLength: 256, labels: [], metrics: new Map() };

describe("the series of a handler", () => {
  it("stay within their bound, whatever hosts callers make up, and lose nothing", () => {
    const series = new Series({ ...options, maxSeries: 500 }, undefined);
    const table = series.tableOf(HTTP, "preset");
    let known = 0;
    for (let index = 0; index < 12_000; index++) {
      const labels = httpLabels(index % 3)
        .with(14, `host-${index}.example.com`)
        .with(21, String(200 + (index % 2)));
      const set = series.setOf(table, labels, []);
      table.count(set, [1, 5, 10, 10, undefined, undefined], 0);
      if (set.means === "itself") known++;
    }
    assert.equal(known, 500);
    assert.deepEqual([series.size, series.isFull, table.sets.overflows], [500, true, 2]);
    assert.deepEqual([...series.takeOverflowed()], [[table, 11_500]]);
    assert.deepEqual([...series.takeOverflowed()], []);
    assert.deepEqual(series.widest(), { family: "istio.http", label: "destination_service", values: 501 });
    let total = 0;
    for (const row of table.sets.liveRows()) total += table.numbersOf(row)[table.rowStart(row)] ?? 0;
    assert.equal(total, 12_000);
    // What is known goes on as before.
    const first = httpLabels(0).with(14, "host-0.example.com").with(21, "200");
    assert.equal(series.setOf(table, first, []).means, "itself");
  });

  it("keep few labels of what has no place, and where their values are many, none", () => {
    const family = { ...SMALL, labels: ["a", "response_code"] };
    const series = new Series({ ...options, maxSeries: 1 }, undefined);
    const table = series.tableOf(family, "preset");
    const sets = Array.from({ length: 1_000 }, (_, code) =>
      series.setOf(table, [`a${code}`, String(code)], []),
    );
    assert.equal(table.sets.overflows, 100);
    assert.equal(new Set(sets).size, 101);
    // Who calls himself so is part of it, and is no second series of the same name.
    assert.equal(series.setOf(table, ["__overflow__", "7"], []), sets[7]);
  });

  it("have a place again when others have expired", async () => {
    const series = new Series({ ...options, maxSeries: 1 }, undefined);
    const table = series.tableOf(SMALL, "preset");
    const count = (a: string, nowMs: number): string => {
      const set = series.setOf(table, [a, ""], []);
      table.count(set, [1, 1], nowMs);
      return set.means;
    };
    const labels = ["b", ""];
    assert.deepEqual([count("a", 0), series.setOf(table, labels, []).means], ["itself", "overflow"]);
    assert.equal(await series.expire(1_000, 1_000), 2);
    assert.equal(series.setOf(table, labels, []).means, "itself");
    assert.equal(count("a", 1_000), "overflow");
  });

  it("go from no page that is being written, but for somebody who never reads on", async () => {
    const series = new Series(options, undefined);
    const table = series.tableOf(SMALL, "preset");
    table.count(series.setOf(table, ["a", "b"], []), [1, 1], 0);
    const end = series.beginPage();
    assert.equal(await series.expire(1_000, 1_000), 0);
    assert.equal(await series.expire(60_999, 1_000), 0);
    assert.equal(await series.expire(61_000, 1_000), 1);
    end();
    table.count(series.setOf(table, ["a", "b"], []), [1, 1], 61_000);
    assert.equal(await series.expire(62_000, 1_000), 1);
  });

  it("take over what is the same for both, and forget the rest when they are asked", () => {
    const before = new Series({ ...options, labels: ["team"] }, undefined);
    const small = before.tableOf(SMALL, "preset");
    const same = new Series({ ...options, labels: ["team"], maxSeries: 5 }, before);
    // As an object anew, and with other words.
    const reworded = { ...SMALL, metrics: SMALL.metrics.map((metric) => ({ ...metric, help: "Anew." })) };
    assert.equal(same.tableOf(reworded, "preset"), small);
    assert.equal(before.tableOf(HTTP, "preset"), same.tableOf(HTTP, "preset"), "also what came later");
    const other = new Series({ ...options, labels: ["plan"] }, before);
    assert.deepEqual(other.tables(), []);
    assert.notEqual(other.tableOf(SMALL, "preset"), small);
    assert.equal(before.tableOf(SMALL, "preset"), small, "the one before goes on");
    other.keepOwn();
    assert.equal(other.tables().length, 1);
    assert.notEqual(new Series({ ...options, labels: ["team"] }, before).tableOf(SMALL, "preset"), small);
  });
});
