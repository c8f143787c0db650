import type { MetricRow } from "./metric-row.ts";

/** The metrics of access logs: the report path, from streams to handlers. */
export const REPORT_CATALOGUE = {
  reportStreams: {
    name: "weir_report_streams",
    kind: "gauge",
    labels: ["via"],
    meaning:
      "Streams of access logs that are open, by what they carry: `als_http`, `als_tcp`; `als` before the first entry.",
  },
  reportReceived: {
    name: "weir_report_received_total",
    kind: "counter",
    labels: ["via"],
    meaning:
      "Access-log entries that came in, by way: `als_http`, `als_tcp`, `otlp`. What was to be an entry and is none is among them, and a message without entries counts as one.",
  },
  reportInvalid: {
    name: "weir_report_invalid_total",
    kind: "counter",
    labels: ["via", "reason"],
    meaning:
      "Of those, what yielded no entry: `malformed`, `no_common_properties`, `no_request`, `empty_message`, `too_large`, `unknown_attributes`; `internal` is an exception of weir's own, which the log has.",
  },
  reportShed: {
    name: "weir_report_shed_total",
    kind: "counter",
    labels: ["via"],
    meaning:
      "Of those received, entries that were not looked at because too many bytes waited: checks come first.",
  },
  reportUnwanted: {
    name: "weir_report_unwanted_total",
    kind: "counter",
    labels: [],
    meaning: "Entries that no telemetry rule wanted.",
  },
  reportRecords: {
    name: "weir_report_records_total",
    kind: "counter",
    labels: ["handler", "outcome"],
    meaning:
      "Records of entries, by handler and what became of them: `sampled_out`, `delivered`, `dropped`. Received = invalid + shed + unwanted of the handler + these + queued - additional.",
  },
  reportDropped: {
    name: "weir_report_dropped_total",
    kind: "counter",
    labels: ["handler", "reason"],
    meaning:
      "Records that did not reach their handler, or its back-end: `queue_full`; `refused` by the back-end; `gave_up`, tried often enough; `breaker_open`, their time was up while the handler was left alone; `shutdown`.",
  },
  reportQueued: {
    name: "weir_report_queued_records",
    kind: "gauge",
    labels: ["handler"],
    meaning: "Records that wait for a handler or are under way.",
  },
  reportCapacity: {
    name: "weir_report_queue_capacity_records",
    kind: "gauge",
    labels: ["handler"],
    meaning: "Records that may wait for a handler: `queue.capacity` in weir.yaml.",
  },
  reportEntriesUnwanted: {
    name: "weir_report_entries_unwanted_total",
    kind: "counter",
    labels: ["handler"],
    meaning: "Entries, since weir started, of which no rule made a record for this handler.",
  },
  reportAdditional: {
    name: "weir_report_additional_records_total",
    kind: "counter",
    labels: ["handler"],
    meaning: "Records for a handler beyond the first of an entry: several rules wanted it.",
  },
  reportDelivery: {
    name: "weir_report_delivery_seconds",
    kind: "histogram",
    labels: ["handler"],
    meaning: "Attempts to deliver a batch to a handler.",
  },
  reportBatches: {
    name: "weir_report_batches_total",
    kind: "counter",
    labels: ["handler", "result"],
    meaning:
      "Attempts to deliver a batch, by what they came to: `delivered`; `refused`, in part or whole; `retried`, it is tried again; `failed`, it is given up.",
  },
  reportMissing: {
    name: "weir_report_missing_total",
    kind: "counter",
    labels: ["policy", "rule", "what"],
    meaning:
      "Values that telemetry rules could not read: `when`, which passes the entry over, or a name in `with`, which is left out.",
  },
  reportConnections: {
    name: "weir_report_connections",
    kind: "gauge",
    labels: [],
    meaning: "Connections, and requests with messages, that go on and of which something is counted already.",
  },
  reportConnectionsExpired: {
    name: "weir_report_connections_expired_total",
    kind: "counter",
    labels: [],
    meaning: "Of those, what was forgotten without an end, because no entry told of it for two hours.",
  },
  reportConnectionsFull: {
    name: "weir_report_connections_full_total",
    kind: "counter",
    labels: [],
    meaning:
      "Entries about connections that there was no room to remember: what they carried counts when they end.",
  },
  reportSkewed: {
    name: "weir_report_skewed_total",
    kind: "counter",
    labels: ["direction"],
    meaning:
      "Entries that by the clock of their Envoy began more than five minutes in the `past` before they came in, or in the `future`.",
  },
} as const satisfies Record<string, MetricRow>;
