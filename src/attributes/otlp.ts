import type { TimingStep } from "./entry-facts.ts";

/**
 * How an entry travels as a LogRecord of OpenTelemetry: Envoy fills the attribute `key` with what its format string yields, always a
 * text, `-` where there is nothing. Keys are names of attributes where there is one. `weir envoy --otlp` prints this table,
 * src/report/otlp-entry.ts reads by it.
 * Formats: Envoy's documentation, access logging, command operators (1.40).
 */
export interface OtlpAttribute {
  readonly key: string;
  readonly format: string;
  /** Whose entries have it; undefined: both. */
  readonly of?: "http" | "tcp";
}

const both = (key: string, format: string): OtlpAttribute => ({ key, format: `%${format}%` });
const http = (key: string, format: string): OtlpAttribute => ({ key, format: `%${format}%`, of: "http" });
const tcp = (key: string, format: string): OtlpAttribute => ({ key, format: `%${format}%`, of: "tcp" });

/** By the fields of EntryFacts that they are for, or what of them. */
export const OTLP_ATTRIBUTES = {
  accessLogType: both("log.type", "ACCESS_LOG_TYPE"),
  streamId: both("log.stream_id", "STREAM_ID"),
  durationMs: both("request.duration_ms", "DURATION"),
  method: http("request.method", "REQ(:METHOD)"),
  scheme: http("request.scheme", "REQ(:SCHEME)"),
  host: http("request.host", "REQ(:AUTHORITY)"),
  path: http("request.path", "REQ(:PATH)"),
  protocol: http("request.protocol", "PROTOCOL"),
  requestId: http("request.id", "REQ(X-REQUEST-ID)"),
  userAgent: http("request.useragent", "REQ(USER-AGENT)"),
  referer: http("request.referer", "REQ(REFERER)"),
  forwardedFor: http("request.forwarded_for", "REQ(X-FORWARDED-FOR)"),
  originalPath: http("request.original_path", "REQ(X-ENVOY-ORIGINAL-PATH)"),
  requestHeadersBytes: http("request.headers_bytes", "REQUEST_HEADERS_BYTES"),
  requestBodyBytes: http("request.size", "BYTES_RECEIVED"),
  responseCode: http("response.code", "RESPONSE_CODE"),
  responseCodeDetails: http("response.code_details", "RESPONSE_CODE_DETAILS(ALLOW_WHITESPACES)"),
  responseFlags: both("response.flag_codes", "RESPONSE_FLAGS"),
  responseHeadersBytes: http("response.headers_bytes", "RESPONSE_HEADERS_BYTES"),
  responseBodyBytes: http("response.size", "BYTES_SENT"),
  receivedBytes: tcp("connection.received_bytes", "BYTES_RECEIVED"),
  sentBytes: tcp("connection.sent_bytes", "BYTES_SENT"),
  downstreamWireReceived: both("connection.wire_bytes_received", "DOWNSTREAM_WIRE_BYTES_RECEIVED"),
  downstreamWireSent: both("connection.wire_bytes_sent", "DOWNSTREAM_WIRE_BYTES_SENT"),
  downstreamHeaderReceived: http("connection.header_bytes_received", "DOWNSTREAM_HEADER_BYTES_RECEIVED"),
  downstreamHeaderSent: http("connection.header_bytes_sent", "DOWNSTREAM_HEADER_BYTES_SENT"),
  upstreamWireReceived: both("upstream.wire_bytes_received", "UPSTREAM_WIRE_BYTES_RECEIVED"),
  upstreamWireSent: both("upstream.wire_bytes_sent", "UPSTREAM_WIRE_BYTES_SENT"),
  upstreamHeaderReceived: http("upstream.header_bytes_received", "UPSTREAM_HEADER_BYTES_RECEIVED"),
  upstreamHeaderSent: http("upstream.header_bytes_sent", "UPSTREAM_HEADER_BYTES_SENT"),
  downstreamRemote: both("connection.remote_address", "DOWNSTREAM_REMOTE_ADDRESS"),
  downstreamDirectRemote: both("source.address", "DOWNSTREAM_DIRECT_REMOTE_ADDRESS"),
  downstreamLocal: both("destination.address", "DOWNSTREAM_LOCAL_ADDRESS"),
  upstreamRemote: both("upstream.address", "UPSTREAM_REMOTE_ADDRESS"),
  upstreamLocal: both("upstream.local_address", "UPSTREAM_LOCAL_ADDRESS"),
  upstreamCluster: both("xds.cluster_name", "UPSTREAM_CLUSTER_RAW"),
  routeName: http("xds.route_name", "ROUTE_NAME"),
  upstreamRequestAttemptCount: both("upstream.request_attempt_count", "UPSTREAM_REQUEST_ATTEMPT_COUNT"),
  upstreamTransportFailureReason: both(
    "upstream.transport_failure_reason",
    "UPSTREAM_TRANSPORT_FAILURE_REASON",
  ),
  downstreamTransportFailureReason: both(
    "connection.transport_failure_reason",
    "DOWNSTREAM_TRANSPORT_FAILURE_REASON",
  ),
  connectionTerminationDetails: both("connection.termination_details", "CONNECTION_TERMINATION_DETAILS"),
  tlsVersion: both("connection.tls_version", "DOWNSTREAM_TLS_VERSION"),
  tlsServerName: both("connection.requested_server_name", "REQUESTED_SERVER_NAME"),
  tlsSessionId: both("connection.tls_session_id", "DOWNSTREAM_TLS_SESSION_ID"),
  tlsJa3: both("connection.ja3_fingerprint", "TLS_JA3_FINGERPRINT"),
  peerUris: both("connection.uri_san_peer_certificate", "DOWNSTREAM_PEER_URI_SAN"),
  peerDnsNames: both("connection.dns_san_peer_certificate", "DOWNSTREAM_PEER_DNS_SAN"),
  peerSubject: both("connection.subject_peer_certificate", "DOWNSTREAM_PEER_SUBJECT"),
  peerIssuer: both("connection.issuer_peer_certificate", "DOWNSTREAM_PEER_ISSUER"),
  localUris: both("connection.uri_san_local_certificate", "DOWNSTREAM_LOCAL_URI_SAN"),
  localDnsNames: both("connection.dns_san_local_certificate", "DOWNSTREAM_LOCAL_DNS_SAN"),
  localSubject: both("connection.subject_local_certificate", "DOWNSTREAM_LOCAL_SUBJECT"),
} as const satisfies Readonly<Record<string, OtlpAttribute>>;

