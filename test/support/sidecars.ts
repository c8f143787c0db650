import { typed, type Json } from "./bootstrap.ts";
import { cluster, outboundCluster, serviceOf } from "./sidecar-clusters.ts";
import {
  address,
  commonTls,
  inboundName,
  outboundName,
  type Inbound,
  type Outbound,
  type Port,
  type Workload,
} from "./sidecar-parts.ts";

export interface Sidecar {
  readonly workload: Workload;
  readonly inbound: readonly Inbound[];
  readonly outbound: readonly Outbound[];
  /** Where weir answers all three operations. */
  readonly weir: Port;
  /** The domain of the rate limits that inbound requests are held against; absent: none. */
  readonly rateLimits?: { readonly domain: string; readonly limits: readonly Json[] };
  /** How entries are gathered before they are sent. */
  readonly buffer?: { readonly bytes: number; readonly intervalMs: number };
  /** The Zipkin that this Envoy's own tracer sends its spans to; absent: it does not trace. */
  readonly tracer?: Port;
}

/**
 * The bootstrap of an Envoy that stands beside a workload as a sidecar of a mesh does: it checks what comes in, and tells weir of
 * everything that goes either way. Nothing of Istio is in it; cluster and endpoint metadata name the called workload in Istio's words.
 */
export function sidecarBootstrap(sidecar: Sidecar): Json {
  const { workload, weir } = sidecar;
  return {
    node: {
      id: `sidecar~127.0.0.1~${workload.name}.${workload.namespace}~${workload.namespace}.svc.cluster.local`,
      cluster: `${workload.name}.${workload.namespace}`,
      metadata: nodeMetadata(workload),
    },
    admin: { address: address({ host: "127.0.0.1", port: 0 }) },
    static_resources: {
      listeners: [
        ...sidecar.inbound.map((one) => inboundListener(one, sidecar)),
        ...sidecar.outbound.map((one) => outboundListener(one, sidecar)),
      ],
      clusters: [
        ...sidecar.inbound.map((one) =>
          cluster(inboundName(one), one.app, { metadata: serviceOf(workload) }),
        ),
        ...sidecar.outbound.map((one) => outboundCluster(one, workload)),
        cluster("weir", weir, {}, "http2"),
        ...(sidecar.tracer === undefined ? [] : [cluster("zipkin", sidecar.tracer, {})]),
      ],
    },
  };
}

const nodeMetadata = ({ name, namespace, cluster: clusterId }: Workload): Json => ({
  WORKLOAD_NAME: name,
  NAMESPACE: namespace,
  CLUSTER_ID: clusterId,
  LABELS: {
    app: name,
    version: "v1",
    "service.istio.io/canonical-name": name,
    "service.istio.io/canonical-revision": "v1",
  },
});

function inboundListener(inbound: Inbound, sidecar: Sidecar): Json {
  const { listener, port = 0, tls, kind } = inbound;
  const filters =
    kind === "tcp"
      ? [tcpCheck(listener), tcpProxy(listener, inboundName(inbound), "tcp-in")]
      : [connectionManager(sidecar, { listener, cluster: inboundName(inbound), direction: "in" })];
  return {
    name: listener,
    traffic_direction: "INBOUND",
    address: address({ host: "127.0.0.1", port }),
    filter_chains: [
      { filters, ...(tls === "mutual" ? { transport_socket: downstreamTls(sidecar.workload) } : {}) },
    ],
  };
}

function outboundListener(outbound: Outbound, sidecar: Sidecar): Json {
  const { listener, kind } = outbound;
  const name = outboundName(outbound);
  return {
    name: listener,
    traffic_direction: "OUTBOUND",
    address: address({ host: "127.0.0.1", port: 0 }),
    filter_chains: [
      {
        filters: [
          kind === "tcp"
            ? tcpProxy(listener, name, "tcp-out")
            : connectionManager(sidecar, { listener, cluster: name, direction: "out" }),
        ],
      },
    ],
  };
}

interface Http {
  readonly listener: string;
  readonly cluster: string;
  readonly direction: "in" | "out";
}

