import type { Endpoint } from "../adapter/report.ts";
import { clusterOf } from "../attributes/direction.ts";
import type { AddressFacts, EntryFacts } from "../attributes/entry-facts.ts";
import type { EntryAttributes } from "../attributes/entry.ts";
import { calledService, isHostNeeded } from "./called-service.ts";
import { stateOf } from "./filter-state.ts";
import type { Reporter } from "./reporter.ts";
import { NO_WORKLOAD, readEndpoint, readNode, readPeer, type Workload } from "./workload.ts";

/** The two ends of an exchange: the proxy that logs, with the workload that it stands for, and the other one. */
export interface Ends {
  readonly local: Endpoint;
  readonly remote: Endpoint;
}

/**
 * Names are those of services, where Istio's metadata has them (node metadata, peers in the filter state, endpoints and clusters in custom
 * tags), else those of workloads, else of clusters. Without metadata the caller is who its certificate says, and who is called from a
 * workload of ours and has no cluster is the host; to a gateway anybody can name hosts, so that those are nobody's names.
 */
export function endsOf(entry: EntryAttributes, reporter: Reporter): Ends {
  const { facts } = entry;
  const own = nameOf(readNode(facts.origin)) || facts.origin.nodeCluster;
  switch (reporter) {
    case "destination":
      return {
        local: endpoint(own || serviceName(facts, ""), facts.address("downstream_local")),
        remote: endpoint(
          nameOf(readPeer(stateOf(facts, "downstream_peer"))) || principalName(entry),
          facts.address("downstream_direct_remote") ?? facts.address("downstream_remote"),
        ),
      };
    case "source":
      return {
        local: { ...endpoint(own, facts.address("upstream_local")), port: undefined },
        remote: endpoint(calledName(facts, hostOf(entry)), facts.address("upstream_remote")),
      };
    case "gateway":
    case "waypoint":
      return {
        local: endpoint(own, facts.address("downstream_local")),
        remote: endpoint(calledName(facts, ""), facts.address("upstream_remote")),
      };
  }
}

const endpoint = (service: string, address: AddressFacts | undefined): Endpoint => ({
  service,
  ip: address?.address,
  port: address?.port,
});

const nameOf = ({ service, app, workload }: Workload = NO_WORKLOAD): string => service || app || workload;

/** `host` stands where nothing else tells; empty where it is not to be trusted. */
const calledName = (facts: EntryFacts, host: string): string =>
  nameOf(readPeer(stateOf(facts, "upstream_peer"))) ||
  nameOf(readEndpoint(facts.customTag("dst.wl") ?? "")) ||
  serviceName(facts, host);

function serviceName(facts: EntryFacts, host: string): string {
  const services = facts.customTag("dst.svc") ?? "";
  const evidence = { route: facts.routeName, cluster: clusterOf(facts), services };
  if (isHostNeeded(evidence)) return host;
  const called = calledService({ ...evidence, host });
  // What is in no namespace is outside the mesh, where the first label of a host is no name.
  return called.namespace === "" ? called.host || called.name : called.name;
}

const principalName = ({ source }: EntryAttributes): string =>
  source.service_account ?? source.principal ?? "";

const hostOf = (entry: EntryAttributes): string => (entry.kind === "http" ? (entry.request.host ?? "") : "");
