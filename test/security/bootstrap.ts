import type { Address } from "../support/bootstrap.ts";

type Json = string | number | boolean | readonly Json[] | { readonly [key: string]: Json };
type Fields = Readonly<Record<string, Json>>;

/** One listener of plain HTTP, with a filter of its own that asks weir. */
export interface AskingListener {
  readonly name: string;
  /** Fields of Envoy's ExtAuthz, as `overGrpc` and `overHttp` make them. */
  readonly filter: Fields;
  /** Fields of the HTTP connection manager beside what every listener has. */
  readonly manager?: Fields;
}

/** An Envoy whose listeners ask one weir in several ways, in front of one upstream. */
export interface AskingEnvoy {
  readonly listeners: readonly AskingListener[];
  readonly grpc: Address;
  readonly http: Address;
  readonly upstream: { readonly host: string; readonly port: number };
}

/** Longer than Envoy's own: a busy machine must not decide what a test sees. */
const TIMEOUT = "5s";

/** The check over gRPC, headers joined or line by line. */
export const overGrpc = (headers: "joined" | "raw", more: Fields = {}): Fields => ({
  transport_api_version: "V3",
  grpc_service: { envoy_grpc: { cluster_name: "weir-grpc" }, timeout: TIMEOUT },
  encode_raw_headers: headers === "raw",
  ...more,
});

/** What an HTTP check is told beside where to ask. */
export interface HttpCheckOptions {
  readonly pathPrefix?: string;
  /** Names of the answer's headers that go on with the request. */
  readonly upstream?: readonly string[];
  /** … that go back to the client with the upstream's answer. */
  readonly client?: readonly string[];
}

/** The check over HTTP. Every header of the request is sent, except where `more` says otherwise. */
export const overHttp = (options: HttpCheckOptions = {}, more: Fields = {}): Fields => ({
  transport_api_version: "V3",
  http_service: {
    server_uri: { uri: "http://weir.example.com", cluster: "weir-http", timeout: TIMEOUT },
    ...(options.pathPrefix === undefined ? {} : { path_prefix: options.pathPrefix }),
    authorization_response: {
      ...(options.upstream === undefined ? {} : { allowed_upstream_headers: named(options.upstream) }),
      ...(options.client === undefined ? {} : { allowed_client_headers_on_success: named(options.client) }),
    },
  },
  allowed_headers: EVERY_HEADER,
  ...more,
});

/** A matcher of these names; Envoy wants one at least. */
export const named = (names: readonly string[]): Json => ({
  patterns: names.map((name) => ({ exact: name })),
});
const EVERY_HEADER: Json = { patterns: [{ safe_regex: { regex: ".*" } }] };

/** Envoy's bootstrap. Paths reach the filters as they came: nothing is merged, resolved or unescaped. */
export function askingBootstrap(envoy: AskingEnvoy): Json {
  return {
    admin: { address: socketOf({ host: "127.0.0.1", port: 0 }) },
    static_resources: {
      listeners: envoy.listeners.map(listenerOf),
      clusters: [
        clusterOf("upstream", envoy.upstream, "http_protocol_options"),
        clusterOf("weir-grpc", envoy.grpc, "http2_protocol_options"),
        clusterOf("weir-http", envoy.http, "http_protocol_options"),
      ],
    },
  };
}

const listenerOf = ({ name, filter, manager }: AskingListener): Json => ({
  name,
  address: socketOf({ host: "127.0.0.1", port: 0 }),
  filter_chains: [{ filters: [{ name: "http", typed_config: managerOf(name, filter, manager ?? {}) }] }],
});

const managerOf = (name: string, filter: Fields, more: Fields): Json =>
  typed("envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager", {
    stat_prefix: name,
    codec_type: "AUTO",
    forward_client_cert_details: "SANITIZE",
    normalize_path: false,
    merge_slashes: false,
    route_config: {
      virtual_hosts: [
        {
          name: "everything",
          domains: ["*"],
          routes: [
            {
              match: { connect_matcher: {} },
              route: { cluster: "upstream" },
            },
            { match: { prefix: "/" }, route: { cluster: "upstream" } },
          ],
        },
      ],
    },
    http_filters: [
      {
        name: "envoy.filters.http.ext_authz",
        typed_config: typed("envoy.extensions.filters.http.ext_authz.v3.ExtAuthz", filter),
      },
      { name: "router", typed_config: typed("envoy.extensions.filters.http.router.v3.Router", {}) },
    ],
    access_log: [
      {
        name: "stdout",
        typed_config: typed("envoy.extensions.access_loggers.stream.v3.StdoutAccessLog", {
          log_format: {
            json_format: {
              ask: "%REQ(X-ASK)%",
              weir: "%DYNAMIC_METADATA(envoy.filters.http.ext_authz:weir)%",
            },
          },
        }),
      },
    ],
    ...more,
  });

function clusterOf(name: string, at: Address, protocol: string): Json {
  const options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
  return {
    name,
    type: "STATIC",
    connect_timeout: "1s",
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: socketOf(at) } }] }],
    },
    typed_extension_protocol_options: {
      [options]: typed(options, { explicit_http_config: { [protocol]: {} } }),
    },
  };
}

const socketOf = (at: Address): Json =>
  "unix" in at ? { pipe: { path: at.unix } } : { socket_address: { address: at.host, port_value: at.port } };

const typed = (message: string, fields: Fields): Json => ({
  "@type": `type.googleapis.com/${message}`,
  ...fields,
});
