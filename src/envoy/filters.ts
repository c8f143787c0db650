import { isIP } from "node:net";
import type { ProxyListener } from "../policy/listen-file.ts";
import { ONCE_HEADER } from "../policy/once-header.ts";
import type { ListenAddress } from "../std/listen-address.ts";
import { namespacesOf, partsOf, type Needs, type Protocol } from "./needs.ts";
import { BODY_BYTES, seconds, timeoutMs, type Order } from "./target.ts";
import { said, type Value } from "./write.ts";

type Fields = Readonly<Record<string, Value | undefined>>;

/** The name under which Envoy files what the filter leaves in dynamic metadata, and by which routes configure it. */
export const CHECK_FILTER = "envoy.filters.http.ext_authz";
export const CHECK_MESSAGE = "envoy.extensions.filters.http.ext_authz.v3.ExtAuthz";
export const ROUTE_MESSAGE = "envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute";
export const TCP_FILTER = "envoy.filters.network.ext_authz";
export const TCP_MESSAGE = "envoy.extensions.filters.network.ext_authz.v3.ExtAuthz";
export const GUARD_FILTER = "weir.guard";
export const GUARD_MESSAGE = "envoy.extensions.filters.http.header_mutation.v3.HeaderMutation";
/** The cluster that is weir. */
export const CLUSTER = "weir";

/** A message of Envoy's API inside of another (`google.protobuf.Any`). */
export const typed = (message: string, fields: Fields): Fields => ({
  "@type": `type.googleapis.com/${message}`,
  ...fields,
});

/**
 * The filter that removes the headers that policies own before weir is asked; undefined where they own none. An answer of
 * weir's takes the client's copies off by itself: this is for requests that pass without one, under
 * `failure_mode_allow` (docs/root/configuration/http/http_filters/header_mutation_filter in Envoy's documentation).
 */
export function guardFilter({ guarded }: Needs): Fields | undefined {
  if (guarded.length === 0) return undefined;
  return {
    name: GUARD_FILTER,
    typed_config: typed(GUARD_MESSAGE, {
      mutations: { request_mutations: guarded.map(removalOf) },
    }),
  };
}

/** Servers of the CGI kind take `x_user` for `x-user` (RFC 3875 section 4.1.18), so both are removed. */
const removalOf = (header: string): Value =>
  /[-_]/.test(header)
    ? { remove_on_match: { key_matcher: { safe_regex: { regex: spellings(header) } } } }
    : { remove: header };

/** A regular expression for a name, with `-` and `_` alike. Envoy keeps names in lower case. What a name may hold beside letters and digits (RFC 9110 section 5.6.2) is escaped. */
export const spellings = (header: string): string =>
  header.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replace(/[-_]/g, "[-_]");

/** The filter that asks weir about each request. */
export function checkFilter(order: Order): Fields {
  const { needs, service } = order;
  const parts = partsOf(needs, "http");
  return {
    name: CHECK_FILTER,
    typed_config: typed(CHECK_MESSAGE, {
      transport_api_version: "V3",
      ...(service === "grpc" ? grpcService(needs) : httpService(needs)),
      failure_mode_allow: said(false, "without weir, nothing passes"),
      status_on_error: said(
        { code: 503 },
        "weir is away: not the caller's fault, as the default 403 would say",
      ),
      with_request_body: parts.has("body") ? BODY : undefined,
      ...sentParts(needs, "http"),
    }),
  };
}

const BODY = said(
  {
    max_request_bytes: said(BODY_BYTES, "the longest body that you expect; Envoy answers 413 to longer ones"),
    allow_partial_message: said(false, "a cut body is UNKNOWN to policies, and refused"),
    pack_as_bytes: said(true, "the bytes that the upstream sees; otherwise Envoy replaces what is not UTF-8"),
  },
  "policies read request.body or request.json",
);

/** What the options of one filter say of the parts that are sent; of HTTP and of TCP alike, body and headers aside. */
export function sentParts(needs: Needs, protocol: Protocol): Fields {
  const parts = partsOf(needs, protocol);
  const namespaces = namespacesOf(needs, protocol);
  const readers = (part: string): string =>
    [
      ...new Set(
        needs.all.filter((one) => one.part === part && one.protocol === protocol).map((one) => one.reader),
      ),
    ].join(", ");
  return {
    encode_raw_headers: parts.has("rawHeaders") ? said(true, "request.headers_all") : undefined,
    include_peer_certificate: parts.has("certificate")
      ? said(true, `${readers("certificate")}: a certificate with two URIs is no identity`)
      : undefined,
    include_tls_session: parts.has("tlsSession") ? said(true, readers("tlsSession")) : undefined,
    metadata_context_namespaces:
      namespaces.length > 0
        ? said(namespaces, "what filters in front have left there; they stand before this one")
        : undefined,
  };
}

