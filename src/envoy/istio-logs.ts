import { logger, logName, otlpFormats, type Direction, type Transport } from "./loggers.ts";
import type { Protocol } from "./needs.ts";
import { loggedNames, type ReportingNeeds } from "./reporting.ts";
import { isGateway, type Order } from "./target.ts";
import { said, type Value } from "./write.ts";

/** Providers in MeshConfig that send entries to weir, one for each protocol and direction. */
export interface LogProvider {
  readonly name: string;
  readonly mode: "CLIENT" | "SERVER";
  readonly content: Value;
}

/**
 * Whether Istio's own providers (istio.mesh.v1alpha1, envoyHttpAls, envoyTcpAls, envoyOtelAls) can say all that rules need: those of
 * Envoy's stream know no custom tags, of which metrics are made. OpenTelemetry's know every format.
 */
const isBeyondProviders = (needs: ReportingNeeds, transport: Transport): boolean =>
  transport === "als" && loggedNames(needs, "customTag").length > 0;

const DIRECTIONS: Readonly<Record<Direction, LogProvider["mode"]>> = { in: "SERVER", out: "CLIENT" };

const directionsOf = (order: Order): readonly Direction[] =>
  isGateway(order.needs) ? ["out"] : ["in", "out"];

const reportingOf = ({ needs: { reporting }, service }: Order): ReportingNeeds | undefined =>
  service === "grpc" ? reporting : undefined;

/** The providers; none where an EnvoyFilter has to say more, or nothing is logged. */
export function logProviders(order: Order): readonly LogProvider[] {
  const { transport } = order;
  const needs = reportingOf(order);
  if (needs === undefined || isBeyondProviders(needs, transport)) return [];
  return directionsOf(order).flatMap((direction) =>
    protocolsOf(needs).map((protocol) => {
      const name = protocol === "http" ? logName(direction) : `${logName(direction)}-tcp`;
      const common = { ...serviceOf(order), logName: logName(direction) };
      const content = { name, ...providerOf(needs, { protocol, transport, common }) };
      return { name, mode: DIRECTIONS[direction], content };
    }),
  );
}

interface Provider {
  readonly protocol: Protocol;
  readonly transport: Transport;
  readonly common: { readonly [key: string]: Value };
}

function providerOf(
  needs: ReportingNeeds,
  { protocol, transport, common }: Provider,
): { readonly [key: string]: Value } {
  if (transport === "otlp") {
    const labels = Object.fromEntries(otlpFormats(needs, protocol));
    return { envoyOtelAls: { ...common, logFormat: { labels } } };
  }
  const filterStateObjectsToLog = loggedNames(needs, "filterState");
  if (protocol === "tcp") return { envoyTcpAls: { ...common, filterStateObjectsToLog } };
  return {
    envoyHttpAls: {
      ...common,
      filterStateObjectsToLog,
      additionalRequestHeadersToLog: loggedNames(needs, "requestHeader"),
      additionalResponseHeadersToLog: loggedNames(needs, "responseHeader"),
      additionalResponseTrailersToLog: loggedNames(needs, "responseTrailer"),
    },
  };
}

const serviceOf = ({ at }: Order): { readonly [key: string]: Value } =>
  at.kind === "tcp" ? { service: at.host, port: at.port } : { service: at.path };

const protocolsOf = ({ protocols }: ReportingNeeds): readonly Protocol[] =>
  (["http", "tcp"] as const).filter((protocol) => protocols.has(protocol));

/** The object that says which workloads use the providers (telemetry.istio.io/v1). */
export const telemetry = (providers: readonly LogProvider[], metadata: Value): Value => ({
  apiVersion: "telemetry.istio.io/v1",
  kind: "Telemetry",
  metadata,
  spec: {
    accessLogging: providers.map(({ name, mode }) => ({ match: { mode }, providers: [{ name }] })),
  },
});

/**
 * Patches that add whole loggers where the providers cannot say enough. The lists of a message are merged by appending
 * (networking.istio.io/v1alpha3, EnvoyFilter), so those that are there stay.
 */
export function logPatches(order: Order): readonly Value[] {
  const { transport, at } = order;
  const needs = reportingOf(order);
  if (needs === undefined || !isBeyondProviders(needs, transport)) return [];
  const cluster = at.kind === "tcp" ? `outbound|${at.port}||${at.host}` : at.path;
  return directionsOf(order).flatMap((direction) =>
    protocolsOf(needs).map((protocol) =>
      said(
        {
          applyTo: "NETWORK_FILTER",
          match: {
            context: isGateway(order.needs) ? "GATEWAY" : CONTEXTS[direction],
            listener: { filterChain: { filter: { name: FILTERS[protocol].name } } },
          },
          patch: {
            operation: "MERGE",
            value: {
              name: FILTERS[protocol].name,
              typed_config: {
                "@type": `type.googleapis.com/${FILTERS[protocol].message}`,
                access_log: [logger({ needs, protocol, transport, cluster, direction })],
              },
            },
          },
        },
        "The entries that telemetry rules are about; Istio's own providers have no custom tags.",
      ),
    ),
  );
}

const CONTEXTS: Readonly<Record<Direction, string>> = { in: "SIDECAR_INBOUND", out: "SIDECAR_OUTBOUND" };

const FILTERS = {
  http: {
    name: "envoy.filters.network.http_connection_manager",
    message: "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
  },
  tcp: {
    name: "envoy.filters.network.tcp_proxy",
    message: "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
  },
} as const;
