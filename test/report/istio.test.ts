import assert from "node:assert/strict";
import type { DescribedHttp, DescribedTcp } from "./encode.ts";
import { grpcRequest, inboundRequest, SIDECAR } from "./entries.ts";
import { common, labelsOf, measured, one, some, valuesOf } from "./measured.ts";

describe("Istio's metrics of a request", () => {
  it("have all labels, in order, on the called side", () => {
    const made = one(inboundRequest());
    assert.equal(made.family.id, "istio.http");
    assert.equal(made.family.labels.length, 25);
    assert.deepEqual(labelsOf(made), {
      reporter: "destination",
      source_workload: "productpage-v1",
      source_canonical_service: "productpage",
      source_canonical_revision: "v1",
      source_workload_namespace: "shop",
      source_principal: "spiffe://cluster.local/ns/shop/sa/productpage",
      source_app: "productpage",
      source_version: "v1",
      source_cluster: "Kubernetes",
      destination_workload: "reviews-v1",
      destination_workload_namespace: "shop",
      destination_principal: "spiffe://cluster.local/ns/shop/sa/reviews",
      destination_app: "reviews",
      destination_version: "v1",
      destination_service: "reviews.shop.svc.cluster.local",
      destination_canonical_service: "reviews",
      destination_canonical_revision: "v1",
      destination_service_name: "reviews",
      destination_service_namespace: "shop",
      destination_cluster: "Kubernetes",
      request_protocol: "http",
      response_code: "200",
      grpc_response_status: "",
      response_flags: "-",
      connection_security_policy: "mutual_tls",
    });
  });

  it("count it, its whole milliseconds, and its bytes on the wire from and to the caller", () => {
    const made = one(inboundRequest());
    assert.deepEqual(valuesOf(made), {
      requests_total: 1,
      request_duration_milliseconds: 7,
      request_bytes: 1_203,
      response_bytes: 1_912,
      request_messages_total: undefined,
      response_messages_total: undefined,
    });
    assert.equal(made.family.metrics[1]?.bounds.length, 19);
    assert.deepEqual(made.trace, {
      traceId: "0af7651916cd43dd8448eb211c80319c",
      spanId: "b7ad6b7169203331",
      sampled: true,
    });
  });

  it("have a duration only where Envoy says it, and bytes only where it counts them", () => {
    const { commonProperties } = inboundRequest();
    const made = one(
      common({
        ...commonProperties,
        duration: undefined,
        downstreamWireBytesReceived: 0n,
        downstreamWireBytesSent: 0n,
      }),
    );
    assert.deepEqual(made.values, [1, undefined, undefined, undefined, undefined, undefined]);
  });

  it("have the code 0 and the flag where no response began", () => {
    const made = one({
      ...common({
        responseFlags: { downstreamConnectionTermination: true, upstreamRetryLimitExceeded: true },
      }),
      response: {},
    });
    assert.deepEqual(some(made, "response_code", "response_flags"), ["0", "DC,URX"]);
    assert.equal(made.values[0], 1);
  });

  it("are nothing of what begins or goes on, nor of attempts upstream", () => {
    const types = [4, 5, 7, 8, 9, 10] as const;
    const http = types.map((accessLogType) => common({ accessLogType }));
    assert.deepEqual(measured({ identifier: SIDECAR, http }), []);
  });

  it("do not depend on the clocks of proxies", () => {
    const startTimes = [undefined, { seconds: 0n, nanos: 0 }, { seconds: 99_999_999_999n, nanos: 0 }];
    const { commonProperties } = inboundRequest();
    for (const startTime of startTimes) {
      const made = one({ ...inboundRequest(), commonProperties: { ...commonProperties, startTime } });
      assert.deepEqual(made, one(inboundRequest()));
    }
  });

  it("are unknown, and of the latest revision, where nothing is known", () => {
    const made = one(common({}), { logName: "mesh-in" });
    const { reporter, ...labels } = labelsOf(made);
    assert.equal(reporter, "destination");
    const known = Object.entries(labels).filter(([, value]) => value !== "unknown");
    assert.deepEqual(Object.fromEntries(known), {
      source_canonical_revision: "latest",
      destination_canonical_revision: "latest",
      request_protocol: "http",
      response_code: "200",
      grpc_response_status: "",
      response_flags: "-",
      connection_security_policy: "none",
    });
  });
});