const grpcService = (needs: Needs): Fields => ({
  grpc_service: { envoy_grpc: { cluster_name: CLUSTER }, timeout: timeoutOf(needs) },
});

const timeoutOf = (needs: Needs): Value =>
  said(
    seconds(timeoutMs(needs)),
    `longer than weir's checkTimeout of ${needs.settings.checkTimeoutMs}ms, so that its own answer comes`,
  );

/** Envoy wants at least one pattern in a list. */
const named = (names: readonly string[]): { readonly [key: string]: Value } => ({
  patterns: names.map((name) => ({ exact: name })),
});

function httpService(needs: Needs): Fields {
  const { responseHeaders, settings, once } = needs;
  const requestHeaders = [...needs.requestHeaders, ...(once === "used" ? [ONCE_HEADER] : [])];
  const prefix = settings.listen.http?.pathPrefix ?? "";
  const lists: Fields = {
    allowed_upstream_headers:
      requestHeaders.length > 0
        ? said(
            named(requestHeaders),
            "all that policies set: one left out is not set, and the client's copy passes",
          )
        : undefined,
    allowed_client_headers_on_success: responseHeaders.length > 0 ? named(responseHeaders) : undefined,
  };
  const hasLists = Object.values(lists).some((list) => list !== undefined);
  return {
    http_service: {
      server_uri: { uri: "http://weir", cluster: CLUSTER, timeout: timeoutOf(needs) },
      path_prefix: prefix === "" ? undefined : prefix,
      authorization_response: hasLists ? lists : undefined,
    },
    allowed_headers: said(
      { patterns: [{ safe_regex: { regex: ".*" } }] },
      "a deny on a header that is not sent never refuses",
    ),
  };
}

/** The filter that asks weir about each TCP connection. */
export const tcpFilter = (needs: Needs): Fields => ({
  name: TCP_FILTER,
  typed_config: typed(TCP_MESSAGE, {
    stat_prefix: CLUSTER,
    transport_api_version: "V3",
    ...grpcService(needs),
    failure_mode_allow: said(false, "without weir, nothing passes"),
    ...sentParts(needs, "tcp"),
  }),
});

/** What a route says of itself, for `match.routes`. */
export const routeConfig = (route: string): Fields => ({
  typed_per_filter_config: {
    [CHECK_FILTER]: typed(ROUTE_MESSAGE, {
      check_settings: { context_extensions: { "weir.route": route } },
    }),
  },
});

/** The cluster that is weir: HTTP/2 for gRPC, TLS where its listener has it. */
export function cluster({ at, needs, service }: Order): Fields {
  const { listen } = needs.settings;
  const listener = service === "http" ? (listen.http ?? listen.grpc) : listen.grpc;
  const protocol = service === "grpc" ? "http2_protocol_options" : "http_protocol_options";
  const options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
  const isName = at.kind === "tcp" && isIP(at.host) === 0;
  return {
    name: CLUSTER,
    type: isName ? "STRICT_DNS" : "STATIC",
    connect_timeout: "1s",
    load_assignment: {
      cluster_name: CLUSTER,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: addressOf(at) } }] }],
    },
    typed_extension_protocol_options: {
      [options]: typed(options, {
        explicit_http_config:
          service === "grpc" ? said({ [protocol]: {} }, "gRPC needs HTTP/2") : { [protocol]: {} },
      }),
    },
    transport_socket:
      listener.tls === undefined ? undefined : tlsTo(listener, at.kind === "tcp" ? at.host : undefined),
  };
}

/** TLS towards weir. Paths are Envoy's own: weir.yaml knows weir's. */
function tlsTo({ tls }: ProxyListener, host: string | undefined): Fields {
  const own = {
    tls_certificates: said(
      [
        {
          certificate_chain: { filename: "/etc/envoy/tls/tls.crt" },
          private_key: { filename: "/etc/envoy/tls/tls.key" },
        },
      ],
      "Envoy's own, of the authority in weir's clientCa; its SPIFFE id is proxy.principal, and what `allow` compares",
    ),
  };
  const names =
    host === undefined
      ? {}
      : {
          match_typed_subject_alt_names: [
            { san_type: isIP(host) === 0 ? "DNS" : "IP_ADDRESS", matcher: { exact: host } },
          ],
        };
  return {
    name: "envoy.transport_sockets.tls",
    typed_config: typed("envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext", {
      sni: host === undefined || isIP(host) !== 0 ? undefined : host,
      common_tls_context: {
        ...(tls?.clientCa === undefined ? {} : own),
        validation_context: {
          trusted_ca: said({ filename: "/etc/envoy/tls/weir-ca.crt" }, "the authority of weir's certificate"),
          ...names,
        },
      },
    }),
  };
}

/** An address as Envoy's messages have it. */
export const addressOf = (at: ListenAddress): Fields =>
  at.kind === "unix"
    ? { pipe: { path: at.path } }
    : { socket_address: { address: at.host, port_value: at.port } };
