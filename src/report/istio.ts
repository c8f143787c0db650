import type { Measurement, MetricFamily } from "../adapter/report.ts";
import { clusterOf } from "../attributes/direction.ts";
import type { EntryAttributes } from "../attributes/entry.ts";
import type { EntryFacts, OriginFacts } from "../attributes/entry-facts.ts";
import { grpcStatus, isGrpc } from "../attributes/grpc.ts";
import { flagCodes } from "../attributes/response-flags.ts";
import { isHostNeeded, type CallEvidence } from "./called-service.ts";
import type { Counted, CountedConnection } from "./connections.ts";
import { stateOf } from "./filter-state.ts";
import { HTTP_FAMILY, TCP_FAMILY } from "./istio-family.ts";
import { labelsOf, type Outcome, type Principals } from "./istio-labels.ts";
import { LabelSets } from "./label-sets.ts";
import { reporterOfEntry, reporterOfOrigin, type Reporter } from "./reporter.ts";
import { traceIdsOf } from "./trace-ids.ts";
import { readEndpoint, readNode, readPeer, type Workload } from "./workload.ts";

/** What the preset makes of an entry. */
export type IstioPreset = (
  entry: EntryAttributes,
  counted: Counted,
) => Omit<Measurement, "added"> | undefined;

/**
 * The preset `istio`: what an entry adds to Istio's standard metrics, labelled by the same rules; undefined where it adds nothing. One for a
 * process, since it remembers label sets.
 */
export function istioPreset(): IstioPreset {
  const labels = new IstioLabels();
  return (entry, counted) => {
    const { connection } = counted;
    const family = connection === undefined ? HTTP_FAMILY : TCP_FAMILY;
    const values =
      connection === undefined ? requestValues(entry.facts, counted) : connectionValues(connection);
    if (values === undefined) return undefined;
    const isFinished = counted.request === "finished";
    return {
      kind: "measurement",
      observedAtMs: counted.observedAtMs,
      trace: isFinished ? traceIdsOf((name) => entry.facts.requestHeader(name)) : undefined,
      family,
      labels: labels.of(family, entry, outcomeOf(entry.facts, counted)),
      values,
    };
  };
}

/** In the order of the family's metrics. */
const connectionValues = ({ opened, closed, sentBytes, receivedBytes }: CountedConnection) => [
  opened ? 1 : undefined,
  closed ? 1 : undefined,
  sentBytes,
  receivedBytes,
];

/** In the order of the family's metrics. Only the end of a request counts it; its messages count as they come. */
function requestValues(
  facts: EntryFacts,
  { request, messages }: Counted,
): readonly (number | undefined)[] | undefined {
  if (request !== "finished") {
    if (messages === undefined) return undefined;
    return [undefined, undefined, undefined, undefined, messages.request, messages.response];
  }
  const { durationMs, downstreamBytes } = facts;
  // Envoys that do not count bytes say 0 of both.
  const isMetered = downstreamBytes.received + downstreamBytes.sent > 0;
  return [
    1,
    // Istio's proxies count whole milliseconds.
    durationMs === undefined ? undefined : Math.floor(durationMs),
    isMetered ? downstreamBytes.received : undefined,
    isMetered ? downstreamBytes.sent : undefined,
    messages?.request,
    messages?.response,
  ];
}

function outcomeOf(facts: EntryFacts, { connection, request }: Counted): Outcome {
  const { responseFlags } = facts;
  const flags = responseFlags.length === 0 ? "" : flagCodes(responseFlags).join();
  if (connection !== undefined) return { protocol: "tcp", code: "", grpcStatus: "", flags };
  const isCall = isGrpc(facts);
  return {
    protocol: isCall ? "grpc" : "http",
    code: String(facts.responseCode ?? 0),
    // A call that goes on has none yet.
    grpcStatus: isCall && request === "finished" ? (grpcStatus(facts) ?? "") : "",
    flags,
  };
}

/** What is the same for all entries of an origin; equal for proxies beside the same workload. */
interface Own {
  readonly workload: Workload;
  readonly reporter: Reporter | undefined;
  /** Stands for all of it. */
  readonly key: string;
}

class IstioLabels {
  readonly #sets = new LabelSets();
  readonly #own = new WeakMap<OriginFacts, Own>();

