import { directionOfCluster, directionOfLogger, clusterOf, type Direction } from "../attributes/direction.ts";
import type { EntryAttributes } from "../attributes/entry.ts";
import type { EntryFacts, OriginFacts } from "../attributes/entry-facts.ts";

/**
 * Whose proxy logs: of the one that calls (`source`), of the one that is called (`destination`), or one between two: a gateway, or a
 * waypoint, which stands before the called one without being beside it.
 */
export type Reporter = "source" | "destination" | "gateway" | "waypoint";

/**
 * By the node's id, as Istio forms it, for what stands between two; else by the direction (logger's name, cluster's name). Where nothing
 * is said, a sidecar that sends on to another machine is the caller's, and what weir.yaml does not call a sidecar is a gateway.
 */
export const reporterOf = (entry: EntryAttributes): Reporter =>
  reporterOfOrigin(entry.facts.origin) ?? reporterOfEntry(entry);

/** As far as it is the same for all entries of an origin. */
export function reporterOfOrigin({ nodeId, logName }: OriginFacts): Reporter | undefined {
  if (nodeId.startsWith("router~")) return "gateway";
  if (nodeId.startsWith("waypoint~")) return "waypoint";
  return ofDirection(directionOfLogger(logName));
}

/** The rest. */
export function reporterOfEntry(entry: EntryAttributes): Reporter {
  const { facts } = entry;
  const reporter = ofDirection(directionOfCluster(clusterOf(facts)));
  if (reporter !== undefined) return reporter;
  if (facts.origin.nodeId.startsWith("sidecar~") || entry.proxy.role === "sidecar") {
    return sendsAway(facts) ? "source" : "destination";
  }
  return "gateway";
}

function ofDirection(direction: Direction | undefined): Reporter | undefined {
  if (direction === undefined) return undefined;
  return direction === "inbound" ? "destination" : "source";
}

/** What a sidecar receives it sends on to the machine that it stands on, or nowhere. */
function sendsAway(facts: EntryFacts): boolean {
  const upstream = facts.address("upstream_remote")?.address;
  if (upstream === undefined || /^(?:127\.|::1$)/.test(upstream)) return false;
  return upstream !== facts.address("downstream_local")?.address;
}
