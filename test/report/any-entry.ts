import fc from "fast-check";
import type { StructValue } from "../../src/std/struct.ts";
import { anyOf, grpcStatsAny, structAny, textAny, type DescribedHttp, type DescribedTcp } from "./encode.ts";

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 8 }).map((one) => one.toWellFormed()),
  fc.constantFrom("", "constructor", "__proto__", "é", "x".repeat(200), "content-type", "up.cluster"),
);
const texts = fc.array(fc.tuple(text, text), { maxLength: 4 }).map((entries) => new Map(entries));
const count = fc.oneof(fc.nat(300), fc.constantFrom(0, 127, 128, 2 ** 31, 2 ** 32 - 1)).map(BigInt);
const long = fc.oneof(count, fc.constantFrom(2n ** 40n, 2n ** 53n - 1n));
const small = fc.nat(2 ** 32 - 1);
const optional = <T>(one: fc.Arbitrary<T>) => fc.option(one, { nil: undefined, freq: 2 });
const moment = optional(
  fc.record({
    seconds: fc.oneof(fc.bigInt({ min: -10n, max: 10n }), fc.bigInt({ min: 0n, max: 4_000_000_000n })),
    nanos: fc.nat(999_999_999),
  }),
);
const address = optional(
  fc.oneof(
    fc.record({ socketAddress: fc.record({ address: text, portValue: fc.nat(65_535) }) }),
    fc.record({ pipe: fc.record({ path: text }) }),
    fc.record({ envoyInternalAddress: fc.record({ serverListenerName: text }) }),
  ),
);
const certificate = optional(
  fc.record({
    subjectAltName: fc.array(fc.oneof(fc.record({ uri: text }), fc.record({ dns: text })), { maxLength: 3 }),
    subject: text,
    issuer: text,
  }),
);
const version = fc.constantFrom<(0 | 1 | 2 | 3 | 4)[]>(0, 1, 2, 3, 4);
const tls = optional(
  fc.record({
    tlsVersion: version,
    tlsCipherSuite: optional(fc.nat(65_535)),
    tlsSniHostname: text,
    localCertificateProperties: certificate,
    peerCertificateProperties: certificate,
    tlsSessionId: text,
    ja3Fingerprint: text,
  }),
);
const flags = optional(
  fc.record({
    noHealthyUpstream: fc.boolean(),
    noRouteFound: fc.boolean(),
    unauthorizedDetails: optional(fc.constant({ reason: 1 as const })),
    downstreamConnectionTermination: fc.boolean(),
    overloadManager: fc.boolean(),
    downstreamRemoteReset: fc.boolean(),
  }),
);
const structFields = fc.dictionary(
  fc.constantFrom("a", "b", "namespace"),
  fc.oneof(text, fc.double({ noNaN: true }), fc.boolean()) as fc.Arbitrary<StructValue>,
  { maxKeys: 3 },
);
const state = fc.oneof(
  structFields.map(structAny),
  text.map(textAny),
  fc.tuple(fc.nat(9), fc.nat(9)).map(([sent, received]) => grpcStatsAny(sent, received)),
  fc.uint8Array({ maxLength: 5 }).map((bytes) => anyOf("google.protobuf.Empty", Buffer.from(bytes))),
);
const states = fc
  .array(
    fc.tuple(
      fc.constantFrom("downstream_peer", "upstream_peer", "x", "envoy.filters.http.grpc_stats"),
      state,
    ),
    {
      maxLength: 3,
    },
  )
  .map((entries) => new Map(entries));

const common = fc.record(
  {
    sampleRate: fc.double({ noNaN: true }),
    downstreamRemoteAddress: address,
    downstreamLocalAddress: address,
    downstreamDirectRemoteAddress: address,
    upstreamRemoteAddress: address,
    upstreamLocalAddress: address,
    tlsProperties: tls,
    startTime: moment,
    timeToLastRxByte: moment,
    timeToFirstUpstreamTxByte: moment,
    timeToLastUpstreamTxByte: moment,
    timeToFirstUpstreamRxByte: moment,
    timeToLastUpstreamRxByte: moment,
    timeToFirstDownstreamTxByte: moment,
    timeToLastDownstreamTxByte: moment,
    upstreamCluster: text,
    responseFlags: flags,
    upstreamTransportFailureReason: text,
    downstreamTransportFailureReason: text,
    connectionTerminationDetails: text,
    routeName: text,
    filterStateObjects: states,
    customTags: texts,
    duration: moment,
    upstreamRequestAttemptCount: small,
    streamId: text,
    intermediateLogEntry: fc.boolean(),
    downstreamWireBytesSent: long,
    downstreamWireBytesReceived: long,
    upstreamWireBytesSent: long,
    upstreamWireBytesReceived: long,
    accessLogType: fc.constantFrom<(0 | 2 | 6 | 14)[]>(0, 2, 6, 14),
  },
  { requiredKeys: [] },
);

/** Any entry that an Envoy could send, and many that none would. */
export const anyHttp: fc.Arbitrary<DescribedHttp> = fc.record({
  commonProperties: common,
  protocolVersion: version,
  request: fc.record(
    {
      requestMethod: fc.constantFrom<(0 | 1 | 9)[]>(0, 1, 9),
      scheme: text,
      authority: text,
      port: optional(fc.nat(65_535)),
      path: text,
      userAgent: text,
      referer: text,
      forwardedFor: text,
      requestId: text,
      originalPath: text,
      requestHeadersBytes: long,
      requestBodyBytes: long,
      requestHeaders: texts,
      upstreamHeaderBytesSent: long,
      downstreamHeaderBytesReceived: long,
    },
    { requiredKeys: [] },
  ),
  response: optional(
    fc.record(
      {
        responseCode: optional(fc.nat(999)),
        responseHeadersBytes: long,
        responseBodyBytes: long,
        responseHeaders: texts,
        responseTrailers: texts,
        responseCodeDetails: text,
        upstreamHeaderBytesReceived: long,
        downstreamHeaderBytesSent: long,
      },
      { requiredKeys: [] },
    ),
  ),
});

export const anyTcp: fc.Arbitrary<DescribedTcp> = fc.record({
  commonProperties: common,
  connectionProperties: optional(fc.record({ receivedBytes: long, sentBytes: long })),
});
