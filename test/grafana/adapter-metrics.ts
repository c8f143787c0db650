import type { MetricRow } from "../../src/telemetry/metric-row.ts";

type Row = Omit<MetricRow, "meaning">;

const counter = (name: string, ...labels: string[]): Row => ({ name, kind: "counter", labels });
const gauge = (name: string, ...labels: string[]): Row => ({ name, kind: "gauge", labels });

/** What adapters count of themselves: it is theirs, and so not in the catalogue. */
export const ADAPTER_METRICS: readonly Row[] = [
  gauge("weir_prometheus_series", "handler"),
  gauge("weir_prometheus_series_limit", "handler"),
  counter("weir_prometheus_overflow_total", "handler", "family", "label"),
  counter("weir_prometheus_expired_total", "handler"),
  counter("weir_prometheus_scrape_seconds_total", "handler"),
  gauge("weir_prometheus_scrape_bytes", "handler"),
];
