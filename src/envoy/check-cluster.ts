import type { ConfigNode } from "./config-node.ts";
import { finding, type Finding } from "./findings.ts";
import type { Needs } from "./needs.ts";

/** Whether the cluster that a check asks speaks what weir's listener takes. Clusters that are fetched are not known. */
export function checkCluster(
  config: ConfigNode,
  clusters: ReadonlyMap<string, ConfigNode>,
  { settings: { listen } }: Needs,
): readonly Finding[] {
  const overGrpc = config.get("grpc_service", "envoy_grpc", "cluster_name");
  const name = overGrpc ?? config.get("http_service", "server_uri", "cluster");
  const cluster = clusters.get(name?.text() ?? "");
  const listener = overGrpc === undefined ? listen.http : listen.grpc;
  if (cluster === undefined || listener === undefined) return [];
  const found: Finding[] = [];
  if (overGrpc !== undefined && !speaksHttp2(cluster)) {
    const message = "gRPC needs HTTP/2, and this cluster is not told to speak it";
    const hint = "typed_extension_protocol_options, as weir envoy --for envoy prints it";
    found.push(finding("not-http2", cluster.place, message, hint));
  }
  return [...found, ...checkTls(cluster, listener.tls)];
}

function speaksHttp2(cluster: ConfigNode): boolean {
  const options = cluster
    .get("typed_extension_protocol_options")
    ?.entries()
    .find(([name]) => name === "envoy.extensions.upstreams.http.v3.HttpProtocolOptions")?.[1];
  return (
    options?.get("explicit_http_config", "http2_protocol_options") !== undefined ||
    options?.get("auto_config") !== undefined ||
    cluster.get("http2_protocol_options") !== undefined
  );
}

function checkTls(
  cluster: ConfigNode,
  tls: { readonly clientCa: string | undefined } | undefined,
): readonly Finding[] {
  if (tls === undefined) return [];
  const socket = cluster.get("transport_socket") ?? cluster.get("transport_socket_matches");
  if (socket === undefined) {
    const message = "weir's listener has TLS, and this cluster speaks plain text: no check gets through";
    return [
      finding(
        "no-tls-to-weir",
        cluster.place,
        message,
        "add the transport_socket that weir envoy --for envoy prints",
      ),
    ];
  }
  const shows = [...socket.walk()].some((node) =>
    ["tls_certificates", "tls_certificate_sds_secret_configs", "tls_certificate_provider_instance"].some(
      (field) => node.get(field) !== undefined,
    ),
  );
  if (tls.clientCa === undefined || shows) return [];
  const message = "weir's listener asks for a certificate, and Envoy shows none: no check gets through";
  return [
    finding("certificate-not-shown", socket.place, message, "add tls_certificates to common_tls_context"),
  ];
}
