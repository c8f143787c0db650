import type { Endpoint } from "../adapter/report.ts";
import type { AddressFacts, EntryFacts } from "../attributes/entry-facts.ts";
import type { EntryAttributes } from "../attributes/entry.ts";
import { readJson } from "../std/json.ts";
import { stateOf } from "./filter-state.ts";
import type { Reporter } from "./reporter.ts";

/** The two ends of an exchange: the proxy that logs, with the workload that it stands for, and the other one. */
export interface Ends {
  readonly local: Endpoint;
  readonly remote: Endpoint;
}

/**
 * Names are those of services, where Istio's metadata has them (node metadata, peers in the filter state, clusters and hosts in custom
 * tags), else those of workloads, else of clusters. Without metadata the caller is who its certificate says, and who is called from a
 * workload of ours and has no cluster is the host; to a gateway anybody can name hosts, so that those are nobody's names.
 */
export function endsOf(entry: EntryAttributes, reporter: Reporter): Ends {
  const { facts } = entry;
  const own = nodeService(facts);
  switch (reporter) {
    case "destination":
      return {
        local: endpoint(own || clusterService(facts), facts.address("downstream_local")),
        remote: endpoint(
          peerService(facts, "downstream_peer") || principalService(entry),
          facts.address("downstream_direct_remote") ?? facts.address("downstream_remote"),
        ),
      };
    case "source":
      return {
        local: { ...endpoint(own, facts.address("upstream_local")), port: undefined },
        remote: endpoint(calledService(facts) || hostService(entry), facts.address("upstream_remote")),
      };
    case "gateway":
    case "waypoint":
      return {
        local: endpoint(own, facts.address("downstream_local")),
        remote: endpoint(calledService(facts), facts.address("upstream_remote")),
      };
  }
}

const endpoint = (service: string, address: AddressFacts | undefined): Endpoint => ({
  service,
  ip: address?.address,
  port: address?.port,
});

/** The workload that the proxy stands beside: Istio's metadata of nodes, else what the proxy was started as. */
function nodeService({ origin }: EntryFacts): string {
  const { nodeMetadata, nodeCluster } = origin;
  const labels = nodeMetadata.get("LABELS");
  return (
    textIn(labels, "service.istio.io/canonical-name") ||
    textIn(labels, "app") ||
    textIn(nodeMetadata, "WORKLOAD_NAME") ||
    nodeCluster
  );
}

/** Peers are written with lower-case keys, and on some paths of TCP as nodes are. */
function peerService(facts: EntryFacts, state: "downstream_peer" | "upstream_peer"): string {
  const peer = stateOf(facts, state);
  return (
    textIn(peer, "service") ||
    textIn(peer, "workload") ||
    textIn(peer instanceof Map ? peer.get("LABELS") : undefined, "service.istio.io/canonical-name") ||
    textIn(peer, "WORKLOAD_NAME")
  );
}

const calledService = (facts: EntryFacts): string =>
  peerService(facts, "upstream_peer") ||
  taggedWorkload(facts) ||
  taggedService(facts) ||
  clusterService(facts);

/** `workload;namespace;canonical name;…`, of the host that was chosen. */
function taggedWorkload(facts: EntryFacts): string {
  const [workload = "", , canonical = ""] = (facts.customTag("dst.wl") ?? "").split(";");
  return canonical || workload;
}

/** `[{"host":…,"name":…,"namespace":…}]`, of the cluster. */
function taggedService(facts: EntryFacts): string {
  const tag = facts.customTag("dst.svc");
  const read = tag === undefined ? undefined : readJson(Buffer.from(tag), TAG_LIMITS);
  const services: unknown = read?.kind === "value" ? read.value : undefined;
  return textIn(Array.isArray(services) ? services[0] : services, "name");
}

const TAG_LIMITS = { maxBytes: 65_536, maxDepth: 8, maxValues: 1_000 };

/** What Istio calls where no service is known. */
const NO_SERVICE: ReadonlySet<string> = new Set([
  ...["PassthroughCluster", "BlackHoleCluster", "InboundPassthroughCluster"],
  ...["InboundPassthroughClusterIpv4", "InboundPassthroughClusterIpv6", "-"],
]);

/** Istio's `outbound|port|subset|host` is called by the first label of the host; another cluster by its name. */
function clusterService(facts: EntryFacts): string {
  const cluster = facts.upstreamCluster || (facts.customTag("up.cluster") ?? "");
  if (NO_SERVICE.has(cluster)) return "";
  const [, , , host, ...more] = cluster.split("|");
  if (host === undefined || more.length > 0) return cluster;
  return KUBERNETES_HOST.exec(host)?.[1] ?? host;
}

/** `name.namespace.svc.` and the domain of the cluster. */
const KUBERNETES_HOST = /^([^.]+)\.[^.]+\.svc\./;

function principalService({ source }: EntryAttributes): string {
  return source.service_account ?? source.principal ?? "";
}

function hostService(entry: EntryAttributes): string {
  return entry.kind === "http" ? (entry.request.host ?? "") : "";
}

function textIn(map: unknown, key: string): string {
  const value: unknown = map instanceof Map ? map.get(key) : undefined;
  return typeof value === "string" ? value : "";
}
