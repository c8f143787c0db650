import type { FieldRecord, FieldValue } from "../adapter/report.ts";
import { addressText } from "../attributes/entry-connection.ts";
import { ACCESS_LOG_TYPES, type EntryAttributes } from "../attributes/entry.ts";
import type { EntryDetails, EntryFacts } from "../attributes/entry-facts.ts";
import { clusterOf } from "../attributes/direction.ts";
import { grpcStatus, isGrpc } from "../attributes/grpc.ts";
import { flagCodes } from "../attributes/response-flags.ts";
import { VOCABULARY } from "../attributes/vocabulary.ts";
import type { Counted } from "./connections.ts";
import { traceIdsOf } from "./trace-ids.ts";

/** What the preset makes of an entry. */
export type AccessLog = Omit<FieldRecord, "added" | "rule">;

/**
 * The preset `access-log`: the classic entry, under the names of Envoy's own JSON log. There is no token, claim or query in it; what is of
 * persons stands there as it is, for `withoutPersons` to hide. What an entry does not say is left out.
 */
export function accessLog(entry: EntryAttributes, counted: Counted): AccessLog {
  const { facts } = entry;
  return {
    kind: "fields",
    observedAtMs: counted.observedAtMs,
    trace: traceIdsOf((name) => facts.requestHeader(name)),
    timeMs: facts.startedAtMs,
    severity: severityOf(facts),
    fields: fieldsOf(entry),
  };
}

/** What a value is read from: the details are made once. */
interface Sources {
  readonly entry: EntryAttributes;
  readonly facts: EntryFacts;
  readonly details: EntryDetails;
}

/** The attribute of which the value is, or is part, so that its class holds here too. */
type Field = readonly [name: string, attribute: string, read: (sources: Sources) => FieldValue | undefined];

/** In the order in which they are written. Addresses of callers come without ports, so that those of one caller are equal. */
const FIELDS: readonly Field[] = [
  ["start_time", "request.time", ({ facts }) => isoTime(facts.startedAtMs)],
  ["access_log_type", "log.type", ({ facts }) => ACCESS_LOG_TYPES[facts.accessLogType]],
  ["method", "request.method", ({ facts }) => facts.request?.method],
  ["path", "request.url_path", ({ facts }) => withoutQuery(facts.request?.path)],
  ["protocol", "request.protocol", ({ facts }) => facts.request?.protocol],
  ["authority", "request.host", ({ facts }) => facts.request?.host],
  [
    "response_code",
    "response.code",
    ({ facts }) => (facts.kind === "tcp" ? undefined : (facts.responseCode ?? 0)),
  ],
  ["response_flags", "response.flag_codes", ({ facts }) => flagCodes(facts.responseFlags).join()],
  ["response_code_details", "response.code_details", ({ facts }) => facts.responseCodeDetails],
  ["grpc_status", "response.grpc_status", ({ facts }) => statusOf(facts)],
  ["bytes_received", "request.size", ({ facts, details }) => received(facts, details)],
  ["bytes_sent", "response.size", ({ facts, details }) => sent(facts, details)],
  ["duration", "request.duration", ({ facts }) => rounded(facts.durationMs)],
  ["upstream_service_time", "response.backend_latency", ({ facts }) => serviceTime(facts)],
  ["request_id", "request.id", ({ facts }) => facts.request?.id],
  ["stream_id", "log.stream_id", ({ facts }) => facts.streamId],
  ["user_agent", "request.useragent", ({ details }) => details.userAgent],
  ["referer", "request.referer", ({ details }) => withoutQuery(details.referer)],
  ["x_forwarded_for", "request.forwarded_for", ({ details }) => details.forwardedFor],
  ["client_ip", "client.ip", ({ entry }) => entry.client.ip?.toString()],
  [
    "downstream_remote_address",
    "connection.remote_ip",
    ({ facts }) => facts.address("downstream_remote")?.address,
  ],
  [
    "downstream_direct_remote_address",
    "connection.direct_remote_ip",
    ({ facts }) => facts.address("downstream_direct_remote")?.address,
  ],
  [
    "downstream_local_address",
    "destination.ip",
    ({ facts }) => addressText(facts.address("downstream_local")),
  ],
  ["downstream_peer_principal", "source.principal", ({ entry }) => entry.source.principal],
  ["downstream_tls_version", "connection.tls_version", ({ entry }) => entry.connection.tls_version],
  [
    "downstream_transport_failure_reason",
    "connection.transport_failure_reason",
    ({ details }) => details.downstreamTransportFailureReason,
  ],
  [
    "requested_server_name",
    "connection.requested_server_name",
    ({ entry }) => entry.connection.requested_server_name,
  ],
  [
    "connection_termination_details",
    "connection.termination_details",
    ({ details }) => details.connectionTerminationDetails,
  ],
  ["route_name", "xds.route_name", ({ facts }) => facts.routeName],
  ["upstream_cluster", "xds.cluster_name", ({ facts }) => clusterOf(facts)],
  ["upstream_host", "upstream.address", ({ facts }) => addressText(facts.address("upstream_remote"))],
  [
    "upstream_local_address",
    "upstream.local_address",
    ({ facts }) => addressText(facts.address("upstream_local")),
  ],
  [
    "upstream_request_attempt_count",
    "upstream.request_attempt_count",
    ({ facts, details }) => (facts.kind === "tcp" ? undefined : details.upstreamRequestAttemptCount),
  ],
  [
    "upstream_transport_failure_reason",
    "upstream.transport_failure_reason",
    ({ details }) => details.upstreamTransportFailureReason,
  ],
  ["decision", "decision.id", ({ facts }) => facts.decision()?.id],
  ["verdict", "decision.verdict", ({ facts }) => facts.decision()?.verdict],
  ["policy", "decision.policy", ({ facts }) => facts.decision()?.policy],
  ["rule", "decision.rule", ({ facts }) => facts.decision()?.rule],
  ["log_name", "log.name", ({ facts }) => facts.origin.logName],
  ["node_id", "log.node_id", ({ facts }) => facts.origin.nodeId],
];

