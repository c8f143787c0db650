import type { EntryFacts } from "../attributes/entry-facts.ts";

/**
 * What moment in the life of a request or connection an entry tells of. Of a request: `begun`, `goes-on`, `finished`, and `attempt`, one of
 * Envoy's tries upstream; of a connection: `opened`, `periodic`, `closed`. `none` is what counts for neither.
 */
export type Moment = "begun" | "goes-on" | "finished" | "attempt" | "opened" | "periodic" | "closed" | "none";

/** By envoy.data.accesslog.v3.AccessLogType. */
const MOMENTS: readonly Moment[] = [
  "none", // NotSet
  "opened", // TcpUpstreamConnected
  "periodic", // TcpPeriodic
  "closed", // TcpConnectionEnd
  "begun", // DownstreamStart
  "goes-on", // DownstreamPeriodic
  "finished", // DownstreamEnd
  "attempt", // UpstreamPoolReady
  "attempt", // UpstreamPeriodic
  "attempt", // UpstreamEnd
  "begun", // DownstreamTunnelSuccessfullyEstablished
  "opened", // UdpTunnelUpstreamConnected
  "periodic", // UdpPeriodic
  "closed", // UdpSessionEnd
  "opened", // TcpConnectionStart
];

const OF_CONNECTIONS: ReadonlySet<Moment> = new Set(["opened", "periodic", "closed"]);

/**
 * Envoys too old to tell the type log at the end, or say that the entry is an intermediate one. What a logger of connections tells of a
 * request counts for nothing: it says next to nothing of it.
 */
export function momentOf({ kind, accessLogType, isIntermediate }: EntryFacts): Moment {
  if (accessLogType === 0) {
    if (kind === "tcp") return isIntermediate ? "periodic" : "closed";
    return isIntermediate ? "goes-on" : "finished";
  }
  const moment = MOMENTS[accessLogType] ?? "none";
  return kind === "http" || OF_CONNECTIONS.has(moment) ? moment : "none";
}
