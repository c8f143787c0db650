import { finding, type Finding } from "./findings.ts";
import type { Need, Needs } from "./needs.ts";
import { isGateway, type Service, type Target } from "./target.ts";

/** What configuration is asked for. */
interface Wanted {
  readonly needs: Needs;
  readonly target: Target;
  readonly service: Service;
}

/**
 * What policies read and a target cannot send, each at the rule that reads it: there the rule would refuse every request, or hold for
 * the wrong ones.
 */
export function refusalsOf({ needs, target, service }: Wanted): readonly Finding[] {
  const found: Finding[] = [];
  for (const need of needs.all) {
    const reason = whyNot(need, needs, target, service);
    if (reason !== undefined)
      found.push(
        finding(
          "cannot-be-sent",
          need.place,
          `${subject(need)} reads ${need.reader}, and ${reason.cause}`,
          reason.hint,
        ),
      );
  }
  return [...found, ...protocolRefusals(needs, target, service)];
}

const subject = ({ policy, rule }: Need): string => (rule === undefined ? policy : `${policy}/${rule}`);

interface Reason {
  readonly cause: string;
  readonly hint: string;
}

const JWT_AUTHN = "envoy.filters.http.jwt_authn";

function whyNot(need: Need, needs: Needs, target: Target, service: Service): Reason | undefined {
  switch (need.part) {
    case "metadata":
      return metadataReason(need, target);
    case "contextExtensions":
      return routesReason(needs, target);
    case "proxyName":
      return needs.settings.listen[service]?.tls?.clientCa === undefined
        ? {
            cause: "weir's listener asks Envoys for no certificate, so none has a name",
            hint: "add tls with clientCa to the listener in weir.yaml",
          }
        : undefined;
    case "body":
    case "rawHeaders":
    case "certificate":
    case "tlsSession":
      return undefined;
  }
}

/** Istio calls the routes of a sidecar's own traffic `default`, all of them (envoy_filter.proto, RouteMatch). */
function routesReason(needs: Needs, target: Target): Reason | undefined {
  const hint = "match hosts and paths, or destinations, instead of routes";
  if (target === "envoy-gateway")
    return { cause: "Envoy Gateway makes the routes, and gives them no name that policies know", hint };
  return target === "istio" && !isGateway(needs)
    ? { cause: "the routes of Istio's sidecars have no names of their own", hint }
    : undefined;
}

/** In both meshes the check comes before tokens are looked at: listener_builder.go of Istio, httpfilters.go of Envoy Gateway. */
function metadataReason({ namespace }: Need, target: Target): Reason | undefined {
  if (namespace === undefined)
    return {
      cause: "the namespace is not a constant, so Envoy cannot be told which to send",
      hint: 'write the name: metadata["envoy.filters.http.jwt_authn"]',
    };
  if (target === "envoy-gateway")
    return {
      cause: "Envoy Gateway's own filters stand behind the check",
      hint: "let weir verify the token itself, with a `jwt:` identity",
    };
  if (target === "istio" && namespace === JWT_AUTHN)
    return {
      cause: "Istio puts jwt_authn behind the check, so its claims are not there yet",
      hint: "let weir verify the token itself, with a `jwt:` identity",
    };
  return undefined;
}

/** What a target has no place for at all. */
function protocolRefusals(needs: Needs, target: Target, service: Service): readonly Finding[] {
  if (!needs.protocols.has("tcp")) return [];
  const tcp = needs.tcpPolicies;
  const reason: Reason | undefined =
    target === "envoy-gateway"
      ? {
          cause: "a SecurityPolicy checks HTTP alone",
          hint: "put TCP behind an Envoy of your own, with --for envoy",
        }
      : service === "http"
        ? { cause: "Envoy's HTTP service checks no connections", hint: "leave --http out" }
        : undefined;
  if (reason === undefined) return [];
  return tcp.map(({ policy, place }) =>
    finding("cannot-be-sent", place, `${policy} matches TCP connections, and ${reason.cause}`, reason.hint),
  );
}
