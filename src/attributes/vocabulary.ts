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
  /** Part of the language, not carried out by this version: a diagnostic `not-yet`. */
  readonly notYet?: true;
  /** Never readable; the diagnostic says what to read instead. */
  readonly insteadRead?: string;
}

type More = Partial<Pick<Attribute, "class" | "notYet" | "insteadRead">>;
type Row = (name: string, type: string, meaning: string, more?: More) => Attribute;

const rows =
  (...phases: readonly Phase[]): Row =>
  (name, type, meaning, more = {}) => ({ name, type, phases, class: "open", meaning, ...more });

const http = rows("check", "log");
const peer = rows("check", "connection", "log");
const check = rows("check");
const anyCheck = rows("check", "connection");
const quota = rows("quota");

const PERSONAL = { class: "personal" } as const;
const SECRET = { class: "secret" } as const;

const log: Row = (name, type, meaning, more) => rows("log")(name, type, meaning, { ...more, notYet: true });

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
    "Headers by lower-case name; one that came several times is joined with commas.",
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
  http("request.id", "string", "Envoy's id of the stream."),
  http("request.time", "timestamp", "When Envoy received the first byte."),
  http(
    "request.size",
    "int",
    "The whole body's length in bytes: counted where Envoy sends the body, otherwise what Content-Length says. No value where neither says it.",
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
  log("request.duration", "duration", "From the first byte to the last of the exchange."),
  log("request.total_size", "int", "Headers and body of the request in bytes."),
  log("request.headers_bytes", "int", "Headers of the request in bytes."),

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
  log("connection.mtls", "bool", "Whether the peer presented a certificate."),
  log("connection.tls_version", "string", "The peer's TLS version."),
  log("connection.id", "int", "Envoy's number of the connection."),
  log("connection.termination_details", "string", "Why Envoy ended the connection."),

  check("context_extensions", "map(string, string)", "What the Envoy route or filter says about itself."),
  peer("metadata", "map(string, dyn)", "Dynamic metadata by namespace, where Envoy sends it."),
  peer("proxy.principal", "string", "The SPIFFE id of the Envoy that asks, where it proves one."),
  peer("proxy.role", "string", "`gateway` or `sidecar`: what the Envoy that asks is."),

  log("response.code", "int", "The status the caller received."),
  log("response.code_details", "string", "Envoy's reason for the status."),
  log("response.flags", "int", "Envoy's response flags."),
  log("response.grpc_status", "int", "The gRPC status the caller received."),
  log("response.headers", "map(string, string)", "Logged response headers.", SECRET),
  log("response.trailers", "map(string, string)", "Logged response trailers.", SECRET),
  log("response.size", "int", "The body of the answer in bytes."),
  log("response.total_size", "int", "Headers and body of the answer in bytes."),
  log("response.duration", "duration", "From the first byte of the request to the last of the answer."),
  log("response.backend_latency", "duration", "From the last byte sent upstream to the first received."),
  log("upstream.address", "string", "The upstream's address and port."),
  log("upstream.local_address", "string", "Envoy's own address on that connection."),
  log("upstream.transport_failure_reason", "string", "Why the upstream's TLS failed."),
  log("upstream.request_attempt_count", "int", "How often Envoy tried."),
  log("upstream.tls_version", "string", "The TLS version to the upstream."),
  log("xds.cluster_name", "string", "The upstream cluster."),
  log("xds.route_name", "string", "The route."),
  log("xds.listener_direction", "string", "Inbound or outbound."),
  log("filter_state", "map(string, dyn)", "Filter state, where Envoy logs it."),

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
