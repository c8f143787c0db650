import type { Endpoint, Exchange, FieldValue, Interval } from "../adapter/report.ts";
import { CONTEXT_HEADERS } from "../adapter/trace-context.ts";
import type { EntryFacts } from "../attributes/entry-facts.ts";
import type { EntryAttributes } from "../attributes/entry.ts";
import { grpcStatus, isGrpc } from "../attributes/grpc.ts";
import { flagCodes } from "../attributes/response-flags.ts";
import type { Counted } from "./connections.ts";
import { endsOf } from "./ends.ts";
import { failureOf } from "./failure.ts";
import { reporterOf, type Reporter } from "./reporter.ts";
import { traceIdsOf } from "./trace-ids.ts";

/**
 * The preset `trace`: what spans are made of. Only requests that are finished and connections that are closed make one, once, and only
 * where it is known when they ended. Neither queries nor credentials are in it.
 */
export function exchangeOf(entry: EntryAttributes, counted: Counted): Omit<Exchange, "added"> | undefined {
  const { facts } = entry;
  const isOver = facts.kind === "http" ? counted.request === "finished" : counted.connection?.closed === true;
  const when = isOver ? intervalOf(facts, counted.observedAtMs) : undefined;
  if (when === undefined) return undefined;
  const reporter = reporterOf(entry);
  const ends = endsOf(entry, reporter);
  return {
    kind: "exchange",
    observedAtMs: counted.observedAtMs,
    trace: traceIdsOf((name) => facts.requestHeader(name)),
    side: SIDES[reporter],
    context: contextOf(facts),
    id: idOf(facts),
    name: nameOf(facts, SIDES[reporter] === "server" ? ends.local : ends.remote),
    ...when,
    called: calledAt(facts, when),
    ...ends,
    failure: failureOf(facts),
    attributes: facts.request === undefined ? connectionAttributes(facts) : requestAttributes(entry),
  };
}

const SIDES: Readonly<Record<Reporter, Exchange["side"]>> = {
  source: "client",
  destination: "server",
  gateway: "gateway",
  waypoint: "gateway",
};

type Ended = Interval & { readonly durationUs: number };

/**
 * The whole exchange as this proxy saw it, from the caller's first byte until it was done: then a called one's time lies within its
 * caller's, and what policies and queues took shows. Envoys that do not tell `duration` tell when their last byte went to the caller.
 */
function intervalOf(facts: EntryFacts, observedAtMs: number): Ended | undefined {
  const durationMs = facts.durationMs ?? facts.timing("last_downstream_tx_byte");
  if (durationMs === undefined) return undefined;
  const startedAtMs = facts.startedAtMs ?? observedAtMs - durationMs;
  return { startedAtUs: microseconds(startedAtMs), durationUs: microseconds(durationMs) };
}

/**
 * From the first byte to the called end until the last one from it; until the end of the exchange where none came. Envoy chose a host
 * where it tells its address or counts attempts.
 */
function calledAt(facts: EntryFacts, { startedAtUs, durationUs }: Ended): Interval | undefined {
  const hasTried =
    facts.address("upstream_remote") !== undefined || facts.details().upstreamRequestAttemptCount > 0;
  if (!hasTried) return undefined;
  const beganUs = microseconds(facts.timing("first_upstream_tx_byte") ?? 0);
  const endedMs = facts.timing("last_upstream_rx_byte");
  const endedUs = endedMs === undefined ? durationUs : microseconds(endedMs);
  return { startedAtUs: startedAtUs + beganUs, durationUs: Math.max(0, endedUs - beganUs) };
}

const microseconds = (ms: number): number => Math.round(ms * 1_000);

function contextOf(facts: EntryFacts): ReadonlyMap<string, string> {
  const context = new Map<string, string>();
  for (const name of CONTEXT_HEADERS) {
    const value = facts.requestHeader(name);
    if (value !== undefined) context.set(name, value);
  }
  return context;
}

/**
 * The stream's id alone does not do: Envoy takes the request's id for it, which goes on from proxy to proxy. With the node, the time and
 * the caller's port it tells every exchange from every other, and nothing of it changes when the entry is told again.
 */
function idOf(facts: EntryFacts): string {
  const { origin, streamId, request, startedAtMs } = facts;
  const caller = facts.address("downstream_direct_remote") ?? facts.address("downstream_remote");
  return JSON.stringify([
    ...[origin.nodeId, origin.logName, streamId, request?.id],
    ...[startedAtMs, caller?.address, caller?.port],
  ]);
}

function nameOf(facts: EntryFacts, called: Endpoint): string {
  const { request } = facts;
  if (request === undefined) return called.service;
  const path = plainPath(request.path);
  return isGrpc(facts) ? path.slice(1) : `${request.method} ${path}`.trim();
}

const plainPath = (path: string): string => path.split(/[?#]/, 1)[0] ?? "";

/** Names are those of OpenTelemetry's conventions for HTTP; Envoy's and weir's own where there are none. Empty ones are left out. */
function requestAttributes(entry: EntryAttributes): ReadonlyMap<string, FieldValue> {
  const { facts, decision } = entry;
  const { request } = facts;
  const { requestBodyBytes, responseBodyBytes, upstreamRequestAttemptCount, userAgent } = facts.details();
  return present([
    ["http.request.method", request?.method],
    ["url.scheme", request?.scheme],
    ["url.path", plainPath(request?.path ?? "")],
    ["server.address", entry.request.host],
    ["user_agent.original", userAgent],
    ["http.request.body.size", requestBodyBytes],
    ["http.response.status_code", facts.responseCode],
    ["http.response.body.size", responseBodyBytes],
    ["rpc.grpc.status_code", grpcStatusCode(facts)],
    [
      "http.request.resend_count",
      upstreamRequestAttemptCount > 1 ? upstreamRequestAttemptCount - 1 : undefined,
    ],
    ["envoy.request_id", request?.id],
    ...envoyAttributes(facts),
    ["weir.decision.id", decision.id],
    ["weir.decision.verdict", decision.verdict],
    ["weir.decision.policy", decision.policy],
    ["weir.decision.rule", decision.rule],
  ]);
}

function grpcStatusCode(facts: EntryFacts): number | undefined {
  const status = isGrpc(facts) ? grpcStatus(facts) : undefined;
  return status === undefined ? undefined : Number(status);
}

const connectionAttributes = (facts: EntryFacts): ReadonlyMap<string, FieldValue> =>
  present([
    ["server.address", facts.serverName],
    ["envoy.sent_bytes", facts.connectionBytes.sent],
    ["envoy.received_bytes", facts.connectionBytes.received],
    ...envoyAttributes(facts),
  ]);

type Named = readonly [name: string, value: string | number | undefined];

const envoyAttributes = (facts: EntryFacts): readonly Named[] => [
  ["envoy.response_flags", flagCodes(facts.responseFlags).join()],
  ["envoy.response_code_details", facts.responseCodeDetails],
  ["envoy.upstream_cluster", facts.upstreamCluster],
  ["envoy.route_name", facts.routeName],
  ["envoy.node_id", facts.origin.nodeId],
];

function present(named: readonly Named[]): ReadonlyMap<string, FieldValue> {
  const attributes = new Map<string, FieldValue>();
  for (const [name, value] of named) if (value !== undefined && value !== "") attributes.set(name, value);
  return attributes;
}
