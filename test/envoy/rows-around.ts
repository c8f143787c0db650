import {
  READS_ALL,
  HTTP_SERVER,
  GOOD,
  filter,
  BEFORE,
  BEHIND,
  MUTATION,
  REMOVES,
  ONCE,
  askedBy,
  ROUTE,
  perRoute,
  HTTP_SERVICE,
  option,
  manager,
  overHttp,
  type Row,
} from "./envoys.ts";
import { policyOf } from "./fixture.ts";

/** What is found around a filter: in its connection manager, in other filters, in routes. */
export const ROWS_AROUND: readonly Row[] = [
  {
    what: "it fails open without a guard",
    config: option("failure_mode_allow: true").replace(/^.*status_on_error.*\n/m, ""),
    codes: ["fails-open-unguarded"],
  },
  {
    what: "it fails open with a guard",
    config: option("failure_mode_allow: true").replace(BEFORE, filter("guard", MUTATION, REMOVES) + BEFORE),
    codes: ["fails-open"],
  },
  {
    what: "it fails open with a guard by pattern",
    config: option("failure_mode_allow: true").replace(
      BEFORE,
      filter(
        "guard",
        MUTATION,
        REMOVES.replace(
          "remove: x-user",
          'remove_on_match: { key_matcher: { safe_regex: { regex: "x[-_]user" } } }',
        ),
      ) + BEFORE,
    ),
    codes: ["fails-open"],
  },
  {
    what: "it fails open with the guard of another header",
    config: option("failure_mode_allow: true").replace(
      BEFORE,
      filter("guard", MUTATION, REMOVES.replace("x-user", "x-other")) + BEFORE,
    ),
    codes: ["fails-open-unguarded"],
  },
  {
    what: "the guard stands behind",
    config: GOOD.replace(BEHIND, filter("guard", MUTATION, REMOVES) + BEHIND),
    codes: ["guard-too-late"],
  },
  {
    what: "nothing is sent that policies read",
    config: GOOD,
    policy: READS_ALL,
    codes: [
      "body-not-sent",
      "certificate-not-sent",
      "metadata-not-sent",
      "raw-headers-not-sent",
      "route-not-named",
      "tls-session-not-sent",
    ],
  },
  {
    what: "a route sends no body",
    config: option("with_request_body: { max_request_bytes: 100, pack_as_bytes: true }").replace(
      ROUTE,
      perRoute("check_settings: { disable_request_body_buffering: true }"),
    ),
    policy: policyOf("size(request.body) > 1"),
    codes: ["body-not-sent"],
  },
  {
    what: "jwt_authn stands behind",
    config: option("metadata_context_namespaces: [envoy.filters.http.jwt_authn]").replace(
      BEHIND,
      filter("jwt", "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication") + BEHIND,
    ),
    policy: policyOf('metadata["envoy.filters.http.jwt_authn"].a == 1'),
    codes: ["metadata-too-late"],
  },
  {
    what: "a cache answers first",
    config: GOOD.replace(
      BEFORE,
      filter("cache", "envoy.extensions.filters.http.cache.v3.CacheConfig") + BEFORE,
    ),
    codes: ["check-too-late"],
  },
  {
    what: "a route is named",
    config: GOOD.replace(ROUTE, perRoute("check_settings: { context_extensions: { weir.route: orders } }")),
    policy: policyOf("false").replace("match:\n", "match:\n  routes: [orders]\n"),
    codes: [],
  },
  {
    what: "a route switches the check off",
    config: GOOD.replace(ROUTE, perRoute("disabled: true")),
    codes: ["check-disabled"],
  },
  {
    what: "a virtual host does",
    config: GOOD.replace(
      "                      routes:\n",
      '                      typed_per_filter_config: { envoy.filters.http.ext_authz: { "@type": type.googleapis.com/envoy.config.route.v3.FilterConfig, disabled: true } }\n                      routes:\n',
    ),
    codes: ["check-disabled"],
  },
  {
    what: "the filter is disabled, and no route enables it",
    config: GOOD.replace(BEFORE, `${BEFORE}                    disabled: true\n`),
    codes: ["check-disabled"],
  },
  {
    what: "the filter is disabled, and each route enables it",
    config: GOOD.replace(BEFORE, `${BEFORE}                    disabled: true\n`).replace(
      ROUTE,
      perRoute("check_settings: {}"),
    ),
    codes: [],
  },
  {
    what: "the route is chosen anew",
    config: option("clear_route_cache: true"),
    codes: ["route-cache-cleared"],
  },
  {
    what: "clients' XFCC goes on",
    config: manager("forward_client_cert_details: ALWAYS_FORWARD_ONLY"),
    codes: ["xfcc-forwarded"],
  },
  {
    what: "HTTP/1.0 is taken",
    config: manager("http_protocol_options: { accept_http_10: true }"),
    codes: ["http-1-0"],
  },
  {
    what: "paths come as they are",
    config: GOOD.replace("normalize_path: true", "normalize_path: false"),
    codes: ["path-not-normalized"],
  },
  {
    what: "slashes are unescaped",
    config: manager("path_with_escaped_slashes_action: UNESCAPE_AND_FORWARD"),
    codes: ["path-unescaped"],
  },
  {
    what: "Envoy trusts proxies that weir does not",
    config: manager("xff_num_trusted_hops: 2"),
    codes: ["client-hops"],
  },
  {
    what: "each route sends the body by itself",
    config: GOOD.replace(
      ROUTE,
      perRoute("check_settings: { with_request_body: { max_request_bytes: 100, pack_as_bytes: true } }"),
    ),
    policy: policyOf("size(request.body) > 1"),
    codes: [],
  },
  {
    what: "each route sends the body as text",
    config: GOOD.replace(
      ROUTE,
      perRoute("check_settings: { with_request_body: { max_request_bytes: 100 } }"),
    ),
    policy: policyOf("size(request.body) > 1"),
    codes: ["body-as-text"],
  },
  {
    what: "the filter comes from elsewhere",
    config: GOOD.replace(
      /^ {20}typed_config:\n(?: {22}.*\n)+/m,
      "                    config_discovery: {}\n",
    ),
    codes: ["comes-from-elsewhere"],
  },
  {
    what: "routes come from elsewhere",
    config: GOOD.replace(
      /^ {16}route_config:\n(?: {18}.*\n)+/m,
      "                rds: { route_config_name: web }\n",
    ),
    codes: ["comes-from-elsewhere"],
  },
  {
    what: "two checks count under one name",
    config: GOOD.replace(
      BEHIND,
      filter(
        "second",
        "envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
        "                      transport_api_version: V3\n                      status_on_error: { code: 503 }\n                      grpc_service: { timeout: 0.25s }\n",
      ) + BEHIND,
    ),
    codes: ["no-stat-prefix", "no-stat-prefix"],
  },
  {
    what: "another listener is not checked",
    config: GOOD.replace(
      "  clusters:\n",
      '    - name: admin\n      typed_config:\n        "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager\n  clusters:\n',
    ),
    codes: ["listener-unchecked"],
  },
  { what: "Envoy asks over HTTP as it should", config: overHttp(), server: HTTP_SERVER, codes: [] },
  {
    what: "weir does not listen for HTTP",
    config: overHttp(HTTP_SERVICE, "use_remote_address: true"),
    codes: ["http-not-served"],
  },
  {
    what: "the prefix is another",
    config: overHttp(HTTP_SERVICE.replace("/check", "/ask")),
    server: HTTP_SERVER,
    codes: ["path-prefix"],
  },
  {
    what: "what is set is not taken",
    config: overHttp(HTTP_SERVICE.replace("x-user", "x-other")),
    server: HTTP_SERVER,
    codes: ["header-not-set"],
  },
  {
    what: "headers are not sent over HTTP",
    config: overHttp(HTTP_SERVICE.replace(/^.*allowed_headers.*\n/m, "")),
    server: HTTP_SERVER,
    codes: ["headers-not-sent", "headers-not-sent"],
  },
  {
    what: "the last forwarded address is a caller's",
    config: overHttp(HTTP_SERVICE, "xff_num_trusted_hops: 1"),
    server: HTTP_SERVER,
    codes: ["client-address"],
  },
  { what: "what is charged once is told", config: GOOD, policy: ONCE, server: askedBy("sidecar"), codes: [] },
  {
    what: "what is charged once has no request id",
    config: manager("generate_request_id: false"),
    policy: ONCE,
    server: askedBy("gateway"),
    codes: ["request-id"],
  },
  {
    what: "a sidecar makes a request id of its own",
    config: manager("use_remote_address: true"),
    policy: ONCE,
    server: askedBy("sidecar"),
    codes: ["request-id"],
  },
  {
    what: "a sidecar keeps the request id",
    config: manager("use_remote_address: true\n                preserve_external_request_id: true"),
    policy: ONCE,
    server: askedBy("sidecar"),
    codes: [],
  },
  {
    what: "a gateway makes a request id of its own",
    config: manager("use_remote_address: true"),
    policy: ONCE,
    server: askedBy("gateway"),
    codes: [],
  },
  {
    what: "nothing is charged once",
    config: manager("generate_request_id: false\n                use_remote_address: true"),
    codes: [],
  },
  { what: "there is nothing in it", config: "static_resources: {}\n", codes: ["unreadable-config"] },
];
