import type { FieldValue, Measurement, MetricFamily, TraceIds } from "../../../src/adapter/report.ts";

const BOUNDS = [
  ...[0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000],
  ...[60_000, 300_000, 600_000, 1_800_000, 3_600_000],
];

/** As the preset istio has it for HTTP: 25 labels, three counters, three histograms of 19 bounds. */
export const HTTP: MetricFamily = {
  id: "istio.http",
  labels: [
    ...["reporter", "source_workload", "source_canonical_service", "source_canonical_revision"],
    ...["source_workload_namespace", "source_principal", "source_app", "source_version", "source_cluster"],
    ...["destination_workload", "destination_workload_namespace", "destination_principal"],
    ...["destination_app", "destination_version", "destination_service", "destination_canonical_service"],
    ...["destination_canonical_revision", "destination_service_name", "destination_service_namespace"],
    ...["destination_cluster", "request_protocol", "response_code", "grpc_response_status"],
    ...["response_flags", "connection_security_policy"],
  ],
  metrics: [
    { name: "requests_total", help: "Requests.", kind: "counter", bounds: [] },
    ...["request_duration_milliseconds", "request_bytes", "response_bytes"].map((name) => ({
      name,
      help: `Of requests: ${name}.`,
      kind: "histogram" as const,
      bounds: BOUNDS,
    })),
    { name: "request_messages_total", help: "Messages in.", kind: "counter", bounds: [] },
    { name: "response_messages_total", help: "Messages out.", kind: "counter", bounds: [] },
  ],
};

/** Few labels and one metric of each kind. */
export const SMALL: MetricFamily = {
  id: "small",
  labels: ["a", "b"],
  metrics: [
    { name: "visits_total", help: "Visits.", kind: "counter", bounds: [] },
    { name: "size_bytes", help: 'Sizes: "all"\nof \\ them.', kind: "histogram", bounds: [1, 10] },
  ],
};

/** The labels of one pair of workloads of many, as long as in a mesh. */
export function httpLabels(index: number): readonly string[] {
  const [from, to] = [index % 40, Math.floor(index / 40)];
  return [
    ...["destination", `frontend-${from}`, `frontend-${from}`, "v1", "shop-production"],
    ...[`spiffe://cluster.local/ns/shop-production/sa/frontend-${from}`, `frontend-${from}`, "v1"],
    ...["Kubernetes", `orders-backend-${to}`, "shop-production"],
    ...[`spiffe://cluster.local/ns/shop-production/sa/orders-backend-${to}`, `orders-backend-${to}`, "v2"],
    ...[`orders-backend-${to}.shop-production.svc.cluster.local`, `orders-backend-${to}`, "v2"],
    ...[`orders-backend-${to}`, "shop-production", "Kubernetes", "http", "200", "", "-", "mutual_tls"],
  ];
}

/** One measurement, of `SMALL` where nothing else is said. */
export function measured(over: {
  readonly family?: MetricFamily;
  readonly labels?: readonly string[];
  readonly values?: readonly (number | undefined)[];
  readonly added?: Readonly<Record<string, FieldValue>>;
  readonly trace?: TraceIds;
  readonly observedAtMs?: number;
}): Measurement {
  const { family = SMALL, labels = ["x", "y"], values = [1, 5], added = {}, trace, observedAtMs = 0 } = over;
  return {
    kind: "measurement",
    family,
    labels,
    values,
    added: new Map(Object.entries(added)),
    trace,
    observedAtMs,
  };
}