describe("Istio's metrics of a gRPC call", () => {
  it("have the status of the trailers, and the messages", () => {
    const made = one(grpcRequest("14", 3, 4));
    assert.deepEqual(some(made, "request_protocol", "grpc_response_status", "response_code"), [
      "grpc",
      "14",
      "200",
    ]);
    assert.deepEqual(made.values.slice(4), [3, 4]);
  });

  const statuses: readonly (readonly [string, DescribedHttp["response"], string])[] = [
    ["of the headers", { responseCode: 200, responseHeaders: new Map([["grpc-status", "5"]]) }, "5"],
    ["by the HTTP status", { responseCode: 503 }, "14"],
    ["by the HTTP status, if that means nothing", { responseCode: 418 }, "2"],
    ["empty, where it went well and the logger does not send it", { responseCode: 200 }, ""],
    [
      "2, where it is made up",
      { responseCode: 200, responseTrailers: new Map([["grpc-status", "9e9"]]) },
      "2",
    ],
    ["empty, where no response began", {}, ""],
  ];
  for (const [what, response, expected] of statuses) {
    it(`have the status ${what}`, () => {
      const made = one({ ...grpcRequest("0"), response });
      assert.deepEqual(some(made, "request_protocol", "grpc_response_status"), ["grpc", expected]);
    });
  }

  for (const [contentType, protocol] of [
    ["application/grpc", "grpc"],
    ["application/grpc+proto", "grpc"],
    ["application/grpc;charset=utf-8", "grpc"],
    ["application/grpc-web", "http"],
    ["application/json", "http"],
  ] as const) {
    it(`are of ${protocol} with ${contentType}`, () => {
      const request = { requestMethod: 3 as const, requestHeaders: new Map([["content-type", contentType]]) };
      assert.deepEqual(some(one({ ...grpcRequest("0"), request }), "request_protocol"), [protocol]);
    });
  }

  it("count messages as they come, without what is known at the end", () => {
    const { commonProperties, ...call } = grpcRequest("0", 5, 6);
    const goesOn = { ...call, commonProperties: { ...commonProperties, accessLogType: 5 as const } };
    const [periodic, end] = measured({ identifier: SIDECAR, http: [goesOn, grpcRequest("0", 7, 9)] });
    assert.ok(periodic !== undefined && end !== undefined);
    assert.deepEqual(some(periodic, "grpc_response_status"), [""]);
    assert.deepEqual(periodic.values, [undefined, undefined, undefined, undefined, 5, 6]);
    assert.deepEqual(end.values.slice(4), [2, 3]);
  });
});

describe("Istio's metrics of a connection", () => {
  const entry = (type: 1 | 2 | 3, received: number, sent: number): DescribedTcp => ({
    commonProperties: {
      ...inboundRequest().commonProperties,
      accessLogType: type,
      responseFlags: type === 3 ? { downstreamConnectionTermination: true } : undefined,
      downstreamWireBytesReceived: 0n,
      downstreamWireBytesSent: 0n,
    },
    connectionProperties: { receivedBytes: BigInt(received), sentBytes: BigInt(sent) },
  });

  it("count it once, and its bytes as they come", () => {
    const tcp = [entry(1, 0, 0), entry(2, 100, 200), entry(2, 150, 260), entry(3, 180, 300)];
    const made = measured({ identifier: SIDECAR, tcp });
    assert.deepEqual(
      made.map(({ values }) => values),
      [
        [1, undefined, 0, 0],
        [undefined, undefined, 200, 100],
        [undefined, undefined, 60, 50],
        [undefined, 1, 40, 30],
      ],
    );
    const last = made.at(-1) ?? assert.fail();
    assert.deepEqual([last.family.id, last.family.labels.length, last.labels.length], ["istio.tcp", 23, 23]);
    assert.deepEqual(some(last, "request_protocol", "response_flags", "connection_security_policy"), [
      "tcp",
      "DC",
      "mutual_tls",
    ]);
    assert.equal(labelsOf(last)["response_code"], undefined);
  });
});
