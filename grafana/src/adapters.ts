import type { Dashboard } from "@grafana/grafana-foundation-sdk/dashboard";
import { dashboardOf } from "./dashboard.ts";
import { graph, type Panel, stat, table, worseAbove, ZERO_IS_GOOD } from "./panels.ts";
import { envoy, orZero, quantileBy, ratesBy, shareBy, sumBy, weir } from "./promql.ts";
import { unaccounted } from "./account.ts";
import { replicas, several } from "./variables.ts";

const HANDLER = 'handler=~"$handler"';

const ofHandlers = (metric: string, matchers = ""): string =>
  weir(metric, matchers === "" ? HANDLER : `${HANDLER}, ${matchers}`);

export const adaptersDashboard = (): Dashboard =>
  dashboardOf({
    uid: "weir-adapters",
    title: "weir: adapters and their account",
    description:
      "What becomes of every access-log entry, from the proxies to the back-ends: what is lost, where and why.",
    variables: [
      ...replicas(),
      several("handler", "Handler", `label_values(${weir("weir_report_queue_capacity_records")}, handler)`),
      several("envoy", "Envoy's job", "label_values(envoy_access_logs_grpc_access_log_logs_written, job)"),
    ],
    reloads: "shown",
    rows: [
      { title: "The account", panels: account },
      { title: "Handlers: queues and deliveries", panels: deliveries },
      { title: "Series of prometheus handlers", panels: series },
      { title: "What rules could not say", panels: missing },
    ],
  });

const received = weir("weir_report_received_total");

const account: readonly Panel[] = [
  stat({
    title: "Entries received",
    description: "Access-log entries a second that weir received.",
    width: 4,
    unit: "ops",
    query: orZero(ratesBy("", received)),
  }),
  stat({
    title: "Invalid",
    description: "The part of the entries that could not be read.",
    width: 4,
    unit: "percentunit",
    thresholds: worseAbove(0.000_001, 0.01),
    none: "no entries",
    query: `(${ratesBy("", weir("weir_report_invalid_total"))} or 0 * ${ratesBy("", received)}) / ${ratesBy("", received)}`,
  }),
  stat({
    title: "Wanted by no rule",
    description: "The part of the entries that no telemetry rule asks for.",
    width: 4,
    unit: "percentunit",
    none: "no entries",
    query: `(${ratesBy("", weir("weir_report_unwanted_total"))} or 0 * ${ratesBy("", received)}) / ${ratesBy("", received)}`,
  }),
  stat({
    title: "Dropped records",
    description: "The part of the records that handlers lost, for whatever reason.",
    width: 4,
    unit: "percentunit",
    thresholds: worseAbove(0.000_001, 0.01),
    none: "no records",
    query: shareBy(
      "",
      ofHandlers("weir_report_records_total", 'outcome="dropped"'),
      ofHandlers("weir_report_records_total"),
    ),
  }),
  stat({
    title: "Open streams",
    description: "Access-log streams of proxies that are open: one a worker, logger and kind.",
    width: 4,
    unit: "short",
    query: orZero(sumBy("", weir("weir_report_streams"))),
  }),
  stat({
    title: "Unaccounted",
    description:
      "Received entries that are neither invalid, unwanted, delivered, sampled out, dropped nor queued. A handler that began later than weir has what came before it. It should not change.",
    width: 4,
    unit: "short",
    none: "no entries",
    query: `max(abs(${unaccounted((metric) => weir(metric))}))`,
  }),
  graph({
    title: "Envoy's side beside weir's",
    description:
      "Entries a second. written: into Envoy's buffer; flushed: to its gRPC; dropped: its buffer was full. Between flushed and received, entries are lost when a connection ends.",
    width: 12,
    unit: "ops",
    queries: {
      "Envoy: written": ratesBy("", envoy("envoy_access_logs_grpc_access_log_logs_written")),
      "Envoy: flushed": ratesBy("", envoy("envoy_access_logs_grpc_access_log_grpc_entries_flushed")),
      "Envoy: dropped, buffer full": ratesBy("", envoy("envoy_access_logs_grpc_access_log_logs_dropped")),
      "Envoy: dropped, not flushed": ratesBy(
        "",
        envoy("envoy_access_logs_grpc_access_log_grpc_entries_flush_failed"),
      ),
      "weir: received by {{via}}": ratesBy("via", received),
    },
  }),
  graph({
    title: "What became of the records",
    description: "Records a second by handler and outcome; an entry may become several records, or none.",
    width: 12,
    unit: "ops",
    queries: {
      "{{handler}}: {{outcome}}": ratesBy("handler, outcome", ofHandlers("weir_report_records_total")),
    },
  }),
  graph({
    title: "Invalid entries by reason",
    description: "Entries a second that could not be read, and why.",
    width: 8,
    unit: "ops",
    queries: { "{{via}}: {{reason}}": ratesBy("via, reason", weir("weir_report_invalid_total")) },
  }),
  graph({
    title: "Streams and connections",
    description:
      "Open streams by kind, connections that are followed by their periodic entries, and those whose end never came.",
    width: 8,
    unit: "short",
    queries: {
      "streams by {{via}}": sumBy("via", weir("weir_report_streams")),
      connections: sumBy("", weir("weir_report_connections")),
      "given up a second": ratesBy("", weir("weir_report_connections_expired_total")),
    },
  }),
  table({
    title: "The account of each handler",
    description:
      "Of the time shown: what each handler was given, and what came of it. Received = invalid + unwanted + sampled out + delivered + dropped + queued - additional.",
    width: 8,
    height: 8,
    labels: { handler: { heading: "Handler" }, outcome: { heading: "Outcome" } },
    values: {
      Records: {
        query: `sum by (handler, outcome) (increase(${ofHandlers("weir_report_records_total")}[$__range]))`,
        unit: "short",
      },
    },
  }),
];

