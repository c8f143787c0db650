/**
 * Every attribute that an expression may name, in one table: Envoy's names, and ours where Envoy has none.
 * The types of the CEL environments and docs/attributes.md come from it.
 */

/**
 * When an expression is evaluated, and so what there is to read:
 * `check` an HTTP request asks to pass, `connection` a TCP connection does, `quota` a rate-limit request asks,
 * `log` the access-log entry is in.
 */
export type Phase = "check" | "connection" | "quota" | "log";

/** `secret` values are compared and never leave; `personal` ones are hashed in telemetry; `open` ones are not. */
export type Class = "open" | "personal" | "secret";

export interface Attribute {
  /** Root and field, as in `request.method`; a root alone is a map. */
  readonly name: string;
  /** A CEL type: `string`, `int`, `ip`, `timestamp`, `map(string, string)`, … */
  readonly type: string;
  readonly phases: readonly Phase[];
  readonly class: Class;
  readonly meaning: string;
  /** Never readable; the diagnostic says what to read instead. */
  readonly insteadRead?: string;
}

type More = Partial<Pick<Attribute, "class" | "insteadRead">>;
type Row = (name: string, type: string, meaning: string, more?: More) => Attribute;

const rows =
  (...phases: readonly Phase[]): Row =>
  (name, type, meaning, more = {}) => ({ name, type, phases, class: "open", meaning, ...more });

const http = rows("check", "log");
const peer = rows("check", "connection", "log");
const check = rows("check");
const anyCheck = rows("check", "connection");
const quota = rows("quota");
const log = rows("log");

const PERSONAL = { class: "personal" } as const;
const SECRET = { class: "secret" } as const;

