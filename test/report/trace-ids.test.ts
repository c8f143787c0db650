import assert from "node:assert/strict";
import { traceIdsOf } from "../../src/report/trace-ids.ts";

const TRACE = "463ac35c9f6413ad48485a3953bb6124";
const SPAN = "a2fb4a1d1a96d312";
const IDS = { traceId: TRACE, spanId: SPAN };

describe("the ids of a trace", () => {
  for (const [what, headers, expected] of [
    ["no header", {}, undefined],
    ["a decision alone", { "x-b3-sampled": "1" }, undefined],
    ["a lone state", { b3: "1" }, undefined],
    ["what is malformed", { traceparent: "00-1-2-3" }, undefined],
    ["B3 that keeps it", { b3: `${TRACE}-${SPAN}-1` }, { ...IDS, sampled: true }],
    ["B3 for debugging", { b3: `${TRACE}-${SPAN}-d` }, { ...IDS, sampled: true }],
    ["B3 that does not", { b3: `${TRACE}-${SPAN}-0` }, { ...IDS, sampled: false }],
    ["B3 that does not say", { "x-b3-traceid": TRACE, "x-b3-spanid": SPAN }, IDS],
    ["W3C", { traceparent: `00-${TRACE}-${SPAN}-01` }, { ...IDS, sampled: true }],
  ] as const) {
    it(`are those of the headers: ${what}`, () => {
      const all: Readonly<Record<string, string>> = headers;
      assert.deepEqual(
        traceIdsOf((name) => all[name]),
        expected,
      );
    });
  }
});
