import { readJson } from "../std/json.ts";

/** The service that was called; what is not known of it is empty. */
export interface CalledService {
  readonly host: string;
  readonly name: string;
  readonly namespace: string;
}

/** What tells which service was called. */
export interface CallEvidence {
  readonly route: string;
  /** The name of the upstream cluster. */
  readonly cluster: string;
  /** What Istio says of the cluster (its metadata `istio.services`), as JSON; empty where it is not logged. */
  readonly services: string;
  /** The host of the request; empty where it is not to be trusted, because any caller could have named it. */
  readonly host: string;
}

/** Clusters of Istio's for what is no service. */
const NO_SERVICE: ReadonlySet<string> = new Set([
  ...["BlackHoleCluster", "PassthroughCluster", "InboundPassthroughCluster"],
  ...["InboundPassthroughClusterIpv4", "InboundPassthroughClusterIpv6"],
]);

/**
 * As Istio's proxies tell it, but that the name of a cluster counts where its metadata is not logged: Istio forms it of the service, and
 * in other meshes it is the service's name. Configuration bounds how many there are, which nothing does for hosts.
 */
export function calledService({ route, cluster, services, host }: CallEvidence): CalledService {
  const byHost = { host, name: host, namespace: "" };
  if (route === "block_all") return { ...byHost, name: "BlackHoleCluster" };
  if (route === "allow_any") return { ...byHost, name: "PassthroughCluster" };
  if (NO_SERVICE.has(cluster)) return { ...byHost, name: cluster };
  return firstService(services) ?? serviceOfCluster(cluster) ?? byHost;
}

/** Whether the host of the request says anything that nothing else does. */
export const isHostNeeded = ({ route, cluster, services }: Omit<CallEvidence, "host">): boolean =>
  NO_SERVICE.has(cluster) ||
  route === "block_all" ||
  route === "allow_any" ||
  (services === "" && (cluster === "" || cluster.startsWith("inbound|")));

const LIMITS = { maxBytes: 65_536, maxDepth: 8, maxValues: 1_000 };

/** `[{"host": …, "name": …, "namespace": …}]`. */
function firstService(services: string): CalledService | undefined {
  if (services === "") return undefined;
  const read = readJson(Buffer.from(services), LIMITS);
  const list: unknown = read.kind === "value" ? read.value : undefined;
  const first: unknown = Array.isArray(list) ? list[0] : list;
  if (!(first instanceof Map)) return undefined;
  const text = (key: string): string => {
    const value: unknown = first.get(key);
    return typeof value === "string" ? value : "";
  };
  const host = text("host");
  const name = text("name") || firstLabel(host);
  return host === "" && name === "" ? undefined : { host, name, namespace: text("namespace") };
}

/** Istio's are called `outbound|9080|v1|reviews.shop.svc.cluster.local`; inbound ones have no host. */
function serviceOfCluster(cluster: string): CalledService | undefined {
  if (cluster === "") return undefined;
  const [, , , host, ...more] = cluster.split("|");
  if (host === undefined || more.length > 0)
    return cluster.startsWith("inbound|") ? undefined : { host: cluster, name: cluster, namespace: "" };
  if (host === "") return undefined;
  const [, name = firstLabel(host), namespace = ""] = KUBERNETES_HOST.exec(host) ?? [];
  return { host, name, namespace };
}

/** `name.namespace.svc.` and the domain of the cluster. */
const KUBERNETES_HOST = /^([^.]+)\.([^.]+)\.svc\./;

const firstLabel = (host: string): string => host.split(".", 1)[0] ?? "";
