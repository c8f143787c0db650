import type { MetricRow } from "../../src/telemetry/catalogue.ts";

type Row = Omit<MetricRow, "meaning">;

const counter = (name: string, ...labels: string[]): Row => ({ name, kind: "counter", labels });
const gauge = (name: string, ...labels: string[]): Row => ({ name, kind: "gauge", labels });

/** Metrics of access-log entries that the catalogue does not have yet. */
export const REPORT_METRICS: readonly Row[] = [
  gauge("weir_report_streams", "via"),
  counter("weir_report_received_total", "via"),
  counter("weir_report_invalid_total", "via", "reason"),
  counter("weir_report_unwanted_total"),
  counter("weir_report_records_total", "handler", "outcome"),
  counter("weir_report_dropped_total", "handler", "reason"),
  gauge("weir_report_queued_records", "handler"),
  gauge("weir_report_queue_capacity_records", "handler"),
  counter("weir_report_entries_unwanted_total", "handler"),
  counter("weir_report_additional_records_total", "handler"),
  { name: "weir_report_delivery_seconds", kind: "histogram", labels: ["handler"] },
  counter("weir_report_batches_total", "handler", "result"),
  counter("weir_report_missing_total", "policy", "rule", "what"),
  gauge("weir_report_connections"),
  counter("weir_report_connections_expired_total"),
  counter("weir_report_carried_cut_total"),
  counter("weir_report_skewed_total", "direction"),
  gauge("weir_prometheus_series", "handler"),
  gauge("weir_prometheus_series_limit", "handler"),
  counter("weir_prometheus_overflow_total", "handler", "family", "label"),
  counter("weir_prometheus_expired_total", "handler"),
  counter("weir_prometheus_scrape_seconds_total", "handler"),
  gauge("weir_prometheus_scrape_bytes", "handler"),
];
