import { loggingRemarks, logName, otlpFormats, type Transport } from "./loggers.ts";
import type { Protocol } from "./needs.ts";
import { loggedNames, type ReportingNeeds } from "./reporting.ts";
import { serviceOf, type Order } from "./target.ts";
import { said, type Value, type Written } from "./write.ts";

/**
 * What makes an Envoy Gateway log to weir: the telemetry of an EnvoyProxy (gateway.envoyproxy.io/v1alpha1), which the GatewayClass or the
 * Gateway names in `parametersRef`. None where no rule wants entries.
 */
export function gatewayLogs({ needs: { reporting }, at, transport }: Order): readonly Written[] {
  if (reporting === undefined || at.kind !== "tcp") return [];
  const backend = { backendRefs: [{ ...serviceOf(at.host), port: at.port }] };
  const protocols = PROTOCOLS.filter((protocol) => reporting.protocols.has(protocol));
  // One for all: settings of their own would each log everything.
  const settings = [{ type: "Route", ...SETTINGS[transport](reporting, protocols, backend) }];
  return [
    {
      about: [
        "Name it in `parametersRef` of the GatewayClass, or under infrastructure of the Gateway.",
        ...(transport === "als" ? missing(reporting) : []),
        ...loggingRemarks(reporting),
      ],
      content: {
        apiVersion: "gateway.envoyproxy.io/v1alpha1",
        kind: "EnvoyProxy",
        metadata: {
          name: "weir",
          namespace: said("envoy-gateway-system", "the GatewayClass's, or the Gateway's"),
        },
        spec: { telemetry: { accessLog: { settings } } },
      },
    },
  ];
}

type Fields = { readonly [key: string]: Value | undefined };

const PROTOCOLS: readonly Protocol[] = ["http", "tcp"];

type Settings = (needs: ReportingNeeds, protocols: readonly Protocol[], backend: Fields) => Fields;

const SETTINGS: Readonly<Record<Transport, Settings>> = {
  als: (needs, protocols, backend) => ({
    sinks: protocols.map((protocol) => ({
      type: "ALS",
      als: {
        ...backend,
        logName: logName("out"),
        type: protocol === "http" ? "HTTP" : "TCP",
        http: protocol === "http" ? headersOf(needs) : undefined,
      },
    })),
  }),
  otlp: (needs, protocols, backend) => ({
    format: {
      type: "JSON",
      json: Object.fromEntries(protocols.flatMap((protocol) => otlpFormats(needs, protocol))),
    },
    sinks: [
      { type: "OpenTelemetry", openTelemetry: { ...backend, resources: { log_name: logName("out") } } },
    ],
  }),
};

const headersOf = (needs: ReportingNeeds): Fields => ({
  requestHeaders: loggedNames(needs, "requestHeader"),
  responseHeaders: loggedNames(needs, "responseHeader"),
  responseTrailers: loggedNames(needs, "responseTrailer"),
});

/** An ALS sink has no field for these. */
function missing(needs: ReportingNeeds): readonly string[] {
  const lost = [
    ...loggedNames(needs, "customTag").map((name) => `custom_tags.${name}`),
    ...loggedNames(needs, "filterState").map((name) => `filter_state.${name}`),
  ];
  return [
    "An ALS sink has no field for the size of buffers: Envoy's 16 KiB hold some 16 entries.",
    ...(lost.length === 0
      ? []
      : [
          `It cannot send ${lost.join(", ")}, and what reads them`,
          "has no value: print with --otlp, which sends all of it.",
        ]),
  ];
}
