/** A server that Envoy connects to: host and port, or the path of a unix socket. */
export type Address = { host: string; port: number } | { unix: string };

/** The check that Envoy makes before it lets a request through; an option that is absent keeps Envoy's default. */
export interface ExtAuthz {
  server: Address;
  timeoutMs?: number;
  failureMode?: "deny" | "allow";
  /** The HTTP status of the answer when the check itself failed and `failureMode` is deny. */
  statusOnError?: number;
  /** Whether headers are sent joined in `headers`, or line by line in `header_map`. */
  headers?: "joined" | "raw";
  peerCertificate?: "left-out" | "sent";
  /** Whether the server name that the client asked for is sent. */
  tlsSession?: "left-out" | "sent";
  /** Absent: no body is sent. */
  body?: SentBody;
  /** Filters whose dynamic metadata is sent. */
  metadata?: readonly string[];
  /** Mutual TLS to the server, all PEM: what Envoy shows, and the authority that it trusts. */
  tls?: { certificate: string; key: string; ca: string };
}

/** How much of a request's body is sent with the check, and in which of the message's two fields. */
export interface SentBody {
  maxBytes: number;
  /** What becomes of a longer body: its first bytes are sent, or Envoy answers 413 by itself. */
  longer: "cut" | "refused";
  as: "text" | "bytes";
}

/** Where Envoy listens. The port is chosen by the system unless given; ask the running Envoy for it by `name`. */
export interface Listener {
  name: string;
  port?: number;
  /** What it takes; `http` when absent. TCP is passed on to `upstream` as it comes. */
  speaks?: "http" | "tcp";
  /** TLS, all PEM: Envoy's own certificate, and the authority whose clients it takes. */
  tls?: { certificate: string; key: string; clientCa: string; clients?: "must show one" | "may show one" };
  /** Whether Envoy, as an edge does, writes the peer into x-forwarded-for. */
  forwardedFor?: "as it came" | "with the peer";
  /** Whether this listener asks the ext_authz server. */
  check: "asked" | "skipped";
  /** Whether, and of what, the rate-limit server is asked before requests pass. */
  rateLimit?: RateLimit;
  /** Sent with every check of this listener. */
  contextExtensions?: Readonly<Record<string, string>>;
}

/** What a listener asks the rate-limit server. */
export interface RateLimit {
  domain: string;
  failureMode: "deny" | "allow";
  /** `rate_limits` of the filter, as Envoy writes them. */
  limits: readonly Json[];
}

/** One Envoy: what it listens on, whom it asks, and what stands behind it. */
export interface Mesh {
  listeners: readonly Listener[];
  extAuthz?: ExtAuthz;
  /** What listeners with a `rateLimit` ask. */
  rateLimitServer?: Address;
  upstream: { host: string; port: number };
  /** Takes gRPC calls, over HTTP/2; they go to `upstream` over HTTP/1.1 when absent. */
  grpcUpstream?: { host: string; port: number };
  /** HTTP filters that stand before the check: name and configuration. */
  filtersBefore?: readonly { name: string; typed_config: Json }[];
  /** The fields of Envoy's access log, as format strings: one JSON object an entry, see `Envoy.accessLog`. */
  accessLog?: Readonly<Record<string, string>>;
  /** Whether the ext_authz server is told of every request, as access logs over gRPC. */
  logs?: "sent";
}

export type Json = string | number | boolean | readonly Json[] | { readonly [key: string]: Json };

/** Envoy's bootstrap for a mesh, as the object that its JSON file holds. Names are those of Envoy's v3 API. */
export function envoyBootstrap(mesh: Mesh): Json {
  return {
    admin: { address: address({ host: "127.0.0.1", port: 0 }) },
    static_resources: {
      listeners: mesh.listeners.map((listener) => listenerOf(listener, mesh)),
      clusters: [
        cluster("upstream", mesh.upstream, "http1"),
        ...(mesh.grpcUpstream === undefined ? [] : [cluster("grpc-upstream", mesh.grpcUpstream, "http2")]),
        ...(mesh.extAuthz === undefined ? [] : [checkCluster(mesh.extAuthz)]),
        ...(mesh.rateLimitServer === undefined ? [] : [cluster("rate-limit", mesh.rateLimitServer, "http2")]),
      ],
    },
  };
}

