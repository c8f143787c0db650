import type { EntryFacts } from "./entry-facts.ts";

/** Which way the traffic goes that a proxy logs, seen from the workload that it stands beside. */
export type Direction = "inbound" | "outbound";

/**
 * By the logger's name, where it ends in `-in`, `-inbound`, `-out` or `-outbound`; else by the name that Istio gives clusters.
 * Undefined where neither tells.
 */
export function directionOf({ origin, upstreamCluster }: EntryFacts): Direction | undefined {
  const { logName } = origin;
  if (/[-_.](?:in|inbound)$/.test(logName)) return "inbound";
  if (/[-_.](?:out|outbound)$/.test(logName)) return "outbound";
  if (upstreamCluster.startsWith("inbound|")) return "inbound";
  return upstreamCluster.startsWith("outbound|") ? "outbound" : undefined;
}
