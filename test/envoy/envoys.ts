import type { FINDINGS } from "../../src/envoy/findings.ts";
import { policyOf } from "./fixture.ts";

export const POLICY =
  policyOf('request.headers["x-role"] == "admin"') + "    request: { set: { x-user: someone } }\n";
export const READS_ALL = policyOf(
  'size(request.body) > 1 || "a" in request.headers_all || !has(source.principal) || connection.requested_server_name == "a" || metadata["envoy.filters.http.jwt_authn"].sub == "a"',
).replace("match:\n", "match:\n  routes: [orders]\n");
export const TCP = `weir: 1
policy: database
match: { protocol: tcp }
rules:
  - id: named
    allow: connection.requested_server_name == "db"
`;
/** What is charged once, and a weir.yaml for it whose Envoys are of one role. */
export const ONCE = `weir: 1
policy: orders
match: { destinations: [shop/orders] }
rules:
  - id: all
    allow: request.method == "GET"
quotas:
  - id: daily
    key: [request.host]
    windows: [{ limit: 100, per: day }]
    once: request
`;
export const askedBy = (role: "gateway" | "sidecar", more = ""): string => `weir: 1
proxy: { role: ${role} }
secrets: { mac: { file: mac } }
${more}`;
export const HTTP_SERVER = `weir: 1
listen:
  http: { address: 127.0.0.1:9192, pathPrefix: /check }
clientAddress: { from: xff, trustedHops: 1 }
`;
export const TLS_SERVER = `weir: 1
listen:
  grpc: { address: 127.0.0.1:9191, tls: { cert: a, key: b, clientCa: c } }
`;

/** An Envoy with nothing to find in it. Rows below change one thing. */
export const GOOD = `static_resources:
  listeners:
    - name: web
      filter_chains:
        - filters:
            - name: http
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                normalize_path: true
                merge_slashes: true
                route_config:
                  virtual_hosts:
                    - name: all
                      domains: ["*"]
                      routes:
                        - match: { prefix: / }
                          route: { cluster: upstream }
                http_filters:
                  - name: envoy.filters.http.ext_authz
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz
                      transport_api_version: V3
                      grpc_service:
                        envoy_grpc: { cluster_name: weir }
                        timeout: 0.25s
                      status_on_error: { code: 503 }
                  - name: router
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
  clusters:
    - name: weir
      typed_extension_protocol_options:
        envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
          explicit_http_config: { http2_protocol_options: {} }
`;

export const OPTION = "                      status_on_error:";
export const MANAGER = "                normalize_path: true\n";
export const filter = (name: string, message: string, more = ""): string => `                  - name: ${name}
                    typed_config:
                      "@type": type.googleapis.com/${message}
${more}`;
export const BEFORE = "                  - name: envoy.filters.http.ext_authz\n";
export const BEHIND = "                  - name: router\n";
export const MUTATION = "envoy.extensions.filters.http.header_mutation.v3.HeaderMutation";
export const REMOVES = "                      mutations: { request_mutations: [{ remove: x-user }] }\n";
export const ROUTE = "                          route: { cluster: upstream }\n";
export const perRoute = (
  fields: string,
): string => `${ROUTE}                          typed_per_filter_config:
                            envoy.filters.http.ext_authz:
                              "@type": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute
                              ${fields}
`;
export const HTTP_SERVICE = `                      http_service:
                        server_uri: { uri: "http://weir", cluster: weir, timeout: 0.25s }
                        path_prefix: /check
                        authorization_response:
                          allowed_upstream_headers: { patterns: [{ exact: x-user }] }
                      allowed_headers: { patterns: [{ safe_regex: { regex: ".*" } }] }
`;
export const GRPC_SERVICE = /^ {22}grpc_service:\n.*\n.*\n/m;

export const option = (line: string): string =>
  GOOD.replace(OPTION, `                      ${line}\n${OPTION}`);
export const manager = (line: string): string => GOOD.replace(MANAGER, `${MANAGER}                ${line}\n`);
export const overHttp = (
  service = HTTP_SERVICE,
  more = "use_remote_address: true\n                xff_num_trusted_hops: 1",
): string => manager(more).replace(GRPC_SERVICE, service);

export interface Row {
  readonly what: string;
  readonly config: string;
  readonly codes: readonly (keyof typeof FINDINGS)[];
  readonly policy?: string;
  readonly server?: string;
  /** Others, by path. */
  readonly files?: Readonly<Record<string, string>>;
}
