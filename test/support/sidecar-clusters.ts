import { typed, type Json } from "./bootstrap.ts";
import {
  address,
  commonTls,
  hostOf,
  outboundName,
  type Outbound,
  type Port,
  type Workload,
} from "./sidecar-parts.ts";

/** The service that a cluster is of, as Istio tells its proxies. */
export const serviceOf = ({ name, namespace }: Pick<Workload, "name" | "namespace">): Json => ({
  filter_metadata: {
    istio: { services: [{ host: hostOf({ service: name, namespace }), name, namespace }] },
  },
});

/** Where a workload's proxy sends what it calls. */
export function outboundCluster(outbound: Outbound, workload: Workload): Json {
  const { service, namespace, to, tls } = outbound;
  // As Istio writes it: workload, namespace, canonical name and revision, cluster.
  const endpoint = { workload: `${service};${namespace};${service};v1;${workload.cluster}` };
  return cluster(outboundName(outbound), to, {
    metadata: serviceOf({ name: service, namespace }),
    endpoint: { filter_metadata: { istio: endpoint } },
    ...(tls === "mutual" ? { transport_socket: upstreamTls(workload) } : {}),
  });
}

interface ClusterParts {
  readonly metadata?: Json;
  readonly endpoint?: Json;
  readonly transport_socket?: Json;
}

/** A cluster of one address, or of none. */
export function cluster(
  name: string,
  at: Port | undefined,
  { endpoint, ...more }: ClusterParts,
  protocol: "as it came" | "http2" = "as it came",
): Json {
  const options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
  const spoken =
    protocol === "http2"
      ? { explicit_http_config: { http2_protocol_options: {} } }
      : { use_downstream_protocol_config: { http_protocol_options: {}, http2_protocol_options: {} } };
  const members =
    at === undefined
      ? []
      : [{ endpoint: { address: address(at) }, ...(endpoint === undefined ? {} : { metadata: endpoint }) }];
  return {
    name,
    type: "STATIC",
    connect_timeout: "1s",
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: members }] },
    typed_extension_protocol_options: { [options]: typed(options, spoken) },
    ...more,
  };
}

const upstreamTls = (workload: Workload): Json => ({
  name: "tls",
  typed_config: typed("envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext", {
    common_tls_context: commonTls(workload),
  }),
});
