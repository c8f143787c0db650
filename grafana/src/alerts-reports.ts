import { unaccounted } from "./account.ts";
import { happened, type Alert, type Group } from "./rule.ts";

const percent = "{{ $value | humanizePercentage }}";

const UNACCOUNTED = unaccounted((metric) => metric);
const UNACCOUNTED_BEFORE = unaccounted((metric) => `${metric} offset 30m`);

export const REPORT_ALERTS: Group<Alert> = {
  name: "weir-reports",
  rules: [
    {
      name: "WeirReportDrops",
      severity: "warning",
      expression:
        'sum by (job, handler) (rate(weir_report_records_total{outcome="dropped"}[5m])) / sum by (job, handler) (rate(weir_report_records_total[5m])) > 0.001',
      holds: "5m",
      summary: `{{ $labels.handler }} loses ${percent} of its records`,
      means: "A handler loses records: its back-end is away, too slow, or refuses them.",
    },
    {
      name: "WeirReportQueueNearlyFull",
      severity: "warning",
      expression: "weir_report_queued_records / weir_report_queue_capacity_records > 0.8",
      holds: "5m",
      summary: `The queue of {{ $labels.handler }} in {{ $labels.instance }} is at ${percent}`,
      means: "A handler's queue is nearly full: soon it drops records.",
    },
    {
      name: "WeirReportUnaccounted",
      severity: "warning",
      expression: `abs((${UNACCOUNTED}) - (${UNACCOUNTED_BEFORE})) > 0
unless on (job, instance) time() - process_start_time_seconds < 3600`,
      holds: "15m",
      summary: "{{ $value }} entries for {{ $labels.handler }} in {{ $labels.instance }} are unaccounted for",
      means:
        "Entries were received and neither delivered, dropped, sampled out, queued nor unwanted. A bug of weir's.",
    },
    {
      name: "WeirEntriesInvalid",
      severity: "warning",
      expression:
        "sum by (job) (rate(weir_report_invalid_total[10m])) / sum by (job) (rate(weir_report_received_total[10m])) > 0.01",
      holds: "10m",
      summary: `${percent} of the entries that {{ $labels.job }} receives cannot be read`,
      means: "Access-log entries cannot be read, so nothing counts them.",
    },
    {
      name: "WeirNoEntries",
      severity: "warning",
      expression: `sum by (job) (rate(weir_checks_total[10m])) > 1
and on (job) count by (job) (weir_report_queue_capacity_records) > 0
unless on (job) sum by (job) (rate(weir_report_received_total[10m])) > 0`,
      holds: "10m",
      summary: "{{ $labels.job }} decides checks, and no access-log entry comes",
      means:
        "Checks are decided, handlers wait for access-log entries, and none comes: Envoy does not send them.",
    },
    {
      name: "WeirSeriesNearCap",
      severity: "warning",
      expression: "weir_prometheus_series / weir_prometheus_series_limit > 0.9",
      holds: "10m",
      summary: `{{ $labels.handler }} in {{ $labels.instance }} has ${percent} of the label sets that it may have`,
      means:
        "The metrics of the mesh have nearly as many label sets as they may have; what is new will go into one of overflow.",
    },
    {
      name: "WeirSeriesOverflow",
      severity: "warning",
      expression: happened("job, handler, family, label", "weir_prometheus_overflow_total", "10m"),
      holds: "0m",
      summary:
        "{{ $labels.handler }} has too many label sets of {{ $labels.family }}: mostly by {{ $labels.label }}",
      means:
        "New label sets go into one of overflow: totals are right, but new services cannot be told apart.",
    },
    {
      name: "EnvoyDropsEntries",
      severity: "warning",
      expression:
        "sum by (job) (rate(envoy_access_logs_grpc_access_log_logs_dropped[10m])) > 0\nor sum by (job) (rate(envoy_access_logs_grpc_access_log_grpc_entries_flush_failed[10m])) > 0",
      holds: "5m",
      summary: "The Envoys of {{ $labels.job }} lose {{ $value | humanize }} entries a second",
      means:
        "Envoy's own buffer of access-log entries is full, or it cannot send them: weir is away or too slow, or the buffer too small.",
    },
  ],
};

export const PROCESS_ALERTS: Group<Alert> = {
  name: "weir-process",
  rules: [
    {
      name: "WeirEventLoopDelayed",
      severity: "warning",
      expression: 'nodejs_eventloop_lag_p99_seconds{job=~"weir.*"} > 0.05',
      holds: "10m",
      summary:
        "Everything in {{ $labels.instance }} waits {{ $value | humanizeDuration }} for the turn before it",
      means: "The event loop is delayed by over 50 ms: every check waits for it.",
    },
    {
      name: "WeirBusy",
      severity: "warning",
      expression: 'rate(process_cpu_seconds_total{job=~"weir.*"}[5m]) > 0.9',
      holds: "15m",
      summary: '{{ $labels.instance }} uses {{ printf "%.2f" $value }} cores',
      means: "A weir uses all of its core; a little more load, and checks are not decided in time.",
    },
  ],
};
