import assert from "node:assert/strict";
import { readRecord, writeRecord, type ReportRecord } from "../../../adapters/threescale/report-record.ts";
import { parametersOf, postsOf, type Waiting } from "../../../adapters/threescale/reports.ts";

const NOW_MS = 1_700_000_000_000;
const waiting = (
  value: string,
  usage: Readonly<Record<string, number>>,
  more: Partial<ReportRecord> = {},
): Waiting => {
  const record: ReportRecord = {
    ...{ run: "r", service: "7", by: "user_key", value, minuteMs: NOW_MS },
    usage: new Map(Object.entries(usage)),
    code: undefined,
    ...more,
  };
  return { bytes: writeRecord(record), record };
};

describe("reports", () => {
  it("add up what one application used in one minute, and nothing else", () => {
    const posts = postsOf([
      waiting("a", { hits: 1 }),
      waiting("a", { hits: 2, search: 1 }),
      waiting("a", { hits: 4 }, { minuteMs: NOW_MS - 60_000 }),
      waiting("a", { hits: 8 }, { by: "app_id" }),
      waiting("b", { hits: 16 }),
      waiting("a", { hits: 32 }, { service: "8" }),
    ]);
    const shown = posts.map(({ service, transactions }) => [
      service,
      ...transactions.map(({ usage }) => Object.fromEntries(usage)),
    ]);
    assert.deepEqual(shown, [
      ["7", { hits: 3, search: 1 }, { hits: 4 }, { hits: 8 }, { hits: 16 }],
      ["8", { hits: 32 }],
    ]);
  });

  it("have fewer than 4,096 parameters each, however many metrics there are", () => {
    const usage = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`m${index}`, 1]));
    const posts = postsOf(Array.from({ length: 500 }, (_, index) => waiting(`k${index}`, usage)));
    assert.equal(
      posts.reduce((sum, { transactions }) => sum + transactions.length, 0),
      500,
    );
    for (const { transactions } of posts) assert.ok(parametersOf(transactions, NOW_MS).length + 2 <= 4_000);
    assert.ok(posts.length <= 6);
  });

  it("leave apart what tells a status, since one is counted for each", () => {
    const ok = { code: "200" };
    const [{ transactions } = assert.fail(), ...others] = postsOf([
      waiting("a", { hits: 1 }, ok),
      waiting("a", { hits: 2 }, ok),
      waiting("a", { hits: 4 }),
      waiting("a", { hits: 8 }),
    ]);
    assert.deepEqual(others, []);
    assert.deepEqual(
      parametersOf(transactions, NOW_MS)
        .filter(([name]) => !/user_key|timestamp/.test(name))
        .map(([name, value]) => `${name}=${value}`),
      [
        "transactions[0][log][code]=200",
        "transactions[0][usage][hits]=1",
        "transactions[1][log][code]=200",
        "transactions[1][usage][hits]=2",
        "transactions[2][usage][hits]=12",
      ],
    );
  });

  it("say when it was, but never that it will be", () => {
    const [post] = postsOf([waiting("a", { hits: 1 }, { minuteMs: NOW_MS + 7_200_000 })]);
    assert.deepEqual(parametersOf(post?.transactions ?? [], NOW_MS), [
      ["transactions[0][user_key]", "a"],
      ["transactions[0][timestamp]", "1700000000"],
      ["transactions[0][usage][hits]", "1"],
    ]);
  });

  it("are read back as they were written, and nothing else is", () => {
    const { bytes, record } = waiting('k"ü', { hits: 3 });
    assert.deepEqual(readRecord(bytes), record);
    for (const text of [
      "",
      "{}",
      "[]",
      "null",
      '{"run":"r","service":"7","by":"app_key","value":"a","minuteMs":1,"usage":{}}',
    ])
      assert.equal(readRecord(Buffer.from(text)), undefined);
  });
});
