import assert from "node:assert/strict";
import type { Exchange } from "../../src/adapter/report.ts";
import type { Counted } from "../../src/report/connections.ts";
import { exchangeOf } from "../../src/report/trace.ts";
import { entryOf, FINISHED, withCommon } from "./described.ts";
import { socket, time, type DescribedHttp, type DescribedMessage } from "./encode.ts";
import { grpcRequest, inboundRequest, plainRequest, SIDECAR } from "./entries.ts";

type Made = Omit<Exchange, "added">;

const maybe = (message: DescribedMessage, counted: Counted = FINISHED): Made | undefined =>
  exchangeOf(entryOf(message), counted);

function made(message: DescribedMessage, counted: Counted = FINISHED): Made {
  const exchange = maybe(message, counted);
  assert.ok(exchange !== undefined, "an exchange");
  return exchange;
}

const of = (http: DescribedHttp, identifier: DescribedMessage["identifier"] = SIDECAR): DescribedMessage => ({
  identifier,
  http: [http],
});

describe("the preset trace", () => {
  it("makes an exchange of a finished request", () => {
    const { id, ...exchange } = made(of(inboundRequest()));
    assert.notEqual(id, "");
    assert.deepEqual(exchange, {
      kind: "exchange",
      observedAtMs: FINISHED.observedAtMs,
      trace: { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", sampled: true },
      side: "server",
      context: new Map([["traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"]]),
      name: "GET /reviews/0",
      startedAtUs: 1_780_000_000_000_000,
      durationUs: 7_800,
      called: { startedAtUs: 1_780_000_000_000_400, durationUs: 7_200 },
      local: { service: "reviews", ip: "10.0.0.2", port: 9_080 },
      remote: { service: "productpage", ip: "10.0.0.1", port: 40_000 },
      failure: undefined,
      attributes: new Map<string, string | number>([
        ["http.request.method", "GET"],
        ["url.scheme", "http"],
        ["url.path", "/reviews/0"],
        ["server.address", "reviews"],
        ["user_agent.original", "python-requests/2.32"],
        ["http.request.body.size", 0],
        ["http.response.status_code", 200],
        ["http.response.body.size", 1_500],
        ["envoy.request_id", "3f1c5c2e-7a61-4c1e-9d58-000000000000"],
        ["envoy.response_code_details", "via_upstream"],
        ["envoy.upstream_cluster", "inbound|9080||"],
        ["envoy.route_name", "default"],
        ["envoy.node_id", "sidecar~10.0.0.2~reviews-v1-7d5b8c6f9-xyz.shop~shop.svc.cluster.local"],
        ["weir.decision.id", "d_00000000000000000000"],
        ["weir.decision.verdict", "allow"],
        ["weir.decision.policy", "reviews"],
        ["weir.decision.rule", "readers"],
      ]),
    });
  });

  for (const request of ["begun", "goes-on", "attempt", "none"] as const) {
    it(`makes none of a request that is ${request}`, () => {
      assert.equal(maybe(of(inboundRequest()), { ...FINISHED, request }), undefined);
    });
  }

  it("makes one of a connection when it is closed, and not before", () => {
    const tcp = {
      commonProperties: {
        upstreamCluster: "mysql",
        startTime: time(1_780_000_000_000),
        duration: time(90_000),
        upstreamRemoteAddress: socket("10.0.0.9", 3_306),
      },
      connectionProperties: { receivedBytes: 300n, sentBytes: 180n },
    };
    const message = { identifier: { logName: "mesh-out", cluster: "shop" }, tcp: [tcp] };
    const connection = { opened: false, closed: true, sentBytes: 180, receivedBytes: 300 };
    const closed: Counted = { ...FINISHED, request: "none", connection };
    const exchange = made(message, closed);
    assert.deepEqual([exchange.side, exchange.name, exchange.durationUs], ["client", "mysql", 90_000_000]);
    assert.deepEqual([exchange.local.service, exchange.remote.service], ["shop", "mysql"]);
    assert.equal(exchange.attributes.get("envoy.received_bytes"), 300);
    assert.equal(maybe(message, { ...closed, connection: { ...connection, closed: false } }), undefined);
  });

  it("makes none where it is not known when it ended, and of old Envoys by their last byte", () => {
    const unended = withCommon(plainRequest(), {
      duration: undefined,
      timeToLastDownstreamTxByte: undefined,
    });
    assert.equal(maybe(of(unended)), undefined);
    assert.equal(made(of(withCommon(plainRequest(), { duration: undefined }))).durationUs, 7_700);
  });

  it("begins when it came in less its duration, where the proxy's clock says nothing", () => {
    const { startedAtUs } = made(of(withCommon(plainRequest(), { startTime: undefined })));
    assert.equal(startedAtUs, FINISHED.observedAtMs * 1_000 - 7_800);
  });

  it("keeps the proxy's own time, wrong as it may be", () => {
    const { startedAtUs } = made(of(withCommon(plainRequest(), { startTime: time(1_000) })));
    assert.equal(startedAtUs, 1_000_000);
  });

  for (const [what, over, expected] of [
    ["nobody was tried", { upstreamRemoteAddress: undefined, upstreamRequestAttemptCount: 0 }, undefined],
    ["nothing came back", { timeToLastUpstreamRxByte: undefined }, { from: 400, lasts: 7_400 }],
    [
      "no connection was made",
      { timeToFirstUpstreamTxByte: undefined, timeToLastUpstreamRxByte: undefined },
      { from: 0, lasts: 7_800 },
    ],
    ["the answer came before the question", { timeToLastUpstreamRxByte: time(0.1) }, { from: 400, lasts: 0 }],
  ] as const) {
    it(`says when the called end was called: ${what}`, () => {
      const { called, startedAtUs } = made(of(withCommon(plainRequest(), over)));
      const said = called && { from: called.startedAtUs - startedAtUs, lasts: called.durationUs };
      assert.deepEqual(said, expected);
    });
  }

  it("has one id for one exchange, and others for the other proxies of the same request", () => {
    const idOf = (http: DescribedHttp, identifier = SIDECAR): string => made(of(http, identifier)).id;
    const id = idOf(plainRequest());
    assert.equal(idOf(plainRequest()), id);
    const others = [
      idOf(plainRequest(), { ...SIDECAR, id: "sidecar~10.0.0.1~shop" }),
      idOf(plainRequest(), { ...SIDECAR, logName: "mesh-out" }),
      idOf(withCommon(plainRequest(), { startTime: time(1_780_000_000_001) })),
      idOf(withCommon(plainRequest(), { downstreamDirectRemoteAddress: socket("10.0.0.1", 40_777) })),
      idOf(withCommon(plainRequest(), { streamId: "another" })),
    ];
    assert.equal(new Set([id, ...others]).size, 6);
  });

  it("names gRPC calls by their method, and tells their status", () => {
    const call = grpcRequest("14");
    const { name, failure, attributes } = made(
      of({ ...call, request: { ...call.request, path: "/shop.Cart/Add" } }),
    );
    assert.deepEqual(
      [name, failure, attributes.get("rpc.grpc.status_code")],
      ["shop.Cart/Add", "gRPC 14", 14],
    );
  });

  it("holds neither queries nor credentials", () => {
    const { request, ...whole } = inboundRequest();
    const secret = "tok-5b1e";
    const headers = ["authorization", "cookie", "x-api-key"].map((name): [string, string] => [name, secret]);
    const exchange = made(
      of({
        ...whole,
        request: {
          ...request,
          path: `/a?token=${secret}#${secret}`,
          originalPath: `/b?token=${secret}`,
          referer: `http://x/?token=${secret}`,
          requestHeaders: new Map(headers),
        },
      }),
    );
    const said = JSON.stringify(exchange, (_, value: unknown) => (value instanceof Map ? [...value] : value));
    assert.equal(exchange.name, "GET /a");
    assert.ok(!said.includes(secret), said);
  });
});