/** Names and the attributes that they are of, for the documentation. */
export const ACCESS_LOG_FIELDS: ReadonlyMap<string, string> = new Map(
  FIELDS.map(([name, attribute]) => [name, attribute]),
);

const CLASSES = new Map(VOCABULARY.map((attribute) => [attribute.name, attribute.class]));

/** The fields whose values are of persons. */
const OF_PERSONS: readonly string[] = FIELDS.filter(([, attribute]) => CLASSES.get(attribute) !== "open").map(
  ([name]) => name,
);

/** The fields of `accessLog` as whoever may not see persons is shown them: each of those values by its digest. */
export function withoutPersons(
  fields: FieldRecord["fields"],
  digest: (printed: string) => string,
): FieldRecord["fields"] {
  const shown = new Map(fields);
  for (const name of OF_PERSONS) {
    const value = shown.get(name);
    if (typeof value === "string") shown.set(name, digest(value));
  }
  return shown;
}

const MAX_TEXT_LENGTH = 1_024;

function fieldsOf(entry: EntryAttributes): FieldRecord["fields"] {
  const { facts } = entry;
  const sources: Sources = { entry, facts, details: facts.details() };
  const fields = new Map<string, FieldValue>();
  for (const [name, , read] of FIELDS) {
    const value = read(sources);
    if (value === undefined || value === "") continue;
    const isLong = typeof value === "string" && value.length > MAX_TEXT_LENGTH;
    fields.set(name, isLong ? `${value.slice(0, MAX_TEXT_LENGTH)}…` : value);
  }
  return fields;
}

/** What stands behind `?` or `#` may be a secret. */
const withoutQuery = (path: string | undefined): string | undefined => path?.split(/[?#]/, 1)[0];

/** Whatever a clock says: a time that no calendar has is left out. */
function isoTime(ms: number | undefined): string | undefined {
  const date = new Date(ms ?? NaN);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}

const rounded = (ms: number | undefined): number | undefined =>
  ms === undefined ? undefined : Math.round(ms * 1_000) / 1_000;

function statusOf(facts: EntryFacts): number | undefined {
  const status = isGrpc(facts) ? grpcStatus(facts) : undefined;
  return status === undefined ? undefined : Number(status);
}

const received = (facts: EntryFacts, { requestBodyBytes }: EntryDetails): number =>
  facts.kind === "tcp" ? facts.connectionBytes.received : requestBodyBytes;

const sent = (facts: EntryFacts, { responseBodyBytes }: EntryDetails): number =>
  facts.kind === "tcp" ? facts.connectionBytes.sent : responseBodyBytes;

/** What Envoy tells the caller in `x-envoy-upstream-service-time`: from the last byte sent upstream to the first received, in milliseconds. */
function serviceTime(facts: EntryFacts): number | undefined {
  const sentMs = facts.timing("last_upstream_tx_byte") ?? facts.timing("first_upstream_tx_byte");
  const receivedMs = facts.timing("first_upstream_rx_byte");
  if (sentMs === undefined || receivedMs === undefined) return undefined;
  return rounded(Math.max(0, receivedMs - sentMs));
}

/** gRPC's UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE and DATA_LOSS: the called one's doing, as 5xx is. */
const FAILURES: ReadonlySet<number> = new Set([2, 4, 12, 13, 14, 15]);

function severityOf(facts: EntryFacts): FieldRecord["severity"] {
  const { responseCode = 0 } = facts;
  const status = statusOf(facts) ?? 0;
  if (responseCode >= 500 || FAILURES.has(status)) return "error";
  const hasNoAnswer = responseCode === 0 && facts.responseFlags.length > 0;
  return responseCode >= 400 || status > 0 || hasNoAnswer ? "warning" : "info";
}