function connectionManager(sidecar: Sidecar, { listener, cluster: to, direction }: Http): Json {
  const isIn = direction === "in";
  return {
    name: "http",
    typed_config: typed("envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager", {
      stat_prefix: listener,
      codec_type: "AUTO",
      forward_client_cert_details: "SANITIZE",
      ...(sidecar.tracer === undefined ? {} : { tracing: TRACING }),
      route_config: {
        virtual_hosts: [
          { name: "all", domains: ["*"], routes: [{ match: { prefix: "/" }, route: { cluster: to } }] },
        ],
      },
      http_filters: [
        GRPC_STATS,
        ...(isIn ? [CHECK] : []),
        ...(isIn && sidecar.rateLimits !== undefined ? [rateLimitFilter(sidecar.rateLimits)] : []),
        { name: "router", typed_config: typed("envoy.extensions.filters.http.router.v3.Router", {}) },
      ],
      access_log: [
        {
          name: "weir",
          typed_config: typed("envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig", {
            common_config: commonLog(`mesh-${direction}`, sidecar.buffer),
            additional_request_headers_to_log: REQUEST_HEADERS,
            additional_response_headers_to_log: ["content-type", "grpc-status"],
            additional_response_trailers_to_log: ["grpc-status", "grpc-message"],
          }),
        },
      ],
    }),
  };
}

/** Kinds of spans follow from the listener's direction. */
const TRACING: Json = {
  provider: {
    name: "envoy.tracers.zipkin",
    typed_config: typed("envoy.config.trace.v3.ZipkinConfig", {
      collector_cluster: "zipkin",
      collector_endpoint: "/api/v2/spans",
      collector_endpoint_version: "HTTP_JSON",
      collector_hostname: "zipkin",
      trace_id_128bit: true,
    }),
  },
};

const REQUEST_HEADERS = [
  ...["content-type", "traceparent", "tracestate", "b3", "x-b3-traceid", "x-b3-spanid", "x-b3-parentspanid"],
  ...["x-b3-sampled", "x-b3-flags"],
];

const GRPC_STATS: Json = {
  name: "envoy.filters.http.grpc_stats",
  typed_config: typed("envoy.extensions.filters.http.grpc_stats.v3.FilterConfig", {
    emit_filter_state: true,
  }),
};

const WEIR: Json = { envoy_grpc: { cluster_name: "weir" }, timeout: "1s" };

const CHECK: Json = {
  name: "envoy.filters.http.ext_authz",
  typed_config: typed("envoy.extensions.filters.http.ext_authz.v3.ExtAuthz", {
    transport_api_version: "V3",
    grpc_service: WEIR,
    encode_raw_headers: true,
  }),
};

const tcpCheck = (prefix: string): Json => ({
  name: "envoy.filters.network.ext_authz",
  typed_config: typed("envoy.extensions.filters.network.ext_authz.v3.ExtAuthz", {
    stat_prefix: prefix,
    transport_api_version: "V3",
    grpc_service: WEIR,
  }),
});

const rateLimitFilter = ({ domain, limits }: NonNullable<Sidecar["rateLimits"]>): Json => ({
  name: "envoy.filters.http.ratelimit",
  typed_config: typed("envoy.extensions.filters.http.ratelimit.v3.RateLimit", {
    domain,
    failure_mode_deny: false,
    timeout: "1s",
    enable_x_ratelimit_headers: "DRAFT_VERSION_03",
    rate_limits: limits,
    rate_limit_service: { transport_api_version: "V3", grpc_service: WEIR },
  }),
});

const tcpProxy = (prefix: string, to: string, logName: string): Json => ({
  name: "tcp",
  typed_config: typed("envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy", {
    stat_prefix: prefix,
    cluster: to,
    access_log: [
      {
        name: "weir",
        typed_config: typed("envoy.extensions.access_loggers.grpc.v3.TcpGrpcAccessLogConfig", {
          common_config: commonLog(logName, undefined),
        }),
      },
    ],
  }),
});

const commonLog = (logName: string, buffer: Sidecar["buffer"]): Json => ({
  log_name: logName,
  transport_api_version: "V3",
  grpc_service: { envoy_grpc: { cluster_name: "weir" } },
  buffer_size_bytes: buffer?.bytes ?? 262_144,
  buffer_flush_interval: `${(buffer?.intervalMs ?? 200) / 1_000}s`,
  filter_state_objects_to_log: ["downstream_peer", "upstream_peer", "envoy.filters.http.grpc_stats"],
  custom_tags: [
    tagOf("dst.svc", { cluster: {} }, "services"),
    tagOf("dst.wl", { host: {} }, "workload"),
    { tag: "up.san", value: "%UPSTREAM_PEER_URI_SAN%" },
    { tag: "up.lsan", value: "%UPSTREAM_LOCAL_URI_SAN%" },
    { tag: "up.cluster", value: "%UPSTREAM_CLUSTER%" },
  ],
});

const tagOf = (tag: string, kind: Json, key: string): Json => ({
  tag,
  metadata: { kind, metadata_key: { key: "istio", path: [{ key }] } },
});

const downstreamTls = (workload: Workload): Json => ({
  name: "tls",
  typed_config: typed("envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext", {
    require_client_certificate: true,
    common_tls_context: commonTls(workload),
  }),
});
