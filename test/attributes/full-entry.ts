import type { DescribedHttp, DescribedTcp } from "../report/encode.ts";
import { anyOf, socket, struct, time } from "../report/encode.ts";

const certificate = (name: string) => ({
  subjectAltName: [{ uri: `spiffe://cluster.local/ns/shop/sa/${name}` }, { dns: `${name}.example.com` }],
  subject: `CN=${name}`,
  issuer: `CN=ca of ${name}`,
});

const commonProperties: NonNullable<DescribedHttp["commonProperties"]> = {
  sampleRate: 0.5,
  downstreamRemoteAddress: socket("203.0.113.1", 0),
  downstreamLocalAddress: socket("10.0.0.2", 8_080),
  downstreamDirectRemoteAddress: socket("10.0.0.3", 41_000),
  upstreamRemoteAddress: socket("10.0.0.4", 9_080),
  upstreamLocalAddress: socket("2001:db8::5", 42_000),
  tlsProperties: {
    tlsVersion: 4,
    tlsCipherSuite: 4_865,
    tlsSniHostname: "Shop.example.com",
    localCertificateProperties: certificate("reviews"),
    peerCertificateProperties: certificate("web"),
    tlsSessionId: "session",
    ja3Fingerprint: "ja3",
  },
  startTime: time(1_780_000_000_123),
  timeToLastRxByte: time(1),
  timeToFirstUpstreamTxByte: time(2),
  timeToLastUpstreamTxByte: time(3),
  timeToFirstUpstreamRxByte: time(4.5),
  timeToLastUpstreamRxByte: time(5),
  timeToFirstDownstreamTxByte: time(6),
  timeToLastDownstreamTxByte: time(7_000),
  duration: time(8_000),
  upstreamCluster: "outbound|9080||reviews.shop.svc.cluster.local",
  responseFlags: { noHealthyUpstream: true, unauthorizedDetails: { reason: 1 } },
  metadata: {
    filterMetadata: new Map([
      [
        "envoy.filters.http.ext_authz",
        struct({
          weir: new Map([
            ["decision", "d_1"],
            ["verdict", "deny"],
            ["policy", "orders"],
            ["rule", "mfa"],
          ]),
        }),
      ],
    ]),
  },
  upstreamTransportFailureReason: "bad certificate",
  downstreamTransportFailureReason: "no certificate",
  routeName: "default",
  filterStateObjects: new Map([["plain", anyOf("google.protobuf.BoolValue", Buffer.from([8, 1]))]]),
  customTags: new Map([
    ["team", "a"],
    ["connection.id", "77"],
    ["upstream.tls_version", "TLSv1.2"],
  ]),
  upstreamRequestAttemptCount: 2,
  connectionTerminationDetails: "reset",
  streamId: "stream",
  intermediateLogEntry: true,
  downstreamWireBytesSent: 101n,
  downstreamWireBytesReceived: 102n,
  upstreamWireBytesSent: 103n,
  upstreamWireBytesReceived: 104n,
  accessLogType: 6,
};

/** An entry in which every field says something, and each something else. */
export const fullHttp: DescribedHttp = {
  commonProperties,
  protocolVersion: 3,
  request: {
    requestMethod: 3,
    scheme: "https",
    authority: "Shop.example.com:443",
    port: 443,
    path: "/orders/1?x=y",
    userAgent: "curl",
    referer: "https://a.example.com/",
    forwardedFor: "203.0.113.1",
    requestId: "request",
    originalPath: "/o/1",
    requestHeadersBytes: 201n,
    requestBodyBytes: 202n,
    requestHeaders: new Map([["content-type", "application/grpc"]]),
    upstreamHeaderBytesSent: 203n,
    downstreamHeaderBytesReceived: 204n,
  },
  response: {
    responseCode: 503,
    responseHeadersBytes: 301n,
    responseBodyBytes: 302n,
    responseHeaders: new Map([["server", "envoy"]]),
    responseTrailers: new Map([["grpc-status", "14"]]),
    responseCodeDetails: "via_upstream",
    upstreamHeaderBytesReceived: 303n,
    downstreamHeaderBytesSent: 304n,
  },
};

export const fullTcp: DescribedTcp = {
  commonProperties: { ...commonProperties, accessLogType: 3 },
  connectionProperties: { receivedBytes: 401n, sentBytes: 402n },
};
