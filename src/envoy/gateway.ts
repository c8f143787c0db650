import { checkFilter, CLUSTER, cluster, guardFilter } from "./filters.ts";
import { hasChecks, partsOf, type Needs } from "./needs.ts";
import { gatewayLogs } from "./gateway-logs.ts";
import { remarks } from "./plain.ts";
import { rateLimitFilters } from "./rate-limits.ts";
import { serviceOf, timeoutMs, type Order } from "./target.ts";
import { said, type Value, type Written } from "./write.ts";

/** Names that the cluster's own objects have. */
const GATEWAY = "eg";
const LISTENER = "https";

/**
 * Objects of Envoy Gateway (gateway.envoyproxy.io/v1alpha1): a SecurityPolicy where it has a field for all that is needed,
 * otherwise an EnvoyPatchPolicy that adds the filters and the cluster as Envoy itself reads them.
 */
export function envoyGateway(order: Order): readonly Written[] {
  return [...checkObjects(order), ...gatewayLogs(order)];
}

function checkObjects(order: Order): readonly Written[] {
  const { needs } = order;
  if (!hasChecks(needs) && needs.domains.length + needs.lateCosts.length === 0) return [];
  if (isBeyondSecurityPolicy(needs)) return patched(order);
  return needs.guarded.length === 0
    ? [securityPolicy(order)]
    : [securityPolicy(order), clientTrafficPolicy(needs)];
}

/**
 * Parts that a SecurityPolicy has no field for. It sends bodies as text, which replaces what is not UTF-8. The global rate limits of a
 * BackendTrafficPolicy ask the service that Envoy Gateway runs itself, and no other.
 */
const isBeyondSecurityPolicy = (needs: Needs): boolean => {
  const parts = partsOf(needs, "http");
  return (
    parts.has("rawHeaders") ||
    parts.has("certificate") ||
    parts.has("tlsSession") ||
    parts.has("body") ||
    needs.guarded.length > MAX_REMOVED ||
    needs.settings.listen.grpc.tls !== undefined ||
    needs.domains.length + needs.lateCosts.length > 0
  );
};

/** Of `remove` in the Gateway API's header filter. */
const MAX_REMOVED = 16;

const targetRef = {
  group: "gateway.networking.k8s.io",
  kind: "Gateway",
  name: said(GATEWAY, "your Gateway"),
};

const metadata = { name: "weir", namespace: said("default", "the Gateway's") };

function securityPolicy(order: Order): Written {
  const { needs, at } = order;
  const service = at.kind === "tcp" ? serviceOf(at.host) : undefined;
  return {
    about: [
      "A ReferenceGrant in weir's namespace lets the policy name the Service from another one.",
      ...remarks(order),
    ],
    content: {
      apiVersion: "gateway.envoyproxy.io/v1alpha1",
      kind: "SecurityPolicy",
      metadata,
      spec: {
        targetRefs: [targetRef],
        extAuth: {
          grpc: {
            backendRefs: [{ ...service, port: at.kind === "tcp" ? at.port : undefined }],
          },
          timeout: said(
            `${timeoutMs(needs)}ms`,
            `longer than weir's checkTimeout of ${needs.settings.checkTimeoutMs}ms; the default is 10s`,
          ),
          failOpen: said(false, "without weir, nothing passes"),
        },
      },
    },
  };
}

/** What comes before all filters. Envoy Gateway refuses headers with an underscore itself, unless it is told otherwise. */
const clientTrafficPolicy = ({ guarded }: Needs): Written => ({
  about: ["Headers that policies own: a client's copy never passes, not even where weir is away."],
  content: {
    apiVersion: "gateway.envoyproxy.io/v1alpha1",
    kind: "ClientTrafficPolicy",
    metadata,
    spec: {
      targetRefs: [targetRef],
      headers: {
        earlyRequestHeaders: { remove: guarded },
        withUnderscoresAction: said("RejectRequest", "or x_user would pass for x-user"),
      },
    },
  },
});

/** JSON patches (RFC 6902) of the xDS resources; the first added filter ends behind those that are added after it. */
function patched(order: Order): readonly Written[] {
  const { needs } = order;
  const guard = guardFilter(needs);
  const filters = [
    ...rateLimitFilters(needs, CLUSTER).toReversed(),
    ...(hasChecks(needs) ? [checkFilter(order)] : []),
    ...(guard === undefined ? [] : [guard]),
  ];
  return [
    {
      about: [
        "Needs extensionApis.enableEnvoyPatchPolicy: true in the EnvoyGateway configuration.",
        "`egctl config envoy-proxy listener -A` shows the listeners' names. A listener without TLS has",
        "/default_filter_chain in place of /filter_chains/0.",
        ...remarks(order),
      ],
      content: {
        apiVersion: "gateway.envoyproxy.io/v1alpha1",
        kind: "EnvoyPatchPolicy",
        metadata,
        spec: {
          targetRef,
          type: "JSONPatch",
          jsonPatches: [
            patch("envoy.config.cluster.v3.Cluster", "weir", "", cluster(order)),
            ...filters.map((filter) =>
              patch("envoy.config.listener.v3.Listener", LISTENER_NAME, FIRST_FILTER, filter),
            ),
          ],
        },
      },
    },
  ];
}

const LISTENER_NAME = said(`default/${GATEWAY}/${LISTENER}`, "<namespace>/<Gateway>/<listener>");
const FIRST_FILTER = "/filter_chains/0/filters/0/typed_config/http_filters/0";

const patch = (message: string, name: Value, path: string, value: Value): Value => ({
  type: `type.googleapis.com/${message}`,
  name,
  operation: { op: "add", path, value },
});
