import type { EntryFacts } from "./entry-facts.ts";

/** Which way the traffic goes that a proxy logs, seen from the workload that it stands beside. */
export type Direction = "inbound" | "outbound";

/** By the logger's name where that tells, else by the name that Istio gives clusters. Undefined where neither does. */
export const directionOf = (entry: EntryFacts): Direction | undefined =>
  directionOfLogger(entry.origin.logName) ?? directionOfCluster(clusterOf(entry));

/** A name that ends in `-in`, `-inbound`, `-out` or `-outbound`. */
export function directionOfLogger(logName: string): Direction | undefined {
  if (/[-_.](?:in|inbound)$/.test(logName)) return "inbound";
  return /[-_.](?:out|outbound)$/.test(logName) ? "outbound" : undefined;
}

export function directionOfCluster(cluster: string): Direction | undefined {
  if (/^(?:inbound\||InboundPassthroughCluster)/.test(cluster)) return "inbound";
  return /^(?:outbound\||PassthroughCluster$|BlackHoleCluster$)/.test(cluster) ? "outbound" : undefined;
}

/**
 * The upstream cluster. An entry has none where no host was chosen; the logger's custom tag `up.cluster` (`%UPSTREAM_CLUSTER%`) has it
 * then too.
 */
export function clusterOf(entry: EntryFacts): string {
  const { upstreamCluster } = entry;
  if (upstreamCluster !== "") return upstreamCluster;
  const tag = entry.customTag("up.cluster") ?? "";
  return tag === "-" ? "" : tag;
}
