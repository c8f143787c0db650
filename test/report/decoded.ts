import type {
  AddressOf,
  CertificateFacts,
  EntryFacts,
  TimingStep,
} from "../../src/attributes/entry-facts.ts";
import type { Address } from "../../src/wire/envoy/config/core/v3/address.ts";
import {
  AccessLogCommon,
  HTTPRequestProperties,
  HTTPResponseProperties,
  type ConnectionProperties,
  type HTTPAccessLogEntry,
  type TCPAccessLogEntry,
  type TLSProperties,
  type TLSProperties_CertificateProperties,
} from "../../src/wire/envoy/data/accesslog/v3/accesslog.ts";
import { Struct, type Value } from "../../src/wire/google/protobuf/struct.ts";
import { StringValue } from "../../src/wire/google/protobuf/wrappers.ts";

const STEPS: readonly TimingStep[] = [
  "last_rx_byte",
  "first_upstream_tx_byte",
  "last_upstream_tx_byte",
  "first_upstream_rx_byte",
  "last_upstream_rx_byte",
  "first_downstream_tx_byte",
  "last_downstream_tx_byte",
];
const ADDRESSES: readonly AddressOf[] = [
  "downstream_remote",
  "downstream_direct_remote",
  "downstream_local",
  "upstream_remote",
  "upstream_local",
];

/** Everything that facts say, decoded. */
export function read(facts: EntryFacts) {
  return {
    kind: facts.kind,
    accessLogType: facts.accessLogType,
    isIntermediate: facts.isIntermediate,
    streamId: facts.streamId,
    durationMs: facts.durationMs,
    startedAtMs: facts.startedAtMs,
    timings: STEPS.map((step) => facts.timing(step)),
    responseCode: facts.responseCode,
    responseFlags: facts.responseFlags,
    responseCodeDetails: facts.responseCodeDetails,
    upstreamCluster: facts.upstreamCluster,
    routeName: facts.routeName,
    addresses: ADDRESSES.map((of) => facts.address(of)),
    tls: facts.tls(),
    principals: [facts.principal("source"), facts.principal("destination")],
    bytes: [facts.downstreamBytes, facts.upstreamBytes, facts.connectionBytes],
    responseHeaders: facts.responseHeaders(),
    responseTrailers: facts.responseTrailers(),
    customTags: facts.customTags(),
    oneTag: facts.customTag("up.cluster"),
    oneHeader: facts.requestHeader("content-type"),
    filterState: facts.filterState(),
    hasPeer: facts.rawFilterState("downstream_peer") !== undefined,
    details: facts.details(),
    request: facts.request && {
      id: facts.request.id,
      path: facts.request.path,
      host: facts.request.host,
      scheme: facts.request.scheme,
      sizeBytes: facts.request.sizeBytes,
      timeMs: facts.request.timeMs,
      protocol: facts.request.protocol,
    },
  };
}

type Both = Partial<HTTPAccessLogEntry> & Partial<TCPAccessLogEntry>;

/** The same of an entry that the generated decoder has read. */
export function expected(entry: HTTPAccessLogEntry | TCPAccessLogEntry): ReturnType<typeof read> {
  const { request, connectionProperties, ...both }: Both = entry;
  const common = both.commonProperties ?? AccessLogCommon.create();
  const response = both.response ?? HTTPResponseProperties.create();
  const kind = request === undefined ? "tcp" : "http";
  const local = certificate(common.tlsProperties?.localCertificateProperties);
  const peer = certificate(common.tlsProperties?.peerCertificateProperties);
  return {
    kind,
    accessLogType: common.accessLogType,
    isIntermediate: common.intermediateLogEntry,
    streamId: common.streamId,
    durationMs: milliseconds(common.duration),
    startedAtMs: milliseconds(common.startTime),
    timings: [
      common.timeToLastRxByte,
      common.timeToFirstUpstreamTxByte,
      common.timeToLastUpstreamTxByte,
      common.timeToFirstUpstreamRxByte,
      common.timeToLastUpstreamRxByte,
      common.timeToFirstDownstreamTxByte,
      common.timeToLastDownstreamTxByte,
    ].map(milliseconds),
    responseCode: response.responseCode,
    responseFlags: Object.values(common.responseFlags ?? {}).flatMap((value, index) =>
      value === false || value === undefined ? [] : [index + 1],
    ),
    responseCodeDetails: response.responseCodeDetails,
    upstreamCluster: common.upstreamCluster,
    routeName: common.routeName,
    addresses: [
      common.downstreamRemoteAddress,
      common.downstreamDirectRemoteAddress,
      common.downstreamLocalAddress,
      common.upstreamRemoteAddress,
      common.upstreamLocalAddress,
    ].map(addressOf),
    tls: common.tlsProperties && { ...tlsOf(common.tlsProperties), local, peer },
    principals: [only(peer.uris), only(local.uris)],
    bytes: [
      bytes(common.downstreamWireBytesSent, common.downstreamWireBytesReceived),
      bytes(common.upstreamWireBytesSent, common.upstreamWireBytesReceived),
      carried(connectionProperties),
    ],
    responseHeaders: response.responseHeaders,
    responseTrailers: response.responseTrailers,
    customTags: common.customTags,
    oneTag: common.customTags.get("up.cluster"),
    oneHeader: request?.requestHeaders.get("content-type"),
    filterState: stateOf(common),
    hasPeer: common.filterStateObjects.has("downstream_peer"),
    details: detailsOf(common, request ?? HTTPRequestProperties.create(), response),
    request: request && {
      ...requestOf(request),
      timeMs: milliseconds(common.startTime),
      protocol: PROTOCOLS[both.protocolVersion ?? 0] ?? "",
    },
  };
}

