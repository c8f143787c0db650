import type { StructValue } from "../../src/std/struct.ts";
import {
  grpcStatsAny,
  socket,
  structAny,
  time,
  type DescribedHttp,
  type DescribedIdentifier,
} from "./encode.ts";

/** What Istio's proxies exchange about a workload. */
export const peer = (workload: string, namespace: string): ReadonlyMap<string, StructValue> =>
  new Map<string, StructValue>([
    ["namespace", namespace],
    ["cluster", "Kubernetes"],
    ["service", workload.replace(/-v\d$/, "")],
    ["revision", "v1"],
    ["app", workload.replace(/-v\d$/, "")],
    ["version", "v1"],
    ["workload", workload],
    ["type", "deployment"],
    ["name", `${workload}-7d5b8c6f9-abcde`],
    ["identity", `spiffe://cluster.local/ns/${namespace}/sa/${workload}`],
  ]);

export const peerAny = (workload: string, namespace: string) =>
  structAny(Object.fromEntries(peer(workload, namespace)));

/** The node of a sidecar, as Istio's agent describes it. */
export const SIDECAR: DescribedIdentifier = {
  logName: "mesh-in",
  id: "sidecar~10.0.0.2~reviews-v1-7d5b8c6f9-xyz.shop~shop.svc.cluster.local",
  cluster: "reviews.shop",
  metadata: {
    WORKLOAD_NAME: "reviews-v1",
    NAMESPACE: "shop",
    CLUSTER_ID: "Kubernetes",
    LABELS: new Map([
      ["app", "reviews"],
      ["version", "v1"],
      ["service.istio.io/canonical-name", "reviews"],
      ["service.istio.io/canonical-revision", "v1"],
    ]),
  },
};

/** A finished request that a sidecar of the called workload logs, with all that Istio's labels are made of: some 1.5 KB. */
export const inboundRequest = (index = 0): DescribedHttp => ({
  commonProperties: {
    downstreamRemoteAddress: socket("10.0.0.1", 40_000 + (index % 1_000)),
    downstreamDirectRemoteAddress: socket("10.0.0.1", 40_000 + (index % 1_000)),
    downstreamLocalAddress: socket("10.0.0.2", 9_080),
    upstreamRemoteAddress: socket("10.0.0.2", 9_080),
    upstreamLocalAddress: socket("127.0.0.6", 50_000),
    tlsProperties: {
      tlsVersion: 4,
      tlsCipherSuite: 4_865,
      tlsSniHostname: "outbound_.9080_._.reviews.shop.svc.cluster.local",
      localCertificateProperties: {
        subjectAltName: [{ uri: "spiffe://cluster.local/ns/shop/sa/reviews" }],
      },
      peerCertificateProperties: {
        subjectAltName: [{ uri: "spiffe://cluster.local/ns/shop/sa/productpage" }],
      },
    },
    startTime: time(1_780_000_000_000 + index),
    timeToLastRxByte: time(0.1),
    timeToFirstUpstreamTxByte: time(0.4),
    timeToLastUpstreamTxByte: time(0.5),
    timeToFirstUpstreamRxByte: time(7.1),
    timeToLastUpstreamRxByte: time(7.6),
    timeToFirstDownstreamTxByte: time(7.3),
    timeToLastDownstreamTxByte: time(7.7),
    duration: time(7.8 + (index % 50)),
    upstreamCluster: "inbound|9080||",
    routeName: "default",
    upstreamRequestAttemptCount: 1,
    streamId: `3f1c5c2e-7a61-4c1e-9d58-${String(index).padStart(12, "0")}`,
    downstreamWireBytesSent: 1_912n,
    downstreamWireBytesReceived: 1_203n,
    upstreamWireBytesSent: 1_250n,
    upstreamWireBytesReceived: 1_880n,
    accessLogType: 6,
    filterStateObjects: new Map([["downstream_peer", peerAny("productpage-v1", "shop")]]),
    customTags: new Map([
      ["dst.svc", '[{"host":"reviews.shop.svc.cluster.local","name":"reviews","namespace":"shop"}]'],
      ["up.cluster", "inbound|9080||"],
    ]),
    metadata: {
      filterMetadata: new Map([
        [
          "envoy.filters.http.ext_authz",
          {
            fields: new Map([
              [
                "weir",
                {
                  structValue: {
                    fields: new Map([
                      ["decision", { stringValue: `d_${String(index).padStart(20, "0")}` }],
                      ["verdict", { stringValue: "allow" }],
                      ["policy", { stringValue: "reviews" }],
                      ["rule", { stringValue: "readers" }],
                    ]),
                  },
                },
              ],
            ]),
          },
        ],
      ]),
    },
  },
  protocolVersion: 2,
  request: {
    requestMethod: 1,
    scheme: "http",
    authority: "reviews:9080",
    path: `/reviews/${index % 100}?verbose=1`,
    userAgent: "python-requests/2.32",
    requestId: `3f1c5c2e-7a61-4c1e-9d58-${String(index).padStart(12, "0")}`,
    requestHeadersBytes: 900n,
    requestHeaders: new Map([
      ["content-type", "application/json"],
      ["traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"],
    ]),
  },
  response: {
    responseCode: 200,
    responseHeadersBytes: 180n,
    responseBodyBytes: 1_500n,
    responseCodeDetails: "via_upstream",
  },
});

/** A finished request that a plain Envoy logs without any extra: some 650 bytes. */
export const plainRequest = (index = 0): DescribedHttp => {
  const { commonProperties, ...whole } = inboundRequest(index);
  return {
    ...whole,
    commonProperties: {
      ...commonProperties,
      tlsProperties: undefined,
      filterStateObjects: new Map(),
      customTags: new Map(),
      metadata: undefined,
      upstreamCluster: "reviews",
    },
  };
};

/** The same as a gRPC call, with its messages. */
export const grpcRequest = (status: string, sent = 1, received = 1): DescribedHttp => {
  const { commonProperties, request, response, ...whole } = inboundRequest();
  return {
    ...whole,
    commonProperties: {
      ...commonProperties,
      filterStateObjects: new Map([
        ["downstream_peer", peerAny("productpage-v1", "shop")],
        ["envoy.filters.http.grpc_stats", grpcStatsAny(sent, received)],
      ]),
    },
    request: { ...request, requestHeaders: new Map([["content-type", "application/grpc+proto"]]) },
    response: { ...response, responseTrailers: new Map([["grpc-status", status]]) },
  };
};