export const VOCABULARY: readonly Attribute[] = [
  http("request.method", "string", "The method, compared exactly: `get` is not `GET`."),
  http("request.host", "string", "The host in lower case, without port and trailing dot."),
  http("request.path", "string", "The path as it came, with its query.", PERSONAL),
  http("request.url_path", "string", "The path without query, each segment in one normal form."),
  http(
    "request.path_segments",
    "list(string)",
    "The path without query, split at `/`, each segment percent-decoded once. A trailing slash is an empty last segment.",
  ),
  http("request.query", "string", "What stands behind the first `?`, as it came.", PERSONAL),
  http(
    "request.query_params",
    "map(string, list(string))",
    "The query's parameters, decoded, each with its values in order. No value when an escape is bad or there are over 1,000.",
    PERSONAL,
  ),
  http("request.scheme", "string", "`http` or `https`, as Envoy saw it."),
  http("request.protocol", "string", "`HTTP/1.0`, `HTTP/1.1`, `HTTP/2` or `HTTP/3`."),
  http(
    "request.headers",
    "map(string, string)",
    "Headers by lower-case name; one that came several times is joined with commas. Of an access-log entry, those that the logger sends, as they were when it ended, and what the entry says of the method, host, path, scheme, user agent, referer, x-forwarded-for and x-request-id.",
    SECRET,
  ),
  http(
    "request.headers_all",
    "map(string, list(string))",
    "Headers by lower-case name, each with its values in order. Needs Envoy's `encode_raw_headers`; without it the rule refuses with 403.",
    SECRET,
  ),
  http("request.referer", "string", "The referer header.", PERSONAL),
  http("request.useragent", "string", "The user-agent header.", PERSONAL),
  http(
    "request.id",
    "string",
    "Envoy's number of the stream; of an access-log entry, the x-request-id that Envoy gave the request.",
  ),
  http("request.time", "timestamp", "When Envoy received the first byte."),
  http(
    "request.size",
    "int",
    "The whole body's length in bytes: counted where Envoy sends the body, otherwise what Content-Length says. No value where neither says it. Of an access-log entry, what Envoy received of it.",
  ),
  check(
    "request.body",
    "bytes",
    "The whole body. Needs Envoy's `with_request_body`; no value where the body was cut or not sent. Without `pack_as_bytes`, Envoy replaces bytes that are not UTF-8 by `!`.",
    SECRET,
  ),
  check(
    "request.json",
    "dyn",
    "The body read as JSON, whatever its content type: numbers are doubles. No value where there is no `request.body`, or it is not JSON that every reader reads alike.",
    SECRET,
  ),
  log(
    "request.duration",
    "duration",
    "From the first byte to the last of the exchange. No value until it is over.",
  ),
  log("request.total_size", "int", "Headers and body of the request in bytes."),
  log("request.headers_bytes", "int", "Headers of the request in bytes."),
  log("request.time_to_last_rx_byte", "duration", "Until the last byte of the request was received."),
  log("request.forwarded_for", "string", "The x-forwarded-for header.", PERSONAL),
  log("request.original_path", "string", "The path before Envoy rewrote it, with its query.", PERSONAL),
  log("request.port", "int", "The port that the caller meant, where Envoy says it."),

  peer("client.ip", "ip", "Who asks, by the rule of weir.yaml's `clientAddress`.", PERSONAL),
  peer("source.ip", "ip", "The peer that connected to Envoy.", PERSONAL),
  peer("source.port", "int", "The peer's port."),
  peer("source.address", "string", "Envoy's address and port in one text.", {
    insteadRead: "source.ip or client.ip, which compare as addresses (source.address has a port in it)",
  }),
  peer("source.principal", "string", "The peer's SPIFFE id, inside weir.yaml's trust domains."),
  peer("source.namespace", "string", "The peer's namespace, of its SPIFFE id."),
  peer("source.service_account", "string", "The peer's service account, of its SPIFFE id."),
  peer("destination.ip", "ip", "The address the peer connected to."),
  peer("destination.port", "int", "The port the peer connected to."),
  peer("destination.address", "string", "Envoy's address and port in one text.", {
    insteadRead: "destination.ip and destination.port",
  }),
  peer(
    "destination.principal",
    "string",
    "The called workload's SPIFFE id, inside weir.yaml's trust domains.",
  ),
  peer("destination.namespace", "string", "The called workload's namespace."),
  peer("destination.service_account", "string", "The called workload's service account."),

  peer(
    "connection.requested_server_name",
    "string",
    "The TLS server name (SNI) the peer asked for, in lower case. In checks it needs Envoy's `include_tls_session`.",
  ),
  anyCheck(
    "connection.peer_certificate",
    "string",
    "The peer's certificate in PEM. Needs Envoy's `include_peer_certificate`.",
    PERSONAL,
  ),
  log("connection.mtls", "bool", "Whether the caller presented a certificate."),
  log("connection.tls_version", "string", "The caller's TLS version: `TLSv1.3`."),
  log("connection.tls_cipher_suite", "int", "The number of the cipher suite with the caller."),
  log("connection.tls_session_id", "string", "The TLS session with the caller.", SECRET),
  log("connection.ja3_fingerprint", "string", "The JA3 fingerprint of the caller's TLS.", PERSONAL),
  log(
    "connection.uri_san_peer_certificate",
    "string",
    "The first URI in the caller's certificate, of whatever trust domain. `source.principal` is the one to rely on.",
  ),
  log(
    "connection.uri_san_local_certificate",
    "string",
    "The first URI in Envoy's certificate towards the caller.",
  ),
  log("connection.dns_san_peer_certificate", "string", "The first DNS name in the caller's certificate."),
  log("connection.dns_san_local_certificate", "string", "The first DNS name in Envoy's certificate."),
  log("connection.subject_peer_certificate", "string", "The subject of the caller's certificate.", PERSONAL),
  log("connection.subject_local_certificate", "string", "The subject of Envoy's certificate."),
  log("connection.issuer_peer_certificate", "string", "Who issued the caller's certificate."),
  log("connection.issuer_local_certificate", "string", "Who issued Envoy's certificate."),
  log(
    "connection.id",
    "int",
    "Envoy's number of the connection. Needs a custom tag `connection.id` with the value `%CONNECTION_ID%` in the logger's configuration.",
  ),
  log("connection.transport_failure_reason", "string", "Why the TLS with the caller failed."),
  log("connection.termination_details", "string", "Why Envoy ended the connection."),
  log(
    "connection.remote_ip",
    "ip",
    "The caller as Envoy takes it to be, by forwarded headers and the PROXY protocol. `client.ip` goes by weir.yaml.",
    PERSONAL,
  ),
  log("connection.direct_remote_ip", "ip", "The other end of the socket.", PERSONAL),
  log(
    "connection.received_bytes",
    "int",
    "What a TCP connection has received from the caller so far, in bytes.",
  ),
  log("connection.sent_bytes", "int", "What a TCP connection has sent to the caller so far, in bytes."),
  log(
    "connection.wire_bytes_received",
    "int",
    "Bytes on the wire from the caller, of the request or connection.",
  ),
  log("connection.wire_bytes_sent", "int", "Bytes on the wire to the caller."),
  log("connection.header_bytes_received", "int", "Those of them that were headers of the request."),
  log("connection.header_bytes_sent", "int", "Those of them that were headers of the response."),

  check("context_extensions", "map(string, string)", "What the Envoy route or filter says about itself."),
  peer("metadata", "map(string, dyn)", "Dynamic metadata by namespace, where Envoy sends it."),
  peer("proxy.principal", "string", "The SPIFFE id of the Envoy that asks, where it proves one."),
  peer("proxy.role", "string", "`gateway` or `sidecar`: what the Envoy that asks is."),

  log("response.code", "int", "The status the caller received. No value where no response began."),
  log("response.code_details", "string", "Envoy's reason for the status."),
  log("response.flags", "int", "Envoy's response flags as bits. `response.flag_codes` has their names."),
  log("response.flag_codes", "list(string)", "The short codes of Envoy's response flags: `NR`, `UAEX`."),
  log(
    "response.grpc_status",
    "int",
    "The gRPC status the caller received, by trailers, headers or the HTTP status. Needs the logger to send `content-type` of requests and `grpc-status`; no value where the request is no gRPC call.",
  ),
  log("response.headers", "map(string, string)", "The response headers that the logger sends.", SECRET),
  log("response.trailers", "map(string, string)", "The response trailers that the logger sends.", SECRET),
  log("response.size", "int", "The body of the answer in bytes."),
  log("response.headers_bytes", "int", "Headers of the answer in bytes."),
  log("response.total_size", "int", "Headers and body of the answer in bytes."),
  log("response.duration", "duration", "From the first byte of the request to the last of the answer."),
  log(
    "response.backend_latency",
    "duration",
    "From the first byte sent upstream to the last received from there.",
  ),
  log("response.time_to_first_tx_byte", "duration", "Until the first byte of the answer was sent."),
  log("response.time_to_last_tx_byte", "duration", "The same as `response.duration`."),
  log("upstream.address", "string", "The upstream's address and port. No value where no host was chosen."),
  log("upstream.port", "int", "The upstream's port."),
  log("upstream.local_address", "string", "Envoy's own address on that connection."),
  log("upstream.transport_failure_reason", "string", "Why the upstream's TLS failed."),
  log("upstream.request_attempt_count", "int", "How often Envoy tried; 0: never."),
  log(
    "upstream.tls_version",
    "string",
    "The TLS version to the upstream. Needs a custom tag `upstream.tls_version` with the value `%UPSTREAM_TLS_VERSION%` in the logger's configuration.",
  ),
  log("upstream.time_to_first_tx_byte", "duration", "Until the first byte was sent upstream."),
  log("upstream.time_to_last_tx_byte", "duration", "Until the last byte was sent upstream."),
  log("upstream.time_to_first_rx_byte", "duration", "Until the first byte came from the upstream."),
  log("upstream.time_to_last_rx_byte", "duration", "Until the last byte came from the upstream."),
  log("upstream.wire_bytes_sent", "int", "Bytes on the wire to upstreams, those of all tries together."),
  log("upstream.wire_bytes_received", "int", "Bytes on the wire from the upstream."),
  log("upstream.header_bytes_sent", "int", "Those of them that were headers of the request."),
  log("upstream.header_bytes_received", "int", "Those of them that were headers of the answer."),
  log("xds.cluster_name", "string", "The upstream cluster."),
  log("xds.route_name", "string", "The route."),
  log(
    "xds.listener_direction",
    "string",
    "`inbound` or `outbound`, by the end of the logger's name (`mesh-in`, `mesh-out`) or the cluster's name as Istio writes it.",
  ),
  log("filter_state", "map(string, dyn)", "Filter state by name, where Envoy logs it."),
  log("custom_tags", "map(string, string)", "What the logger's configuration adds, by name."),
  log("decision.id", "string", "The decision of weir's that let the request pass, or did not: `d_…`."),
  log("decision.verdict", "string", "`allow`, `deny` or `error`."),
  log("decision.policy", "string", "The policy that decided."),
  log("decision.rule", "string", "The rule or quota that decided."),
  log("log.name", "string", "The name of the logger in Envoy's configuration."),
  log(
    "log.type",
    "string",
    "The moment the entry tells of: `DownstreamEnd`, `TcpPeriodic`, …; `NotSet` of old Envoys.",
  ),
  log("log.node_id", "string", "The id of the Envoy that logs."),
  log("log.node_cluster", "string", "The service cluster of the Envoy that logs."),
  log(
    "log.stream_id",
    "string",
    "Envoy's id of the request or connection, the same in all entries about it.",
  ),
  log(
    "log.intermediate",
    "bool",
    "What old Envoys say where the request or connection goes on; see `log.type`.",
  ),
  log("log.sample_rate", "double", "The share of requests that is logged, where Envoy says it."),

  quota("domain", "string", "The rate-limit request's domain."),
  quota(
    "descriptor",
    "map(string, string)",
    "The rate-limit descriptor's entries; where a key comes twice, the first of them.",
  ),
  quota("hits", "int", "The hits the descriptor asks for; less than 0 where they are given back."),
];

/** Roots whose fields are declared by the policy itself. */
export const POLICY_ROOTS = {
  auth: "Identities of the policy, by name: `has(auth.user)`, `auth.user.sub`.",
  path: "What the policy's path patterns bind: `path.owner`.",
} as const;

/** The first part of an attribute's name. */
export const rootOf = (name: string): string => name.split(".", 1)[0] ?? name;
