import {
  CHECK_FILTER,
  CHECK_MESSAGE,
  guardFilter,
  routeConfig,
  sentParts,
  TCP_FILTER,
  TCP_MESSAGE,
  typed,
} from "./filters.ts";
import { hasChecks, partsOf, type Needs } from "./needs.ts";
import { remarks } from "./plain.ts";
import { logPatches, logProviders, telemetry } from "./istio-logs.ts";
import { rateLimitFilters } from "./rate-limits.ts";
import { BODY_BYTES, isGateway, seconds, timeoutMs, type Order } from "./target.ts";
import { said, type Value, type Written } from "./write.ts";

/** The name of the provider in MeshConfig, and of what refers to it. */
const NAME = "weir";

/**
 * Istio's objects: the provider in MeshConfig (istio.mesh.v1alpha1), the AuthorizationPolicy that sends requests there
 * (security.istio.io/v1), and an EnvoyFilter (networking.istio.io/v1alpha3) for what the provider has no field for.
 */
export function istio(order: Order): readonly Written[] {
  const { needs } = order;
  const patches = [...patchesOf(needs), ...limitPatches(order), ...logPatches(order)];
  const providers = logProviders(order);
  const notes = remarks(order);
  return [
    ...(hasChecks(needs)
      ? [
          {
            about: ["Into MeshConfig: the `istio` ConfigMap, or meshConfig of Helm's values.", ...notes],
            content: { meshConfig: { extensionProviders: [provider(order)] } },
          },
          { about: ["Which workloads ask weir; an empty rule means every request."], content: policy(needs) },
        ]
      : []),
    ...(providers.length === 0
      ? []
      : [
          {
            about: [
              "Into MeshConfig, beside what is there. These providers have no field for the size of buffers: Envoy's",
              "16 KiB hold some 16 entries, and what comes while weir is away or slow beyond that is lost.",
              ...(hasChecks(needs) ? [] : notes),
            ],
            content: { meshConfig: { extensionProviders: providers.map(({ content }) => content) } },
          },
          { about: ["Which workloads log to weir."], content: telemetry(providers, metadata(needs)) },
        ]),
    ...(needs.settings.listen.grpc.tls === undefined
      ? []
      : [
          {
            about: ["TLS towards weir; the files are in the Envoys' pods."],
            content: destinationRule(order),
          },
        ]),
    ...(patches.length === 0
      ? []
      : [
          {
            about: ["What the provider has no field for.", ...(hasChecks(needs) ? [] : notes)],
            content: envoyFilter(needs, patches),
          },
        ]),
  ];
}

function provider({ needs, at }: Order): Value {
  const body = {
    maxRequestBytes: said(BODY_BYTES, "the longest body that you expect; Envoy answers 413 to longer ones"),
    allowPartialMessage: said(false, "a cut body is UNKNOWN to policies, and refused"),
    packAsBytes: true,
  };
  return {
    name: NAME,
    envoyExtAuthzGrpc: {
      service: at.kind === "tcp" ? at.host : at.path,
      port: at.kind === "tcp" ? at.port : undefined,
      timeout: said(
        seconds(timeoutMs(needs)),
        `longer than weir's checkTimeout of ${needs.settings.checkTimeoutMs}ms; Istio's default is 600s`,
      ),
      failOpen: said(false, "without weir, nothing passes"),
      statusOnError: "503",
      includeRequestBodyInCheck: partsOf(needs, "http").has("body") ? body : undefined,
    },
  };
}

/** Where the objects stand, and so whom they are for. */
const metadata = (needs: Needs): Value => ({
  name: NAME,
  namespace: isGateway(needs)
    ? said("istio-ingress", "the gateway's")
    : said("orders", "of the workloads, one object for each namespace"),
});

const GATEWAY_LABELS = { istio: said("ingress", "the gateway's labels") };