function listenerOf(listener: Listener, mesh: Mesh): Json {
  return {
    name: listener.name,
    address: address({ host: "127.0.0.1", port: listener.port ?? 0 }),
    filter_chains: [
      {
        filters:
          listener.speaks === "tcp"
            ? tcpFilters(listener, mesh)
            : [{ name: "http", typed_config: connectionHandler(listener, mesh) }],
        ...(listener.tls === undefined ? {} : { transport_socket: mutualTls(listener.tls) }),
      },
    ],
  };
}

function tcpFilters(listener: Listener, { extAuthz }: Mesh): Json[] {
  const message = "envoy.extensions.filters.network.ext_authz.v3.ExtAuthz";
  const checks = listener.check === "asked" && extAuthz !== undefined ? [extAuthz] : [];
  const proxy = typed("envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy", {
    stat_prefix: listener.name,
    cluster: "upstream",
  });
  return [
    ...checks.map((check) => ({
      name: "envoy.filters.network.ext_authz",
      typed_config: typed(message, { stat_prefix: listener.name, ...commonOfCheck(check) }),
    })),
    { name: "tcp", typed_config: proxy },
  ];
}

/** AUTO takes HTTP/1.1 and, by prior knowledge or ALPN, HTTP/2 on the same port. */
function connectionHandler(listener: Listener, mesh: Mesh): Json {
  const { extAuthz } = mesh;
  const checks = listener.check === "asked" && extAuthz !== undefined ? [checkFilter(extAuthz)] : [];
  return typed("envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager", {
    stat_prefix: listener.name,
    codec_type: "AUTO",
    // Not XFCC: the identity of a client is its certificate, never a header that it sent.
    forward_client_cert_details: "SANITIZE",
    route_config: { virtual_hosts: [virtualHost(listener, mesh)] },
    use_remote_address: listener.forwardedFor === "with the peer",
    http_filters: [
      ...(mesh.filtersBefore ?? []),
      ...checks,
      ...(listener.rateLimit === undefined ? [] : [rateLimitFilter(listener.rateLimit)]),
      { name: "router", typed_config: typed("envoy.extensions.filters.http.router.v3.Router", {}) },
    ],
    access_log: [
      ...(mesh.accessLog === undefined ? [] : [standardOutputLog(mesh.accessLog)]),
      ...(mesh.logs === undefined ? [] : [SENT_LOG]),
    ],
  });
}

/** Envoy's default timeout is 20 ms, which a machine that runs tests does not always keep. */
const rateLimitFilter = ({ domain, failureMode, limits }: RateLimit): Json => ({
  name: "envoy.filters.http.ratelimit",
  typed_config: typed("envoy.extensions.filters.http.ratelimit.v3.RateLimit", {
    domain,
    failure_mode_deny: failureMode === "deny",
    timeout: seconds(2_000),
    enable_x_ratelimit_headers: "DRAFT_VERSION_03",
    // Those of a route know no addend that is their own.
    rate_limits: limits,
    rate_limit_service: {
      transport_api_version: "V3",
      grpc_service: { envoy_grpc: { cluster_name: "rate-limit" } },
    },
  }),
});

function virtualHost({ contextExtensions, check }: Listener, mesh: Mesh): Json {
  const calls = { match: { prefix: "/", grpc: {} }, route: { cluster: "grpc-upstream" } };
  const extensions =
    contextExtensions === undefined || check === "skipped" || mesh.extAuthz === undefined
      ? {}
      : { typed_per_filter_config: { [checkFilterName]: routeOfCheck(contextExtensions) } };
  return {
    name: "everything",
    domains: ["*"],
    routes: [
      ...(mesh.grpcUpstream === undefined ? [] : [calls]),
      { match: { prefix: "/" }, route: { cluster: "upstream" } },
    ],
    ...extensions,
  };
}

/** Envoy files dynamic metadata under the filter's name, so it is the usual one. */
const checkFilterName = "envoy.filters.http.ext_authz";

