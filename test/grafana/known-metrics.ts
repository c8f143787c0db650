import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { RECORDINGS } from "../../grafana/src/objectives.ts";
import { CATALOGUE } from "../../src/telemetry/catalogue.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import { until } from "../support/until.ts";
import { ADAPTER_METRICS } from "./adapter-metrics.ts";

export type Kind = "counter" | "gauge";

/** What series may be called, with the labels that they have. The parts of a histogram are counters. */
export type Known = ReadonlyMap<string, { readonly kind: Kind; readonly labels: ReadonlySet<string> }>;

/** The labels of Istio's standard metrics; those of TCP lack the response. */
const ISTIO_TCP = [
  ...["reporter", "source_workload", "source_canonical_service", "source_canonical_revision"],
  ...["source_workload_namespace", "source_principal", "source_app", "source_version", "source_cluster"],
  ...["destination_workload", "destination_workload_namespace", "destination_principal", "destination_app"],
  ...["destination_version", "destination_service", "destination_canonical_service"],
  ...["destination_canonical_revision", "destination_service_name", "destination_service_namespace"],
  ...["destination_cluster", "request_protocol", "response_flags", "connection_security_policy"],
];
const ISTIO_HTTP = [...ISTIO_TCP, "response_code", "grpc_response_status"];

const ISTIO: readonly (readonly [string, readonly string[]])[] = [
  ...["requests_total", "request_messages_total", "response_messages_total"].map(
    (name) => [name, ISTIO_HTTP] as const,
  ),
  ...["request_duration_milliseconds", "request_bytes", "response_bytes"].flatMap((name) =>
    ["_bucket", "_sum", "_count"].map((part) => [name + part, [...ISTIO_HTTP, "le"]] as const),
  ),
  ...["connections_opened", "connections_closed", "sent_bytes", "received_bytes"].map(
    (name) => [`tcp_${name}_total`, ISTIO_TCP] as const,
  ),
];

/** What Envoy's gRPC access logger counts. */
const ENVOY = ["logs_written", "logs_dropped", "grpc_entries_flushed", "grpc_entries_flush_failed"];

/** Everything that dashboards and rules may name. */
export async function knownMetrics(): Promise<Known> {
  const own = [...Object.values(CATALOGUE), ...ADAPTER_METRICS].flatMap(({ name, kind, labels }) =>
    kind === "histogram"
      ? ["_bucket", "_sum", "_count"].map((part) => [name + part, "counter", [...labels, "le"]] as const)
      : [[name, kind, labels] as const],
  );
  const rows: readonly (readonly [string, Kind, readonly string[]])[] = [
    ...own,
    ...(await processMetrics()),
    ...["weir_mesh_", "istio_"].flatMap((prefix) =>
      ISTIO.map(([name, labels]) => [prefix + name, "counter", labels] as const),
    ),
    ...ENVOY.map((name) => [`envoy_access_logs_grpc_access_log_${name}`, "counter", []] as const),
    ...RECORDINGS.flatMap(({ rules }) => rules).map(
      ({ record, labels }) => [record, "gauge", labels] as const,
    ),
    ["up", "gauge", []],
  ];
  return new Map(rows.map(([name, kind, labels]) => [name, { kind, labels: new Set(labels) }]));
}

/** What a Node process tells of itself, as it is written for a scrape. */
async function processMetrics(): Promise<readonly (readonly [string, Kind, readonly string[]])[]> {
  const metrics = createMetrics();
  setFlagsFromString("--expose-gc");
  const collectGarbage = runInNewContext("gc") as () => void;
  let text = "";
  // Of garbage collection nothing is told before the first one.
  await until(
    async () => {
      collectGarbage();
      ({ text } = await metrics.render());
      return text.includes("nodejs_gc_duration_seconds_sum{");
    },
    { what: "garbage collection to be counted" },
  );
  const kinds = new Map(
    Array.from(text.matchAll(/^# TYPE (\S+) (\w+)$/gm), ([, name, kind]) => [name, kind]),
  );
  return Array.from(
    text.matchAll(/^((?:process|nodejs)_\w+)(?:\{(.*)\})? /gm),
    ([, name = "", labels = ""]): readonly [string, Kind, readonly string[]] => [
      name,
      kinds.get(name) === "gauge" ? "gauge" : "counter",
      Array.from(labels.matchAll(/(\w+)="/g), ([, label]) => label ?? ""),
    ],
  );
}