  of(family: MetricFamily, entry: EntryAttributes, outcome: Outcome): readonly string[] {
    const { facts } = entry;
    const own = this.#ownOf(facts.origin);
    const reporter = own.reporter ?? reporterOfEntry(entry);
    const isCaller = reporter === "source" || reporter === "gateway";
    const downstream = isCaller ? "" : rawPeer(facts, "downstream_peer");
    const upstream = reporter === "destination" ? "" : rawPeer(facts, "upstream_peer");
    const endpoint = isCaller && upstream === "" ? tagOf(facts, "dst.wl") : "";
    const principals = isCaller ? upstreamPrincipals(facts) : downstreamPrincipals(facts);
    const call = callOf(entry, reporter);
    // What differs most comes last, so that most look-ups are where they just were.
    const parts = [
      own.key,
      reporter,
      outcome.protocol,
      outcome.grpcStatus,
      outcome.flags,
      outcome.code,
      call.route,
      call.cluster,
      call.services,
      call.host,
      upstream,
      endpoint,
      isCaller ? principals.upstream : principals.called,
      isCaller ? principals.towardsUpstream : principals.caller,
      downstream,
    ];
    return this.#sets.of(parts, () =>
      labelsOf(family, {
        reporter,
        own: own.workload,
        downstream: downstream === "" ? undefined : readPeer(stateOf(facts, "downstream_peer")),
        upstream: upstream === "" ? readEndpoint(endpoint) : readPeer(stateOf(facts, "upstream_peer")),
        principals,
        call,
        outcome,
      }),
    );
  }

  #ownOf(origin: OriginFacts): Own {
    const known = this.#own.get(origin);
    if (known !== undefined) return known;
    const workload = readNode(origin);
    const reporter = reporterOfOrigin(origin);
    const own = { workload, reporter, key: JSON.stringify(workload) };
    this.#own.set(origin, own);
    return own;
  }
}

/** What the metadata of a peer says, as it came; empty where there is none. */
function rawPeer(facts: EntryFacts, name: "downstream_peer" | "upstream_peer"): string {
  if (facts.origin.via === "als") return facts.rawFilterState(name) ?? "";
  const peer = readPeer(facts.filterState().get(name));
  return peer === undefined ? "" : JSON.stringify(peer);
}

/** A custom tag; what Envoy's formats yield where there is nothing is nothing. */
function tagOf(facts: EntryFacts, name: string): string {
  const tag = facts.customTag(name) ?? "";
  return tag === "-" ? "" : tag;
}

/** Where another proxy has ended the TLS, it hands on who was at the other end in the filter state. */
function downstreamPrincipals(facts: EntryFacts): Principals {
  const caller = facts.principal("source");
  const called = facts.principal("destination");
  if (caller !== "" || called !== "") return { ...NO_PRINCIPALS, caller, called };
  return {
    ...NO_PRINCIPALS,
    caller: stateText(facts, "io.istio.peer_principal"),
    called: stateText(facts, "io.istio.local_principal"),
  };
}

const NO_PRINCIPALS: Principals = { caller: "", called: "", upstream: "", towardsUpstream: "" };

/** Entries say nothing of the TLS to the upstream: custom tags do (`%UPSTREAM_PEER_URI_SAN%`, `%UPSTREAM_LOCAL_URI_SAN%`). */
const upstreamPrincipals = (facts: EntryFacts): Principals => ({
  ...NO_PRINCIPALS,
  upstream: onlyUri(tagOf(facts, "up.san")),
  towardsUpstream: onlyUri(tagOf(facts, "up.lsan")),
});

/** Two are no identity; Envoy writes them apart by commas. */
const onlyUri = (uris: string): string => (uris.includes(",") ? "" : uris);

function stateText(facts: EntryFacts, name: string): string {
  const state = stateOf(facts, name);
  return typeof state === "string" ? state : "";
}

/** Hosts count only where the workload beside the proxy names them: to a gateway or a called workload any caller can name one. */
function callOf(entry: EntryAttributes, reporter: Reporter): CallEvidence {
  const { facts } = entry;
  const told = { route: facts.routeName, cluster: clusterOf(facts), services: tagOf(facts, "dst.svc") };
  const isHost = reporter === "source" && facts.request !== undefined && isHostNeeded(told);
  return { ...told, host: isHost ? (entry.request.host ?? "") : "" };
}