function checkFilter(check: ExtAuthz): Json {
  const { statusOnError, headers, body, metadata } = check;
  return {
    name: checkFilterName,
    typed_config: typed("envoy.extensions.filters.http.ext_authz.v3.ExtAuthz", {
      ...commonOfCheck(check),
      ...(statusOnError === undefined ? {} : { status_on_error: { code: statusOnError } }),
      encode_raw_headers: headers === "raw",
      ...(body === undefined ? {} : { with_request_body: sentBody(body) }),
      ...(metadata === undefined ? {} : { metadata_context_namespaces: metadata }),
    }),
  };
}

/** What the filters of HTTP and of TCP call alike. */
function commonOfCheck({ timeoutMs, failureMode, peerCertificate, tlsSession }: ExtAuthz) {
  return {
    transport_api_version: "V3",
    grpc_service: {
      envoy_grpc: { cluster_name: "ext-authz" },
      ...(timeoutMs === undefined ? {} : { timeout: seconds(timeoutMs) }),
    },
    failure_mode_allow: failureMode === "allow",
    include_peer_certificate: peerCertificate === "sent",
    include_tls_session: tlsSession === "sent",
  };
}

const sentBody = ({ maxBytes, longer, as }: SentBody): Json => ({
  max_request_bytes: maxBytes,
  allow_partial_message: longer === "cut",
  pack_as_bytes: as === "bytes",
});

function routeOfCheck(contextExtensions: Readonly<Record<string, string>>): Json {
  return typed("envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute", {
    check_settings: { context_extensions: contextExtensions },
  });
}

function checkCluster({ server, tls }: ExtAuthz) {
  const plain = cluster("ext-authz", server, "http2");
  return tls === undefined ? plain : { ...plain, transport_socket: clientTls(tls) };
}

function cluster(name: string, at: Address, protocol: "http1" | "http2") {
  const options = protocol === "http1" ? { http_protocol_options: {} } : { http2_protocol_options: {} };
  const protocolOptions = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
  return {
    name,
    type: "STATIC",
    connect_timeout: "1s",
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: address(at) } }] }],
    },
    typed_extension_protocol_options: {
      [protocolOptions]: typed(protocolOptions, { explicit_http_config: options }),
    },
  };
}

function mutualTls({ clientCa, clients, ...own }: NonNullable<Listener["tls"]>): Json {
  return {
    name: "tls",
    typed_config: typed("envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext", {
      require_client_certificate: clients !== "may show one",
      common_tls_context: { alpn_protocols: ["h2", "http/1.1"], ...secretsOf(own, clientCa) },
    }),
  };
}

const clientTls = ({ ca, ...own }: NonNullable<ExtAuthz["tls"]>): Json => ({
  name: "tls",
  typed_config: typed("envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext", {
    common_tls_context: { alpn_protocols: ["h2"], ...secretsOf(own, ca) },
  }),
});

const secretsOf = ({ certificate, key }: { certificate: string; key: string }, ca: string) => ({
  tls_certificates: [
    { certificate_chain: { inline_string: certificate }, private_key: { inline_string: key } },
  ],
  validation_context: { trusted_ca: { inline_string: ca } },
});

function standardOutputLog(fields: Readonly<Record<string, string>>): Json {
  return {
    name: "stdout",
    typed_config: typed("envoy.extensions.access_loggers.stream.v3.StdoutAccessLog", {
      log_format: { json_format: fields },
    }),
  };
}

const SENT_LOG: Json = {
  name: "sent",
  typed_config: typed("envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig", {
    common_config: {
      log_name: "requests",
      transport_api_version: "V3",
      grpc_service: { envoy_grpc: { cluster_name: "ext-authz" } },
    },
    additional_request_headers_to_log: ["content-type"],
  }),
};

function address(at: Address): Json {
  return "unix" in at
    ? { pipe: { path: at.unix } }
    : { socket_address: { address: at.host, port_value: at.port } };
}

/** A message of Envoy's API inside of another. */
export function typed(message: string, fields: Readonly<Record<string, Json>>): Json {
  return { "@type": `type.googleapis.com/${message}`, ...fields };
}

function seconds(ms: number): string {
  return `${ms / 1000}s`;
}