export type OtlpField = keyof typeof OTLP_ATTRIBUTES;

/** Points of time between which Envoy's COMMON_DURATION measures, from the first byte of the caller on, in nanoseconds. */
const POINTS: Readonly<Record<TimingStep, string>> = {
  last_rx_byte: "DS_RX_END",
  first_upstream_tx_byte: "US_TX_BEG",
  last_upstream_tx_byte: "US_TX_END",
  first_upstream_rx_byte: "US_RX_BEG",
  last_upstream_rx_byte: "US_RX_END",
  first_downstream_tx_byte: "DS_TX_BEG",
  last_downstream_tx_byte: "DS_TX_END",
};

/** Durations are in nanoseconds. */
export const timingKey = (step: TimingStep): string => `timing.${step}_ns`;

export const OTLP_TIMINGS: readonly OtlpAttribute[] = Object.entries(POINTS).map(([step, point]) => ({
  key: timingKey(step as TimingStep),
  format: `%COMMON_DURATION(DS_RX_BEG:${point}:ns)%`,
  of: "http",
}));

/** What is named by whoever needs it: a header, a namespace, … behind a prefix. Values of `metadata` and `filterState` are JSON. */
export const OTLP_FAMILIES = {
  requestHeader: { prefix: "request.headers.", format: (name: string) => `%REQ(${name})%` },
  responseHeader: { prefix: "response.headers.", format: (name: string) => `%RESP(${name})%` },
  responseTrailer: { prefix: "response.trailers.", format: (name: string) => `%TRAILER(${name})%` },
  metadata: { prefix: "metadata.", format: (namespace: string) => `%DYNAMIC_METADATA(${namespace})%` },
  filterState: { prefix: "filter_state.", format: (name: string) => `%FILTER_STATE(${name}:TYPED)%` },
  customTag: { prefix: "custom_tags.", format: (value: string) => value },
} as const;

/** Of a resource: Envoy names them itself, but the last, which is the beginning of what its configuration adds. */
export const OTLP_RESOURCE = {
  logName: "log_name",
  nodeId: "node_name",
  nodeCluster: "cluster_name",
  nodeMetadata: "node.metadata.",
} as const;
