import assert from "node:assert/strict";
import type { FieldRecord, FieldValue, ReportRecord } from "../../../src/adapter/report.ts";
import { fieldRecord } from "../records.ts";
import { HTTP, httpLabels, measured } from "./families.ts";
import { created, reported, scraped } from "./scraping.ts";

const METRICS = {
  tokens: { kind: "counter", help: "Tokens.", labels: ["team"] },
  wait_seconds: { kind: "histogram", help: "Time.", labels: [], buckets: [1, 5] },
};

const plain = (added: Readonly<Record<string, FieldValue>>): FieldRecord =>
  fieldRecord({}, { added: new Map(Object.entries(added)) });

describe("counting", () => {
  it("puts a measurement into all metrics of its family", async () => {
    const subject = created({ names: "istio", labels: ["team"] });
    const labels = httpLabels(7);
    const values = [1, 12.5, 700, 2_000, undefined, 3];
    const record = measured({ family: HTTP, labels, values, added: { team: "payments" } });
    assert.deepEqual(reported(subject, record, record), { kind: "delivered" });
    const series = await scraped(subject);
    const text = HTTP.labels.flatMap((name, index) => (labels[index] ? [`${name}="${labels[index]}"`] : []));
    const of = (name: string, le?: string): number | undefined =>
      series.get(
        `istio_${name}{${[...text, 'team="payments"', ...(le === undefined ? [] : [`le="${le}"`])].join()}}`,
      );
    assert.equal(of("requests_total"), 2);
    assert.equal(of("request_messages_total"), undefined, "nothing was ever observed");
    assert.equal(of("response_messages_total"), 6);
    assert.deepEqual(
      [of("request_duration_milliseconds_bucket", "10"), of("request_duration_milliseconds_bucket", "25")],
      [0, 2],
    );
    assert.deepEqual(
      [of("request_bytes_sum"), of("request_bytes_count"), of("request_bytes_bucket", "+Inf")],
      [1_400, 2, 2],
    );
    assert.equal(series.size, 2 + 3 * 22);
  });

  it("counts what a rule says in the metric that it names", async () => {
    const subject = created({ metrics: METRICS });
    const records = [
      plain({ metric: "tokens", value: 17, team: "a" }),
      plain({ metric: "tokens", value: "9007199254740993", team: true }),
      plain({ metric: "tokens", team: "a" }),
      plain({ metric: "tokens", value: 0.5, team: null }),
      plain({ metric: "tokens", value: 0, team: ["x", 1] }),
      plain({ metric: "wait_seconds", value: "2.5", other: "is not declared" }),
    ];
    assert.deepEqual(reported(subject, ...records), { kind: "delivered" });
    assert.deepEqual(Object.fromEntries(await scraped(subject)), {
      'tokens_total{team="a"}': 18,
      'tokens_total{team="true"}': 9_007_199_254_740_992,
      tokens_total: 0.5,
      'tokens_total{team="[\\"x\\",1]"}': 0,
      'wait_seconds_bucket{le="1"}': 0,
      'wait_seconds_bucket{le="5"}': 1,
      'wait_seconds_bucket{le="+Inf"}': 1,
      wait_seconds_sum: 2.5,
      wait_seconds_count: 1,
    });
  });

  const refused: readonly (readonly [ReportRecord, RegExp])[] = [
    [plain({ metric: "Tokens" }), /no metric "Tokens" is declared/],
    [plain({ value: 1 }), /no metric "" is declared/],
    [plain({ metric: "tokens", value: -1 }), /the value of tokens is no number/],
    [plain({ metric: "tokens", value: "many" }), /the value of tokens is no number/],
    [plain({ metric: "tokens", value: true }), /the value of tokens is no number/],
    [plain({ metric: "tokens", value: NaN }), /the value of tokens is no number/],
    [plain({ metric: "tokens", value: null }), /the value of tokens is no number/],
    [measured({ values: [1, Infinity] }), /Infinity cannot be counted/],
    [measured({ values: [1, NaN] }), /NaN cannot be counted/],
    [measured({ values: [-1, 1] }), /-1 cannot be counted/],
  ];
  for (const [record, reason] of refused) {
    it(`refuses what cannot be counted, and counts its neighbours: ${reason.source}`, async () => {
      const subject = created({ metrics: METRICS });
      const good = plain({ metric: "tokens" });
      const delivery = reported(subject, good, record, good);
      assert.ok(delivery.kind === "refused");
      assert.equal(delivery.dropped, 1);
      assert.match(delivery.reason, reason);
      assert.deepEqual([...(await scraped(subject))], [["tokens_total", 2]]);
    });
  }
});
