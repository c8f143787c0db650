import assert from "node:assert/strict";
import fc from "fast-check";
import { zipkin as adapter } from "../../adapters/zipkin/adapter.ts";
import { spansOf } from "../../adapters/zipkin/spans.ts";
import type { Handler } from "../../src/adapter/adapter.ts";
import type { Endpoint, Exchange } from "../../src/adapter/report.ts";
import { CONTEXT_HEADERS } from "../../src/adapter/trace-context.ts";
import { createOutbound } from "../../src/host/fetch.ts";
import { createTestHost } from "../adapters/host.ts";
import { contextOf, exchangeOf } from "../adapters/zipkin/exchange.ts";
import { exchangeOf as exchangeOfEntry } from "../../src/report/trace.ts";
import { entryOf, FINISHED, withCommon } from "../report/described.ts";
import { socket, structAny, time } from "../report/encode.ts";
import { plainRequest } from "../report/entries.ts";
import { need } from "../support/need.ts";
import { until } from "../support/until.ts";
import { startZipkin, type RunningZipkin, type ZipkinEdge, type ZipkinSpan } from "../support/zipkin.ts";

const CALL = { deadlineAtMs: Number.MAX_SAFE_INTEGER, signal: new AbortController().signal };

const CONNECTION = { opened: true, closed: true, sentBytes: 180, receivedBytes: 300 };
const CLOSED = { ...FINISHED, request: "none", connection: CONNECTION } as const;

