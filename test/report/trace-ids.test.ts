import assert from "node:assert/strict";
import fc from "fast-check";
import { readTraceContext } from "../../src/adapter/trace-context.ts";
import { traceIdsOf } from "../../src/report/trace-ids.ts";

const of = (headers: Readonly<Record<string, string>>) => traceIdsOf((name) => headers[name]);

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

  it("are those of a usual traceparent, as those of any other", () => {
    const hex = (length: number) =>
      fc.string({
        unit: fc.constantFrom("0", "1", "5", "9", "a", "c", "f", "X"),
        minLength: length,
        maxLength: length,
      });
    const usual = fc.tuple(hex(32), hex(16), fc.constantFrom("00", "01", "03", "ff"));
    fc.assert(
      fc.property(usual, fc.constantFrom("00", "01", "ff"), ([traceId, spanId, flags], version) => {
        const traceparent = `${version}-${traceId}-${spanId}-${flags}`;
        const context = readTraceContext((name) => (name === "traceparent" ? traceparent : undefined));
        const ids = context?.ids && {
          traceId: context.ids.traceId,
          spanId: context.ids.spanId,
          sampled: context.sampling === "accept",
        };
        assert.deepEqual(of({ traceparent }), ids);
      }),
      { numRuns: 500 },
    );
  });

  it("are those of B3 before those of W3C, and none where there is neither", () => {
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const b3 = { traceId: "a".repeat(32), spanId: "b".repeat(16) };
    assert.deepEqual(of({ traceparent, b3: `${b3.traceId}-${b3.spanId}-0` }), { ...b3, sampled: false });
    const several = { "x-b3-traceid": b3.traceId, "x-b3-spanid": b3.spanId };
    assert.deepEqual(of({ traceparent, ...several }), b3);
    assert.equal(of({}), undefined);
    assert.equal(of({ traceparent: `00-${"0".repeat(32)}-b7ad6b7169203331-01` }), undefined);
  });
});
