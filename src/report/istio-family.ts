import type { MetricFamily, MetricShape } from "../adapter/report.ts";

/** In Istio's order. */
const LABELS = [
  "reporter",
  "source_workload",
  "source_canonical_service",
  "source_canonical_revision",
  "source_workload_namespace",
  "source_principal",
  "source_app",
  "source_version",
  "source_cluster",
  "destination_workload",
  "destination_workload_namespace",
  "destination_principal",
  "destination_app",
  "destination_version",
  "destination_service",
  "destination_canonical_service",
  "destination_canonical_revision",
  "destination_service_name",
  "destination_service_namespace",
  "destination_cluster",
  "request_protocol",
  "response_code",
  "grpc_response_status",
  "response_flags",
  "connection_security_policy",
] as const;

export type IstioLabel = (typeof LABELS)[number];

/** Envoy's default of all histograms, for milliseconds and bytes alike. */
const BOUNDS = [
  ...[0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000],
  ...[300_000, 600_000, 1_800_000, 3_600_000],
];

const counter = (name: string, help: string): MetricShape => ({ name, help, kind: "counter", bounds: [] });
const histogram = (name: string, help: string): MetricShape => ({
  ...{ name, help, kind: "histogram" },
  bounds: BOUNDS,
});

/** Istio's standard metrics of requests. */
export const HTTP_FAMILY: MetricFamily & { readonly labels: readonly IstioLabel[] } = {
  id: "istio.http",
  labels: LABELS,
  metrics: [
    counter("requests_total", "Requests that are finished."),
    histogram("request_duration_milliseconds", "How long requests took, in milliseconds."),
    histogram("request_bytes", "What callers sent for a request, in bytes on the wire."),
    histogram("response_bytes", "What callers were sent for a request, in bytes on the wire."),
    counter("request_messages_total", "gRPC messages from callers."),
    counter("response_messages_total", "gRPC messages to callers."),
  ],
};

/** Istio's standard metrics of connections. */
export const TCP_FAMILY: MetricFamily & { readonly labels: readonly IstioLabel[] } = {
  id: "istio.tcp",
  labels: LABELS.filter((label) => label !== "response_code" && label !== "grpc_response_status"),
  metrics: [
    counter("tcp_connections_opened_total", "TCP connections that were opened."),
    counter("tcp_connections_closed_total", "TCP connections that were closed."),
    counter("tcp_sent_bytes_total", "What callers were sent, in bytes."),
    counter("tcp_received_bytes_total", "What callers sent, in bytes."),
  ],
};