const policy = (needs: Needs): Value => ({
  apiVersion: "security.istio.io/v1",
  kind: "AuthorizationPolicy",
  metadata: metadata(needs),
  spec: {
    selector: isGateway(needs) ? { matchLabels: GATEWAY_LABELS } : undefined,
    action: "CUSTOM",
    provider: { name: NAME },
    rules: [{}],
  },
});

/** The authority of weir's certificate, and the Envoys' own where weir asks for one. */
function destinationRule({ needs, at }: Order): Value {
  const host = at.kind === "tcp" ? at.host : at.path;
  const isMutual = needs.settings.listen.grpc.tls?.clientCa !== undefined;
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "DestinationRule",
    metadata: metadata(needs),
    spec: {
      host,
      trafficPolicy: {
        tls: {
          mode: isMutual ? "MUTUAL" : "SIMPLE",
          clientCertificate: isMutual ? "/etc/weir-tls/tls.crt" : undefined,
          privateKey: isMutual ? "/etc/weir-tls/tls.key" : undefined,
          caCertificates: "/etc/weir-tls/weir-ca.crt",
          subjectAltNames: [host],
          sni: host,
        },
      },
    },
  };
}

const envoyFilter = (needs: Needs, configPatches: readonly Value[]): Value => ({
  apiVersion: "networking.istio.io/v1alpha3",
  kind: "EnvoyFilter",
  metadata: metadata(needs),
  spec: {
    workloadSelector: isGateway(needs) ? { labels: GATEWAY_LABELS } : undefined,
    configPatches,
  },
});

const contextOf = (needs: Needs): string => (isGateway(needs) ? "GATEWAY" : "SIDECAR_INBOUND");

const atFilter = (needs: Needs, name: string, operation: string, value: Value) => ({
  applyTo: "HTTP_FILTER",
  match: {
    context: contextOf(needs),
    listener: {
      filterChain: {
        filter: { name: "envoy.filters.network.http_connection_manager", subFilter: { name } },
      },
    },
  },
  patch: { operation, value },
});

/** In front of the router, behind the check, over the cluster that Istio makes of weir's Service and that the provider asks, too. */
const limitPatches = ({ needs, at }: Order): readonly Value[] =>
  rateLimitFilters(needs, at.kind === "tcp" ? `outbound|${at.port}||${at.host}` : at.path).map((filter) =>
    atFilter(needs, "envoy.filters.http.router", "INSERT_BEFORE", filter),
  );

function patchesOf(needs: Needs): readonly Value[] {
  const context = contextOf(needs);
  const atCheck = (operation: string, value: Value) => atFilter(needs, CHECK_FILTER, operation, value);
  const guard = guardFilter(needs);
  const parts = sentParts(needs, "http");
  const tcp = sentParts(needs, "tcp");
  return [
    ...(guard === undefined
      ? []
      : [said(atCheck("INSERT_BEFORE", guard), "Headers that policies own: a client's copy never passes.")]),
    ...(isEmpty(parts)
      ? []
      : [atCheck("MERGE", { name: CHECK_FILTER, typed_config: typed(CHECK_MESSAGE, parts) })]),
    ...(isEmpty(tcp)
      ? []
      : [
          {
            applyTo: "NETWORK_FILTER",
            match: { context, listener: { filterChain: { filter: { name: TCP_FILTER } } } },
            patch: {
              operation: "MERGE",
              value: { name: TCP_FILTER, typed_config: typed(TCP_MESSAGE, tcp) },
            },
          },
        ]),
    ...needs.routes.map((name) => ({
      applyTo: "HTTP_ROUTE",
      match: {
        context,
        routeConfiguration: {
          vhost: { route: { name: said(name, "the name of the HTTP route in its VirtualService") } },
        },
      },
      patch: { operation: "MERGE", value: routeConfig(name) },
    })),
  ];
}

const isEmpty = (fields: Readonly<Record<string, Value | undefined>>): boolean =>
  Object.values(fields).every((value) => value === undefined);
