import type { OriginFacts } from "../attributes/entry-facts.ts";

/** What Istio's metadata says of a workload; empty where it does not. */
export interface Workload {
  readonly workload: string;
  readonly namespace: string;
  readonly cluster: string;
  /** The canonical service, and its revision. */
  readonly service: string;
  readonly revision: string;
  readonly app: string;
  readonly version: string;
  /** A SPIFFE id. */
  readonly identity: string;
}

export const NO_WORKLOAD: Workload = {
  ...{ workload: "", namespace: "", cluster: "", service: "", revision: "", app: "", version: "" },
  identity: "",
};

const CANONICAL_NAME = "service.istio.io/canonical-name";
const CANONICAL_REVISION = "service.istio.io/canonical-revision";

/**
 * A peer as Istio's proxies exchange it. The keys are lower-case; on some paths of TCP they are those of nodes. Undefined where it is
 * neither.
 */
export function readPeer(state: unknown): Workload | undefined {
  if (!(state instanceof Map)) return undefined;
  const text = (key: string): string => textIn(state, key);
  const peer: Workload = {
    workload: text("workload"),
    namespace: text("namespace"),
    cluster: text("cluster"),
    service: text("service"),
    revision: text("revision"),
    app: text("app"),
    version: text("version"),
    identity: text("identity"),
  };
  if (isSomething(peer)) return peer;
  const node = readNodeMetadata(state);
  return isSomething(node) ? node : undefined;
}

/**
 * The workload that a proxy stands beside. One that is not of Istio says of itself only which cluster it was started for (`--service-cluster`), and
 * that is its name.
 */
export function readNode({ nodeMetadata, nodeCluster }: OriginFacts): Workload {
  const node = readNodeMetadata(nodeMetadata);
  return isSomething(node) ? node : { ...node, workload: nodeCluster, service: nodeCluster };
}

function readNodeMetadata(metadata: ReadonlyMap<unknown, unknown>): Workload {
  const labels: unknown = metadata.get("LABELS");
  return {
    workload: textIn(metadata, "WORKLOAD_NAME"),
    namespace: textIn(metadata, "NAMESPACE"),
    cluster: textIn(metadata, "CLUSTER_ID"),
    service: textIn(labels, CANONICAL_NAME),
    revision: textIn(labels, CANONICAL_REVISION),
    app: textIn(labels, "app"),
    version: textIn(labels, "version"),
    identity: textIn(metadata, "IDENTITY"),
  };
}

/** What Istio says of an endpoint (its metadata `istio.workload`): `workload;namespace;canonical name;canonical revision;cluster`. */
export function readEndpoint(tag: string): Workload | undefined {
  const [workload = "", namespace = "", service = "", revision = "", cluster = ""] = tag.split(";");
  const endpoint = { ...NO_WORKLOAD, workload, namespace, service, revision, cluster };
  return isSomething(endpoint) ? endpoint : undefined;
}

const isSomething = (one: Workload): boolean =>
  one.workload !== "" || one.namespace !== "" || one.service !== "" || one.app !== "";

function textIn(map: unknown, key: string): string {
  const value: unknown = map instanceof Map ? map.get(key) : undefined;
  return typeof value === "string" ? value : "";
}

/** The namespace in an identity: what follows `/ns/`. Empty where there is none. */
export const namespaceIn = (identity: string): string => /\/ns\/([^/]+)\//.exec(`${identity}/`)?.[1] ?? "";

/** The service account in an identity: what follows `/sa/`. Empty where there is none. */
export const serviceAccountIn = (identity: string): string => /\/sa\/([^/]+)$/.exec(identity)?.[1] ?? "";
