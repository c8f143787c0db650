import type { MetricFamily } from "../adapter/report.ts";
import { detached } from "../std/remember.ts";
import { calledService, type CallEvidence } from "./called-service.ts";
import type { IstioLabel } from "./istio-family.ts";
import type { Reporter } from "./reporter.ts";
import { namespaceIn, NO_WORKLOAD, serviceAccountIn, type Workload } from "./workload.ts";

/** What the labels of one entry are made of. Texts are empty where they are not known. */
export interface Evidence {
  readonly reporter: Reporter;
  /** The workload of the proxy that logs. */
  readonly own: Workload;
  readonly downstream: Workload | undefined;
  readonly upstream: Workload | undefined;
  readonly principals: Principals;
  readonly call: CallEvidence;
  readonly outcome: Outcome;
}

/** The identities that certificates prove: of the caller and of the proxy towards it, of the upstream and of the proxy towards that. */
export interface Principals {
  readonly caller: string;
  readonly called: string;
  readonly upstream: string;
  readonly towardsUpstream: string;
}

export interface Outcome {
  readonly protocol: "http" | "grpc" | "tcp";
  readonly code: string;
  /** Digits; empty where it is no gRPC call. */
  readonly grpcStatus: string;
  /** Short codes. */
  readonly flags: string;
}

const UNKNOWN = "unknown";
const LATEST = "latest";
/** Longer values are cut: whoever makes them up pays with what they mean, not we with memory. */
const MAX_LENGTH = 256;

type End = "source" | "destination";
type Labels = Partial<Record<IstioLabel, string>>;

/** The values of a family's labels, in its order, by the rules and fallbacks of Istio's own metrics. */
export function labelsOf({ labels }: MetricFamily, evidence: Evidence): readonly string[] {
  const found: Labels = {
    ...endsOf(evidence),
    request_protocol: evidence.outcome.protocol,
    response_code: evidence.outcome.code,
    response_flags: evidence.outcome.flags || "-",
    connection_security_policy: securityOf(evidence),
  };
  return labels.map((label) => {
    // The only one that is empty where there is nothing to say.
    if (label === "grpc_response_status") return evidence.outcome.grpcStatus;
    const value = found[label as IstioLabel] ?? "";
    return value === "" ? UNKNOWN : detached(value.slice(0, MAX_LENGTH));
  });
}

function endsOf(evidence: Evidence): Labels {
  const { reporter, own, downstream, upstream = NO_WORKLOAD, principals } = evidence;
  const service = calledService(evidence.call);
  switch (reporter) {
    case "destination":
      return {
        reporter: "destination",
        ...workloadLabels("source", inNamespaceOf(downstream, principals.caller), principals.caller),
        ...workloadLabels("destination", own, principals.called),
        destination_service: service.host || own.service,
        destination_service_name: service.name || own.service,
        destination_service_namespace: own.namespace,
      };
    case "waypoint":
      return {
        reporter: "waypoint",
        ...workloadLabels("source", inNamespaceOf(downstream, principals.caller), principals.caller),
        ...workloadLabels("destination", upstream, upstream.identity),
        destination_canonical_revision: upstream.revision || UNKNOWN,
        destination_service: service.host,
        destination_service_name: service.name,
        destination_service_namespace: service.namespace,
      };
    case "source":
    case "gateway": {
      const principal = principals.upstream || upstream.identity;
      const called = inNamespaceOf(upstream, principal);
      return {
        reporter: "source",
        ...workloadLabels("source", own, principals.towardsUpstream),
        ...workloadLabels("destination", called, principal),
        destination_service: service.host,
        destination_service_name: service.name,
        destination_service_namespace: service.namespace || called.namespace,
      };
    }
  }
}

/**
 * What a certificate says of the namespace counts before what metadata says. Where no metadata came, as between proxies that are not of
 * Istio, the service account stands for the workload, whose name it mostly is; Istio would say `unknown`, and Kiali would leave it out.
 */
const inNamespaceOf = (peer: Workload = NO_WORKLOAD, principal: string): Workload => {
  const account = serviceAccountIn(principal);
  return {
    ...peer,
    namespace: namespaceIn(principal) || peer.namespace,
    workload: peer.workload || account,
    service: peer.service || account,
  };
};

const workloadLabels = (end: End, one: Workload, principal: string): Labels => ({
  [`${end}_workload`]: one.workload,
  [`${end}_canonical_service`]: one.service,
  [`${end}_canonical_revision`]: one.revision || LATEST,
  [`${end}_workload_namespace`]: one.namespace,
  [`${end}_principal`]: principal,
  [`${end}_app`]: one.app,
  [`${end}_version`]: one.version,
  [`${end}_cluster`]: one.cluster,
});

/** Only the called side can tell. */
function securityOf({ reporter, principals }: Evidence): string {
  if (reporter === "source" || reporter === "gateway") return UNKNOWN;
  return principals.caller !== "" && principals.called !== "" ? "mutual_tls" : "none";
}
