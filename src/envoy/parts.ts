import { CHECK_MESSAGE, TCP_MESSAGE } from "./filters.ts";
import type { ConfigNode } from "./config-node.ts";

export const MANAGER_MESSAGE =
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";

/** One HTTP filter of a connection manager. */
export interface FilterPart {
  readonly name: string;
  readonly node: ConfigNode;
  /** Its message, and the message's fields; undefined where the filter is fetched from elsewhere. */
  readonly message: string | undefined;
  readonly config: ConfigNode | undefined;
}

/** One HTTP connection manager. */
export interface ManagerPart {
  readonly node: ConfigNode;
  /** In their order. */
  readonly filters: readonly FilterPart[];
  /** Undefined where they come from elsewhere. */
  readonly virtualHosts: readonly ConfigNode[] | undefined;
}

/** What of an Envoy's configuration concerns weir. */
export interface EnvoyParts {
  readonly managers: readonly ManagerPart[];
  /** Configurations of the network filter that asks. */
  readonly tcpChecks: readonly ConfigNode[];
  readonly clusters: ReadonlyMap<string, ConfigNode>;
}

/** Finds them wherever they stand: in a bootstrap, in what /config_dump answers, in a listener by itself. */
export function partsIn(root: ConfigNode): EnvoyParts {
  const managers: ConfigNode[] = [];
  const tcpChecks: ConfigNode[] = [];
  const routes = new Map<string, ConfigNode>();
  const clusters = new Map<string, ConfigNode>();
  for (const node of sectionsOf(root).flatMap((section) => [...section.walk()])) {
    const name = node.get("name")?.text();
    for (const cluster of node.get("clusters")?.items() ?? []) {
      const called = cluster.get("name")?.text();
      if (called !== undefined && cluster.get("weight") === undefined) clusters.set(called, cluster);
    }
    const message = node.message();
    if (message === MANAGER_MESSAGE) managers.push(node);
    if (message === TCP_MESSAGE) tcpChecks.push(node);
    if (message === "envoy.config.route.v3.RouteConfiguration" && name !== undefined) routes.set(name, node);
    if (message === "envoy.config.cluster.v3.Cluster" && name !== undefined) clusters.set(name, node);
  }
  return { managers: managers.map((node) => managerOf(node, routes)), tcpChecks, clusters };
}

/** A dump repeats the bootstrap's listeners among all listeners (envoy.admin.v3.ConfigDump); the latter are those that hold. */
function sectionsOf(root: ConfigNode): readonly ConfigNode[] {
  const sections = root.get("configs")?.items() ?? [];
  if (sections.length === 0) return [root];
  return sections.filter((one) => one.message() !== "envoy.admin.v3.BootstrapConfigDump");
}

function managerOf(node: ConfigNode, routes: ReadonlyMap<string, ConfigNode>): ManagerPart {
  const fetched = node.get("rds", "route_config_name")?.text();
  const table = node.get("route_config") ?? (fetched === undefined ? undefined : routes.get(fetched));
  return {
    node,
    filters: (node.get("http_filters")?.items() ?? []).map(filterOf),
    virtualHosts: table === undefined ? undefined : (table.get("virtual_hosts")?.items() ?? []),
  };
}

function filterOf(node: ConfigNode): FilterPart {
  const config = node.get("typed_config");
  return { name: node.get("name")?.text() ?? "", node, message: config?.message(), config };
}

/** Whether a filter asks an ext_authz service. */
export const isCheck = ({ message }: FilterPart): boolean => message === CHECK_MESSAGE;

/** Every route of a virtual host that reaches an upstream, with the host itself: each may configure filters. */
export const routesOf = (virtualHost: ConfigNode): readonly ConfigNode[] =>
  (virtualHost.get("routes")?.items() ?? []).filter(
    (route) => route.get("direct_response") === undefined && route.get("redirect") === undefined,
  );

/** What a route or virtual host says to one filter. */
export const perFilter = (node: ConfigNode, filter: string): ConfigNode | undefined =>
  node
    .get("typed_per_filter_config")
    ?.entries()
    .find(([name]) => name === filter)?.[1];
