import assert from "node:assert/strict";
import fc from "fast-check";
import { spansOf, type Span } from "../../../adapters/zipkin/spans.ts";
import type { Exchange } from "../../../src/adapter/report.ts";
import { CONTEXT_HEADERS } from "../../../src/adapter/trace-context.ts";
import { contextOf, exchangeOf } from "./exchange.ts";

const TRACE = "463ac35c9f6413ad48485a3953bb6124";
const SPAN = "a2fb4a1d1a96d312";
const ALL = { mode: "auto", share: 1 } as const;
const NONE = { mode: "auto", share: 0 } as const;

const made = (over: Partial<Exchange>, settings: Parameters<typeof spansOf>[1] = ALL): readonly Span[] => {
  const { kind, ...rest } = spansOf(exchangeOf(over), settings);
  return kind === "spans" && "spans" in rest ? rest.spans : [];
};
const only = (over: Partial<Exchange>): Span => {
  const [span, ...others] = made(over);
  assert.ok(span !== undefined && others.length === 0, "one span");
  return span;
};
/** As it is sent. */
const sent = (span: Span): unknown => JSON.parse(JSON.stringify(span));

describe("the spans of an exchange", () => {
  it("are a CLIENT span that the caller's proxy tells", () => {
    const span = only({
      context: contextOf({ b3: `${TRACE}-${SPAN}-1-0020000000000001` }),
      name: "GET /Orders/7",
      remote: { service: "Orders", ip: "2001:db8::2", port: 8080 },
    });
    assert.deepEqual(sent(span), {
      traceId: TRACE,
      parentId: "0020000000000001",
      id: SPAN,
      kind: "CLIENT",
      name: "get /orders/7",
      timestamp: 1_700_000_000_000_000,
      duration: 12_500,
      localEndpoint: { serviceName: "shop" },
      remoteEndpoint: { serviceName: "orders", ipv6: "2001:db8::2", port: 8080 },
      tags: {},
    });
  });

  it("are a SERVER span that the called one's proxy tells, shared where it joins the caller's", () => {
    const context = contextOf({ b3: `${TRACE}-${SPAN}-1` });
    const { kind, shared, id, duration } = only({ side: "server", context });
    assert.deepEqual([kind, shared, id, duration], ["SERVER", true, SPAN, 12_500]);
    const w3c = only({ side: "server", context: contextOf({ traceparent: `00-${TRACE}-${SPAN}-01` }) });
    assert.deepEqual([w3c.shared, w3c.parentId], [undefined, SPAN]);
  });

  it("are two that a gateway tells: what it received, and what it sent on while it took", () => {
    const [server, client, ...others] = made({ side: "gateway" });
    assert.deepEqual(others, []);
    assert.deepEqual([server?.kind, server?.duration, server?.remoteEndpoint], ["SERVER", 12_500, undefined]);
    assert.equal(client?.kind, "CLIENT");
    assert.equal(client.parentId, server?.id);
    assert.deepEqual([client.timestamp, client.duration], [1_700_000_000_001_000, 11_000]);
    assert.equal(client.remoteEndpoint?.serviceName, "orders");
  });

  it("are one that a gateway tells which called nobody", () => {
    assert.deepEqual(
      made({ side: "gateway", called: undefined }).map(({ kind }) => kind),
      ["SERVER"],
    );
  });

  it("are of a caller's proxy even where nobody was reached", () => {
    assert.equal(only({ called: undefined, failure: "UH" }).tags["error"], "UH");
  });

  const SHAPES: readonly (readonly [what: string, over: Partial<Exchange>, expected: Partial<Span>])[] = [
    ["a duration of nothing is 1 us", { durationUs: 0.2 }, { duration: 1 }],
    ["a duration that runs backwards is 1 us", { durationUs: -4 }, { duration: 1 }],
    ["a duration is whole", { durationUs: 7.6 }, { duration: 8 }],
    ["an end that is not known is left out", { durationUs: undefined }, { duration: undefined }],
    ["a beginning before 1970 is left out", { startedAtUs: -5 }, { timestamp: undefined }],
    ["a beginning is whole", { startedAtUs: 1_000.4 }, { timestamp: 1_000 }],
    ["a name that is empty is left out", { name: "" }, { name: undefined }],
    [
      "an end of which nothing is known is left out",
      { local: { service: "", ip: "unix:/run/envoy", port: 80 } },
      { localEndpoint: undefined },
    ],
    [
      "an address stands for a name that is not known",
      { local: { service: "", ip: "10.0.0.1", port: 80 } },
      { localEndpoint: { serviceName: undefined, ipv4: "10.0.0.1", ipv6: undefined, port: undefined } },
    ],
    [
      "a port that is none is left out",
      { remote: { service: "a", ip: undefined, port: 0 } },
      { remoteEndpoint: { serviceName: "a", ipv4: undefined, ipv6: undefined, port: undefined } },
    ],
  ];
  for (const [what, over, expected] of SHAPES) {
    it(`say it so that Zipkin takes it: ${what}`, () => {
      const span: Partial<Span> = only(over);
      assert.deepEqual({ ...span, ...expected }, span);
    });
  }

  const SAMPLED: readonly (readonly [context: Record<string, string>, ofAll: number, ofNone: number])[] = [
    [{}, 1, 0],
    [{ b3: "1" }, 1, 1],
    [{ b3: "0" }, 0, 0],
    [{ b3: "d" }, 1, 1],
    [{ b3: `${TRACE}-${SPAN}` }, 1, 0],
    [{ b3: `${TRACE}-${SPAN}-1` }, 1, 1],
    [{ b3: `${TRACE}-${SPAN}-0` }, 0, 0],
    [{ b3: `${TRACE}-${SPAN}-d` }, 1, 1],
    [{ traceparent: `00-${TRACE}-${SPAN}-01` }, 1, 1],
    [{ traceparent: `00-${TRACE}-${SPAN}-00` }, 0, 0],
    [{ "x-b3-flags": "1", "x-b3-sampled": "0" }, 1, 1],
    [{ "x-b3-sampled": "0" }, 0, 0],
  ];
  for (const [headers, ofAll, ofNone] of SAMPLED) {
    it(`are kept as ${JSON.stringify(headers)} says, and where it says nothing, by the share`, () => {
      const context = contextOf(headers);
      assert.equal(made({ context }, ALL).length, ofAll);
      assert.equal(made({ context }, NONE).length, ofNone);
    });
  }

  it("say that they are for debugging where the headers do, and only there", () => {
    assert.equal(only({ context: contextOf({ b3: `${TRACE}-${SPAN}-d` }) }).debug, true);
    assert.equal(only({ context: contextOf({ b3: `${TRACE}-${SPAN}-1` }) }).debug, undefined);
  });

  it("are none in mode correlate", () => {
    const correlate = { mode: "correlate", share: 1 } as const;
    assert.deepEqual(spansOf(exchangeOf({ context: contextOf({ b3: "d" }) }), correlate), {
      kind: "none",
      reason: "correlate",
    });
  });

  it("are well-formed, whatever the headers and the exchange say", () => {
    const headers = fc.dictionary(fc.constantFrom(...CONTEXT_HEADERS), fc.string());
    const numbers = fc.oneof(fc.double(), fc.integer());
    const exchange = fc.record({
      side: fc.constantFrom<Exchange["side"]>("client", "server", "gateway"),
      context: headers.map(contextOf),
      id: fc.string(),
      name: fc.string(),
      startedAtUs: numbers,
      durationUs: numbers,
      remote: fc.record({ service: fc.string(), ip: fc.string(), port: fc.integer() }),
    });
    fc.assert(
      fc.property(exchange, fc.constantFrom("auto", "join", "child"), (over, mode) => {
        for (const span of made(over, { mode, share: 1 })) {
          assert.match(span.traceId, /^([0-9a-f]{16}){1,2}$/);
          assert.match(span.id, /^[0-9a-f]{16}$/);
          for (const number of [span.timestamp ?? 1, span.duration ?? 1]) {
            assert.ok(Number.isSafeInteger(number) && number >= 1, String(number));
          }
        }
      }),
    );
  });
});