const PROTOCOLS = ["", "HTTP/1.0", "HTTP/1.1", "HTTP/2", "HTTP/3"];

const requestOf = ({ requestId, path, authority, scheme, requestBodyBytes }: HTTPRequestProperties) => ({
  id: requestId,
  path,
  host: authority,
  scheme,
  sizeBytes: requestBodyBytes,
});

const tlsOf = (tls: TLSProperties) => ({
  version: ["", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"][tls.tlsVersion] ?? "",
  cipherSuite: tls.tlsCipherSuite,
  serverName: tls.tlsSniHostname,
  sessionId: tls.tlsSessionId,
  ja3: tls.ja3Fingerprint,
});

function detailsOf(
  common: AccessLogCommon,
  request: HTTPRequestProperties,
  response: HTTPResponseProperties,
): ReturnType<EntryFacts["details"]> {
  return {
    sampleRate: common.sampleRate,
    upstreamTransportFailureReason: common.upstreamTransportFailureReason,
    downstreamTransportFailureReason: common.downstreamTransportFailureReason,
    connectionTerminationDetails: common.connectionTerminationDetails,
    upstreamRequestAttemptCount: common.upstreamRequestAttemptCount,
    requestPort: request.port,
    userAgent: request.userAgent,
    referer: request.referer,
    forwardedFor: request.forwardedFor,
    originalPath: request.originalPath,
    requestHeadersBytes: Number(request.requestHeadersBytes),
    requestBodyBytes: Number(request.requestBodyBytes),
    responseHeadersBytes: Number(response.responseHeadersBytes),
    responseBodyBytes: Number(response.responseBodyBytes),
    upstreamHeaderBytes: bytes(request.upstreamHeaderBytesSent, response.upstreamHeaderBytesReceived),
    downstreamHeaderBytes: bytes(response.downstreamHeaderBytesSent, request.downstreamHeaderBytesReceived),
  };
}

const milliseconds = (time: { seconds: bigint; nanos: number } | undefined): number | undefined =>
  time && Number(time.seconds) * 1_000 + time.nanos / 1_000_000;

const bytes = (sent: bigint, received: bigint) => ({ sent: Number(sent), received: Number(received) });

const carried = (one: ConnectionProperties | undefined) =>
  bytes(one?.sentBytes ?? 0n, one?.receivedBytes ?? 0n);

const only = (uris: readonly string[]): string => (uris.length === 1 ? (uris[0] ?? "") : "");

function addressOf(address: Address | undefined) {
  const { socketAddress: socket, pipe, envoyInternalAddress: internal } = address ?? {};
  if (socket !== undefined) return { address: socket.address, port: socket.portValue ?? 0 };
  const name = pipe?.path ?? internal?.serverListenerName;
  return name === undefined ? undefined : { address: name, port: undefined };
}

const certificate = (one: TLSProperties_CertificateProperties | undefined): CertificateFacts => ({
  uris: one?.subjectAltName.flatMap(({ uri }) => uri ?? []) ?? [],
  dnsNames: one?.subjectAltName.flatMap(({ dns }) => dns ?? []) ?? [],
  subject: one?.subject ?? "",
  issuer: one?.issuer ?? "",
});

function stateOf({ filterStateObjects }: AccessLogCommon): Map<string, unknown> {
  const found = new Map<string, unknown>();
  for (const [name, { typeUrl, value }] of filterStateObjects) {
    if (typeUrl.endsWith("google.protobuf.Struct")) found.set(name, plainStruct(Struct.decode(value)));
    else if (typeUrl.endsWith("StringValue")) found.set(name, StringValue.decode(value).value);
    else if (typeUrl.endsWith("grpc_stats.v3.FilterObject")) found.set(name, stats(value));
  }
  return found;
}

/** Two numbers of one byte each, with their tags in front. */
const stats = (value: Uint8Array): Map<string, bigint> =>
  new Map([
    ["request_message_count", BigInt(value[1] ?? 0)],
    ["response_message_count", BigInt(value[3] ?? 0)],
  ]);

const plainStruct = ({ fields }: Struct): Map<string, unknown> =>
  new Map([...fields].map(([name, one]) => [name, plain(one)]));

const plain = (one: Value): unknown => one.numberValue ?? one.stringValue ?? one.boolValue ?? null;
