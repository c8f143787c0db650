import assert from "node:assert/strict";
import fc from "fast-check";
import { CONTEXT_HEADERS, readTraceContext, type TraceContext } from "../../src/adapter/trace-context.ts";

const LONG = "463ac35c9f6413ad48485a3953bb6124";
const SHORT = "48485a3953bb6124";
const SPAN = "a2fb4a1d1a96d312";
const PARENT = "0020000000000001";
const ZEROS = "0000000000000000";

type Headers = Readonly<Record<string, string>>;
const read = (headers: Headers): TraceContext | undefined => readTraceContext((name) => headers[name]);

/** `form trace span sampling parent`, `sampling` alone, or `none`. */
function said(headers: Headers): string {
  const context = read(headers);
  if (context === undefined) return "none";
  const { ids, sampling } = context;
  if (ids === undefined) return sampling;
  const { form, traceId, spanId, parentId } = ids;
  return [form, traceId, spanId, sampling, ...(parentId === undefined ? [] : [parentId])].join(" ");
}

const multi = (over: Headers = {}): Headers => ({ "x-b3-traceid": LONG, "x-b3-spanid": SPAN, ...over });
const w3c = (value: string): Headers => ({ traceparent: value });

const CASES: readonly (readonly [what: string, headers: Headers, expected: string])[] = [
  ["nothing", {}, "none"],
  ["B3 single, 128 bits", { b3: `${LONG}-${SPAN}-1` }, `b3 ${LONG} ${SPAN} accept`],
  ["B3 single, 64 bits", { b3: `${SHORT}-${SPAN}-0` }, `b3 ${SHORT} ${SPAN} deny`],
  ["B3 single with a parent", { b3: `${LONG}-${SPAN}-1-${PARENT}` }, `b3 ${LONG} ${SPAN} accept ${PARENT}`],
  ["B3 single, debug", { b3: `${LONG}-${SPAN}-d` }, `b3 ${LONG} ${SPAN} debug`],
  ["B3 single that defers", { b3: `${LONG}-${SPAN}` }, `b3 ${LONG} ${SPAN} defer`],
  ["a lone 0", { b3: "0" }, "deny"],
  ["a lone 1", { b3: "1" }, "accept"],
  ["a lone d", { b3: "d" }, "debug"],
  ["a lone word that is no state", { b3: "x" }, "none"],
  ["B3 single, empty", { b3: "" }, "none"],
  ["B3 single, a hyphen", { b3: "-" }, "none"],
  ["B3 single without a span", { b3: LONG }, "none"],
  ["B3 single with an empty state", { b3: `${LONG}-${SPAN}-` }, "none"],
  ["B3 single with an unknown state", { b3: `${LONG}-${SPAN}-2` }, "none"],
  ["B3 single with an empty parent", { b3: `${LONG}-${SPAN}-1-` }, "none"],
  ["B3 single with more than it has", { b3: `${LONG}-${SPAN}-1-${PARENT}-1` }, "none"],
  ["B3 single in capitals", { b3: `${LONG.toUpperCase()}-${SPAN}-1` }, "none"],
  ["B3 single with a trace of 20 digits", { b3: `${LONG.slice(12)}-${SPAN}-1` }, "none"],
  ["B3 single with a span of zeros", { b3: `${LONG}-${ZEROS}-1` }, "none"],
  ["B3 single with a trace of zeros", { b3: `${ZEROS}-${SPAN}-1` }, "none"],
  ["B3 single twice", { b3: `${LONG}-${SPAN}-1,${SHORT}-${PARENT}-0` }, `b3 ${LONG} ${SPAN} accept`],
  ["B3 single twice, with a space", { b3: ` ${SHORT}-${SPAN} , x` }, `b3 ${SHORT} ${SPAN} defer`],
  ["B3 multi", multi({ "x-b3-sampled": "1" }), `b3 ${LONG} ${SPAN} accept`],
  ["B3 multi with true", multi({ "x-b3-sampled": "true" }), `b3 ${LONG} ${SPAN} accept`],
  ["B3 multi with False", multi({ "x-b3-sampled": "False" }), `b3 ${LONG} ${SPAN} deny`],
  ["B3 multi with another word", multi({ "x-b3-sampled": "maybe" }), "none"],
  ["B3 multi that defers", multi(), `b3 ${LONG} ${SPAN} defer`],
  ["B3 multi with a parent", multi({ "x-b3-parentspanid": PARENT }), `b3 ${LONG} ${SPAN} defer ${PARENT}`],
  ["B3 multi with a bad parent", multi({ "x-b3-parentspanid": "1" }), "none"],
  ["debug over sampled", multi({ "x-b3-flags": "1", "x-b3-sampled": "0" }), `b3 ${LONG} ${SPAN} debug`],
  ["flags that are not debug", multi({ "x-b3-flags": "0", "x-b3-sampled": "0" }), `b3 ${LONG} ${SPAN} deny`],
  ["B3 multi twice", multi({ "x-b3-spanid": `${SPAN},${PARENT}` }), `b3 ${LONG} ${SPAN} defer`],
  ["B3 multi without a span", { "x-b3-traceid": LONG, "x-b3-sampled": "1" }, "none"],
  ["B3 multi without a trace", { "x-b3-spanid": SPAN }, "none"],
  ["a decision alone", { "x-b3-sampled": "0" }, "deny"],
  ["debug alone", { "x-b3-flags": "1" }, "debug"],
  ["a parent alone", { "x-b3-parentspanid": PARENT }, "none"],
  [
    "single over multi",
    { ...multi({ "x-b3-sampled": "0" }), b3: `${SHORT}-${SPAN}-1` },
    `b3 ${SHORT} ${SPAN} accept`,
  ],
  ["multi where single is malformed", { ...multi(), b3: "-" }, `b3 ${LONG} ${SPAN} defer`],
  ["W3C, sampled", w3c(`00-${LONG}-${SPAN}-01`), `w3c ${LONG} ${SPAN} accept`],
  ["W3C, not sampled", w3c(`00-${LONG}-${SPAN}-00`), `w3c ${LONG} ${SPAN} deny`],
  ["W3C with other flags", w3c(`00-${LONG}-${SPAN}-03`), `w3c ${LONG} ${SPAN} accept`],
  ["W3C with more than version 00 has", w3c(`00-${LONG}-${SPAN}-01-x`), "none"],
  ["W3C of a later version", w3c(`cc-${LONG}-${SPAN}-01-what-comes`), `w3c ${LONG} ${SPAN} accept`],
  ["W3C of a later version, run on", w3c(`cc-${LONG}-${SPAN}-01x`), "none"],
  ["W3C of version ff", w3c(`ff-${LONG}-${SPAN}-01`), "none"],
  ["W3C in capitals", w3c(`00-${LONG.toUpperCase()}-${SPAN}-01`), "none"],
  ["W3C with a trace of zeros", w3c(`00-${ZEROS}${ZEROS}-${SPAN}-01`), "none"],
  ["W3C with a span of zeros", w3c(`00-${LONG}-${ZEROS}-01`), "none"],
  ["W3C with 64 bits", w3c(`00-${SHORT}-${SPAN}-01`), "none"],
  ["W3C twice", w3c(`00-${LONG}-${SPAN}-01,00-${LONG}-${PARENT}-00`), `w3c ${LONG} ${SPAN} accept`],
  [
    "B3 over W3C",
    { ...w3c(`00-${LONG}-${PARENT}-00`), b3: `${LONG}-${SPAN}-1` },
    `b3 ${LONG} ${SPAN} accept`,
  ],
  [
    "W3C where B3 is malformed",
    { ...w3c(`00-${LONG}-${SPAN}-01`), b3: "x", "x-b3-traceid": "y" },
    `w3c ${LONG} ${SPAN} accept`,
  ],
];

describe("the context of a trace", () => {
  for (const [what, headers, expected] of CASES) {
    it(`is read: ${what}`, () => assert.equal(said(headers), expected));
  }

  it("is well-formed or none, whatever the headers say", () => {
    const part = fc.oneof(
      fc.constantFrom(LONG, SHORT, SPAN, ZEROS, "00", "01", "ff", "1", "d", "true", "-", ",", ""),
      fc.string({ maxLength: 5 }),
    );
    const value = fc.array(part, { maxLength: 5 }).map((parts) => parts.join("-"));
    const headers = fc.dictionary(fc.constantFrom(...CONTEXT_HEADERS), fc.oneof(value, fc.string()));
    fc.assert(
      fc.property(headers, (written) => {
        const ids = read(written)?.ids;
        if (ids === undefined) return;
        assert.match(ids.traceId, /^(?=.*[1-9a-f])([0-9a-f]{16}){1,2}$/);
        assert.match(ids.spanId, /^(?=.*[1-9a-f])[0-9a-f]{16}$/);
        assert.match(ids.parentId ?? SPAN, /^(?=.*[1-9a-f])[0-9a-f]{16}$/);
      }),
      { numRuns: 2_000 },
    );
  });
});