const deliveries: readonly Panel[] = [
  graph({
    title: "How full queues are",
    description: "The part of a handler's queue that is in use. At 1, records are dropped.",
    width: 8,
    unit: "percentunit",
    max: 1,
    thresholds: worseAbove(0.5, 0.8),
    queries: {
      "{{handler}} of {{instance}}": `${ofHandlers("weir_report_queued_records")} / ${ofHandlers("weir_report_queue_capacity_records")}`,
    },
  }),
  graph({
    title: "Drops by reason",
    description:
      "Records a second that were lost. queue_full: too slow; refused: the other end will never take them; gave_up, breaker_open: it was away.",
    width: 8,
    unit: "ops",
    queries: {
      "{{handler}}: {{reason}}": ratesBy("handler, reason", ofHandlers("weir_report_dropped_total")),
    },
  }),
  graph({
    title: "Time to deliver a batch",
    description: "99 of 100 batches arrive within this time.",
    width: 8,
    unit: "s",
    queries: {
      "{{handler}} P50": quantileBy(0.5, "handler", ofHandlers("weir_report_delivery_seconds_bucket")),
      "{{handler}} P99": quantileBy(0.99, "handler", ofHandlers("weir_report_delivery_seconds_bucket")),
    },
  }),
  graph({
    title: "Batches",
    description: "Batches a second by handler and what came of them.",
    width: 12,
    unit: "ops",
    queries: {
      "{{handler}}: {{result}}": ratesBy("handler, result", ofHandlers("weir_report_batches_total")),
    },
  }),
  graph({
    title: "More records, fewer records",
    description:
      "Records a second beyond the first of an entry, and entries that no rule wants of this handler.",
    width: 12,
    unit: "ops",
    queries: {
      "{{handler}}: additional": ratesBy("handler", ofHandlers("weir_report_additional_records_total")),
      "{{handler}}: unwanted entries": ratesBy("handler", ofHandlers("weir_report_entries_unwanted_total")),
    },
  }),
];

const series: readonly Panel[] = [
  graph({
    title: "Label sets and their bound",
    description: "Beyond the bound, what is new goes into one label set of overflow: totals stay right.",
    width: 8,
    unit: "short",
    queries: {
      "{{handler}} of {{instance}}": ofHandlers("weir_prometheus_series"),
      "bound of {{handler}}": `max by (handler) (${ofHandlers("weir_prometheus_series_limit")})`,
    },
  }),
  graph({
    title: "Overflow",
    description:
      "Measurements a second that went into the overflow, by family and the label that has most values.",
    width: 8,
    unit: "ops",
    thresholds: ZERO_IS_GOOD,
    queries: {
      "{{handler}}: {{family}}, {{label}}": ratesBy(
        "handler, family, label",
        ofHandlers("weir_prometheus_overflow_total"),
      ),
      "{{handler}}: forgotten, unused": ratesBy("handler", ofHandlers("weir_prometheus_expired_total")),
    },
  }),
  graph({
    title: "Size of a page",
    description: "Bytes of the last page that was scraped.",
    width: 4,
    unit: "bytes",
    queries: { "{{handler}}": `max by (handler) (${ofHandlers("weir_prometheus_scrape_bytes")})` },
  }),
  graph({
    title: "Time spent on pages",
    description: "Seconds a second of this process that go into writing pages.",
    width: 4,
    unit: "percentunit",
    queries: { "{{handler}}": ratesBy("handler", ofHandlers("weir_prometheus_scrape_seconds_total")) },
  }),
];

const missing: readonly Panel[] = [
  graph({
    title: "Values that were missing",
    description:
      "Entries a second of which a telemetry rule could not tell whether it wants them (when), or a value of its with.",
    width: 8,
    unit: "ops",
    queries: {
      "{{policy}}/{{rule}}: {{what}}": ratesBy("policy, rule, what", weir("weir_report_missing_total")),
    },
  }),
  graph({
    title: "Checks that could not carry all",
    description: "Checks a second whose answer had no room for what telemetry rules read of them.",
    width: 8,
    unit: "ops",
    queries: { "checks cut": ratesBy("", weir("weir_report_carried_cut_total")) },
  }),
  graph({
    title: "Clocks that differ",
    description:
      "Entries a second that began more than five minutes from now: a proxy's clock, or very long streams.",
    width: 8,
    unit: "ops",
    queries: { "{{direction}}": ratesBy("direction", weir("weir_report_skewed_total")) },
  }),
];
