import assert from "node:assert/strict";
import fc from "fast-check";
import { readTraceContext } from "../../src/adapter/trace-context.ts";
import { traceIdsOf } from "../../src/report/trace-ids.ts";

const of = (headers: Readonly<Record<string, string>>) => traceIdsOf((name) => headers[name]);

describe("the ids of a trace", () => {
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