describe("spans of access logs in a real Zipkin", () => {
  let zipkin: RunningZipkin;
  const open = new AsyncDisposableStack();

  before(async function () {
    zipkin = open.adopt(await startZipkin(await need(this, "zipkin")), (running) => running.stop());
  });
  after(() => open.disposeAsync());

  /** Sends as weir does, through its own client. */
  function handlerOf(config: object = {}): Handler {
    const host = createTestHost();
    const outbound = createOutbound({ settings: { allowPrivate: ["127.0.0.0/8"] }, log: host.log });
    open.defer(() => outbound.close());
    return adapter.create({ url: zipkin.spansUrl, ...config }, { ...host, fetch: outbound.fetch });
  }

  async function sent(exchanges: readonly Exchange[], config: object = {}): Promise<void> {
    assert.deepEqual(await handlerOf(config).report?.(exchanges, CALL), { kind: "delivered" });
  }

  /** A trace in the order of its spans' beginnings, once it has so many. */
  const traceOf = (traceId: string, spans: number): Promise<readonly ZipkinSpan[]> =>
    until(
      async () => {
        const trace = await zipkin.trace(traceId);
        return (
          trace.length === spans &&
          trace.toSorted((one, other) => (one.timestamp ?? 0) - (other.timestamp ?? 0))
        );
      },
      { what: `${spans} spans of trace ${traceId}` },
    );

  /** The edges from services of one test, as `caller → called: calls/errors`, once there are so many calls. */
  function edgesOf(prefix: string, calls: number): Promise<readonly string[]> {
    let edges: readonly ZipkinEdge[] = [];
    return until(
      async () => {
        edges = (await zipkin.dependencies()).filter(({ parent }) => parent.startsWith(prefix));
        const seen = edges.reduce((sum, { callCount }) => sum + callCount, 0);
        return seen >= calls && edges;
      },
      { what: `${calls} calls from ${prefix}`, timeoutMs: 10_000 },
    ).then((found) =>
      found.map((one) => `${one.parent} → ${one.child}: ${one.callCount}/${one.errorCount ?? 0}`).toSorted(),
    );
  }

  const nowUs = Date.now() * 1_000;
  const end = (service: string, last: number): Endpoint => ({ service, ip: `10.0.0.${last}`, port: 8080 });

  /** shop → orders, then orders → ledger, of whom only weir's proxies tell; Envoy's tracers only pass the context on. */
  function threeHops(prefix: string, traceId: string, failure?: string): readonly Exchange[] {
    const [first, second] = ["000000000000000a", "000000000000000b"];
    const [shop, orders, ledger] = [
      end(`${prefix}-shop`, 1),
      end(`${prefix}-orders`, 2),
      end(`${prefix}-ledger`, 3),
    ];
    const b3 = contextOf({ b3: `${traceId}-${first}-1` });
    const multi = contextOf({
      "x-b3-traceid": traceId,
      "x-b3-spanid": second,
      "x-b3-parentspanid": first,
      "x-b3-sampled": "1",
    });
    const attributes = new Map<string, string | number>([
      ["http.request.method", "POST"],
      ["url.path", "/entries"],
      ["http.response.status_code", failure === undefined ? 200 : 503],
    ]);
    const at = (offset: number, lasts: number) => ({ startedAtUs: nowUs + offset, durationUs: lasts });
    return [
      exchangeOf({ id: `${traceId} 1`, context: b3, local: shop, remote: orders, ...at(0, 9_000) }),
      exchangeOf({
        id: `${traceId} 2`,
        side: "server",
        context: b3,
        local: orders,
        remote: shop,
        ...at(500, 8_000),
      }),
      exchangeOf({
        ...{ id: `${traceId} 3`, name: "POST /Entries", context: multi, attributes, failure },
        ...{ local: orders, remote: ledger, ...at(1_000, 7_000) },
        added: new Map([["team", "books"]]),
      }),
    ];
  }

  it("has parents, kinds, tags and durations of a call over three proxies and on to one that has none", async () => {
    const traceId = "463ac35c9f6413ad48485a3953bb6124";
    await sent(threeHops("call", traceId, "UF"));
    const trace = await traceOf(traceId, 3);
    const common = { traceId, name: "get /orders/7", tags: undefined };
    const [shop, orders, ledger] = [
      { serviceName: "call-shop", ipv4: "10.0.0.1", port: 8080 },
      { serviceName: "call-orders", ipv4: "10.0.0.2", port: 8080 },
      { serviceName: "call-ledger", ipv4: "10.0.0.3", port: 8080 },
    ];
    assert.deepEqual(
      trace.map(({ tags, ...span }) => ({
        ...span,
        tags: tags && Object.keys(tags).length > 0 ? tags : undefined,
      })),
      [
        {
          ...{ ...common, id: "000000000000000a", kind: "CLIENT", timestamp: nowUs, duration: 9_000 },
          ...{ localEndpoint: { serviceName: "call-shop" }, remoteEndpoint: orders },
        },
        {
          ...{ ...common, id: "000000000000000a", kind: "SERVER", timestamp: nowUs + 500, duration: 8_000 },
          ...{ shared: true, localEndpoint: { serviceName: "call-orders" }, remoteEndpoint: shop },
        },
        {
          ...{
            traceId,
            parentId: "000000000000000a",
            id: "000000000000000b",
            kind: "CLIENT",
            name: "post /entries",
          },
          ...{
            timestamp: nowUs + 1_000,
            duration: 7_000,
            localEndpoint: { serviceName: "call-orders" },
            remoteEndpoint: ledger,
          },
          tags: {
            "http.method": "POST",
            "http.path": "/entries",
            "http.status_code": "503",
            error: "UF",
            team: "books",
          },
        },
      ],
    );
  });

  it("draws each edge with its calls and errors, what is told twice once", async () => {
    const calls = [1, 2, 3, 4].map((at) =>
      threeHops("hop", `00000000000000000000000000000a0${at}`, at === 3 ? "UF" : undefined),
    );
    await sent(calls.flat());
    await sent(calls.flat());
    assert.deepEqual(await edgesOf("hop-", 8), [
      "hop-orders → hop-ledger: 4/1",
      "hop-shop → hop-orders: 4/0",
    ]);
  });

  it("draws the edge to one that could not be reached", async () => {
    const over = { startedAtUs: nowUs, local: end("lone-shop", 1), remote: end("lone-orders", 2) };
    await sent([exchangeOf({ ...over, called: undefined, failure: "UH" })]);
    assert.deepEqual(await edgesOf("lone-", 1), ["lone-shop → lone-orders: 1/1"]);
  });

  it("draws the edge of connections, which no tracer tells of", async () => {
    const exchanges = [{}, { responseFlags: { upstreamConnectionFailure: true } }].map((over, index) => {
      const entry = entryOf({
        identifier: { logName: "mesh-out", cluster: "tcp-shop" },
        tcp: [
          {
            commonProperties: {
              ...{ upstreamCluster: "tcp-ledger", startTime: time(nowUs / 1_000 + index), duration: time(9) },
              upstreamRemoteAddress: socket("10.0.0.9", 3_306),
              ...over,
            },
          },
        ],
      });
      return { ...(exchangeOfEntry(entry, CLOSED) ?? assert.fail()), added: new Map<string, string>() };
    });
    await sent(exchanges);
    await sent(exchanges);
    assert.deepEqual(await edgesOf("tcp-", 2), ["tcp-shop → tcp-ledger: 2/1"]);
  });

  it("draws both edges of a gateway, with its own time apart from that of the one it calls", async () => {
    const [gateway, orders] = [end("edge-gateway", 1), end("edge-orders", 2)];
    const headers = { b3: "48485a3953bb6124-000000000000002b-1-000000000000002a" };
    const over = { startedAtUs: nowUs, context: contextOf(headers), local: gateway, remote: orders };
    const called = { startedAtUs: nowUs + 2_000, durationUs: 9_000 };
    const refused = { b3: "48485a3953bb6125-000000000000002d-1-000000000000002c" };
    await sent([
      exchangeOf({ ...over, id: "gateway", side: "gateway", called }),
      exchangeOf({
        ...over,
        ...{ id: "sidecar", side: "server", startedAtUs: nowUs + 3_000, local: orders, remote: gateway },
      }),
      exchangeOf({ ...over, id: "no", side: "gateway", called: undefined, context: contextOf(refused) }),
    ]);
    const trace = await traceOf("48485a3953bb6124", 3);
    assert.deepEqual(
      trace.map(({ kind, id, parentId, duration, shared }) => [kind, id, parentId, duration, shared]),
      [
        ["SERVER", "000000000000002a", undefined, 12_500, undefined],
        ["CLIENT", "000000000000002b", "000000000000002a", 9_000, undefined],
        ["SERVER", "000000000000002b", "000000000000002a", 12_500, true],
      ],
    );
    assert.equal((await traceOf("48485a3953bb6125", 1))[0]?.kind, "SERVER");
    assert.deepEqual(await edgesOf("edge-", 1), ["edge-gateway → edge-orders: 1/0"]);
  });

  it("hangs W3C contexts under the caller's span, and marks what is for debugging", async () => {
    const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
    const headers = { traceparent: `00-${traceId}-00f067aa0ba902b7-01` };
    const debug = { b3: "80f198ee56343ba864fe8b2a57d3eff7-000000000000003a-d" };
    const over = { startedAtUs: nowUs, local: end("w3c-orders", 1), remote: end("w3c-ledger", 2) };
    await sent(
      [
        exchangeOf({ ...over, context: contextOf(headers) }),
        exchangeOf({ ...over, context: contextOf(debug) }),
      ],
      { sample: "0%" },
    );
    const [span] = await traceOf(traceId, 1);
    assert.equal(span?.parentId, "00f067aa0ba902b7");
    assert.equal((await traceOf("80f198ee56343ba864fe8b2a57d3eff7", 1))[0]?.debug, true);
  });

  it("draws the edge of a call without a context from the side that tells", async () => {
    const over = { startedAtUs: nowUs, local: end("bare-orders", 2), remote: end("bare-shop", 1) };
    await sent([exchangeOf({ ...over, side: "server", id: "bare" })]);
    assert.deepEqual(await edgesOf("bare-", 1), ["bare-shop → bare-orders: 1/0"]);
  });

  it("puts together what three sidecars logged of one request, each under the request's one stream id", async () => {
    const b3 = "0af7651916cd43dd8448eb211c80319c";
    const logged = (logName: string, workload: string, context: string, port: number): Exchange => {
      const { request, ...whole } = plainRequest();
      const http = withCommon(
        { ...whole, request: { ...request, requestHeaders: new Map([["b3", context]]) } },
        {
          startTime: time(Date.now()),
          downstreamDirectRemoteAddress: socket("10.0.0.1", port),
          upstreamCluster: logName === "mesh-in" ? "inbound|9080||" : (CALLED[workload] ?? ""),
          upstreamLocalAddress: socket("10.0.0.9", port),
          filterStateObjects: new Map([["downstream_peer", structAny({ service: "log-shop" })]]),
        },
      );
      const entry = entryOf({
        identifier: { logName, id: `sidecar~${workload}`, cluster: workload },
        http: [http],
      });
      const exchange = exchangeOfEntry(entry, FINISHED);
      assert.ok(exchange !== undefined, "a finished request");
      return { ...exchange, added: new Map() };
    };
    const CALLED: Readonly<Record<string, string>> = {
      "log-shop": "outbound|9080||log-orders.shop.svc.cluster.local",
      "log-orders": "outbound|443||log.ledger.example.com",
    };
    await sent([
      logged("mesh-out", "log-shop", `${b3}-000000000000004a-1`, 40_001),
      logged("mesh-in", "log-orders", `${b3}-000000000000004a-1`, 40_002),
      logged("mesh-out", "log-orders", `${b3}-000000000000004b-1-000000000000004a`, 40_003),
    ]);
    assert.deepEqual(await edgesOf("log-", 2), [
      "log-orders → log.ledger.example.com: 1/0",
      "log-shop → log-orders: 1/0",
    ]);
  });

  it("takes every span that can be made", async () => {
    const text = fc.string({ unit: "binary", maxLength: 40 });
    const numbers = fc.oneof(fc.double(), fc.integer(), fc.constant(nowUs));
    const context = fc.dictionary(fc.constantFrom(...CONTEXT_HEADERS), text).map(contextOf);
    const endpoint = fc.record({
      service: text,
      ip: fc.oneof(text, fc.ipV4(), fc.ipV6()),
      port: fc.integer({ min: -1, max: 70_000 }),
    });
    const exchange = fc.record({
      ...{
        side: fc.constantFrom<Exchange["side"]>("client", "server", "gateway"),
        context,
        id: text,
        name: text,
      },
      ...{ startedAtUs: numbers, durationUs: numbers, local: endpoint, remote: endpoint, failure: text },
      attributes: fc
        .dictionary(text, fc.oneof(text, fc.double(), fc.boolean()))
        .map((of) => new Map(Object.entries(of))),
    });
    const exchanges = fc.sample(exchange, 100).map((over) => exchangeOf(over));
    await sent(exchanges);
    const made = exchanges.map((one) => spansOf(one, { mode: "auto", share: 1 }));
    const ids = new Set(
      made.flatMap((one) => (one.kind === "spans" ? one.spans.map(({ traceId }) => traceId) : [])),
    );
    assert.ok(ids.size > 50, "there are traces to look for");
    for (const id of ids) {
      await until(async () => (await zipkin.trace(id)).length > 0, { what: `trace ${id}` });
    }
  });
});
