import type { AlertCase, Series } from "./alert-case.ts";

const OF_WEIR = 'job="weir", instance="a"';
const HANDLER = { job: "weir", instance: "a", handler: "prometheus" } as const;

const records = (outcome: string, values: string, of = `${OF_WEIR}, handler="prometheus"`): Series => ({
  [`weir_report_records_total{${of}, outcome="${outcome}"}`]: values,
});

const received = (values: string, of = OF_WEIR): Series => ({
  [`weir_report_received_total{${of}, via="als_http"}`]: values,
});

const handler = (metric: string, values: string, of = `${OF_WEIR}, handler="prometheus"`): Series => ({
  [`${metric}{${of}}`]: values,
});

const process = (startedAt: string, of = OF_WEIR): Series => ({
  [`process_start_time_seconds{${of}}`]: startedAt,
});

/** A handler that began after 500 entries, in a process that begins anew after 100 minutes. */
const RESTARTED: Series = {
  ...received("0+100x99 0+100x60", 'job="weir", instance="b"'),
  ...records("delivered", "0x5 100+100x93 0+100x60", 'job="weir", instance="b", handler="zipkin"'),
  ...handler("weir_report_queued_records", "0x160", 'job="weir", instance="b", handler="zipkin"'),
  ...process("0x99 6000x60", 'job="weir", instance="b"'),
};

const envoy = (values: string): Series => ({
  'envoy_access_logs_grpc_access_log_logs_dropped{job="envoy", instance="e"}': values,
});

const overflow = (values: string): Series => ({
  [`weir_prometheus_overflow_total{${OF_WEIR}, handler="prometheus", family="istio.http", label="destination_service"}`]:
    values,
});

export const REPORT_CASES: readonly AlertCase[] = [
  {
    alert: "WeirReportDrops",
    evaluated: "1m",
    fires: {
      series: { ...records("delivered", "0+99x20"), ...records("dropped", "0+1x20") },
      at: "15m",
      labels: { job: "weir", handler: "prometheus" },
      summary: "prometheus loses 1% of its records",
    },
    quiet: {
      series: { ...records("delivered", "0+99x20"), ...records("sampled_out", "0+99x20") },
      at: "15m",
    },
  },
  {
    alert: "WeirReportQueueNearlyFull",
    evaluated: "1m",
    fires: {
      series: {
        ...handler("weir_report_queued_records", "900x20"),
        ...handler("weir_report_queue_capacity_records", "1000x20"),
      },
      at: "15m",
      labels: HANDLER,
      summary: "The queue of prometheus in a is at 90%",
    },
    quiet: {
      series: {
        ...handler("weir_report_queued_records", "300x20"),
        ...handler("weir_report_queue_capacity_records", "1000x20"),
      },
      at: "15m",
    },
  },
  {
    alert: "WeirReportUnaccounted",
    evaluated: "1m",
    fires: {
      // From the ninetieth minute on, one of a hundred entries is lost.
      series: {
        ...received("0+100x160"),
        ...records("delivered", "0+100x90 9099+99x70"),
        ...handler("weir_report_queued_records", "0x160"),
        ...process("0x160"),
      },
      at: "125m",
      labels: HANDLER,
      summary: "30 entries for prometheus in a are unaccounted for",
    },
    quiet: {
      series: {
        ...received("0+100x160"),
        ...records("delivered", "0+80x160"),
        ...records("dropped", "0+10x160"),
        ...handler("weir_report_entries_unwanted_total", "0+20x160"),
        ...handler("weir_report_additional_records_total", "0+10x160"),
        ...handler("weir_report_queued_records", "0x160"),
        ...process("0x160"),
        ...RESTARTED,
      },
      at: "125m",
    },
  },
  {
    alert: "WeirEntriesInvalid",
    evaluated: "1m",
    fires: {
      series: {
        ...received("0+100x40"),
        [`weir_report_invalid_total{${OF_WEIR}, via="als_http", reason="malformed"}`]: "0+5x40",
      },
      at: "30m",
      labels: { job: "weir" },
      summary: "5% of the entries that weir receives cannot be read",
    },
    quiet: {
      series: {
        ...received("0+1000x40"),
        [`weir_report_invalid_total{${OF_WEIR}, via="als_http", reason="malformed"}`]: "0+5x40",
      },
      at: "30m",
    },
  },
  {
    alert: "WeirNoEntries",
    evaluated: "1m",
    fires: {
      series: {
        [`weir_checks_total{${OF_WEIR}, policy="shop", rule="all", verdict="allow"}`]: "0+120x40",
        ...handler("weir_report_queue_capacity_records", "1000x40"),
        ...received("5x40"),
      },
      at: "30m",
      labels: { job: "weir" },
      summary: "weir decides checks, and no access-log entry comes",
    },
    quiet: {
      series: {
        [`weir_checks_total{${OF_WEIR}, policy="shop", rule="all", verdict="allow"}`]: "0+120x40",
        ...handler("weir_report_queue_capacity_records", "1000x40"),
        // Another process of the same job takes them.
        ...received("0+100x40", 'job="weir", instance="b"'),
      },
      at: "30m",
    },
  },
  {
    alert: "WeirSeriesNearCap",
    evaluated: "1m",
    fires: {
      series: {
        ...handler("weir_prometheus_series", "950x20"),
        ...handler("weir_prometheus_series_limit", "1000x20"),
      },
      at: "15m",
      labels: HANDLER,
      summary: "prometheus in a has 95% of the label sets that it may have",
    },
    quiet: {
      series: {
        ...handler("weir_prometheus_series", "500x20"),
        ...handler("weir_prometheus_series_limit", "1000x20"),
      },
      at: "15m",
    },
  },
  {
    alert: "WeirSeriesOverflow",
    evaluated: "1m",
    fires: {
      series: overflow("_x10 3x10"),
      at: "15m",
      labels: { job: "weir", handler: "prometheus", family: "istio.http", label: "destination_service" },
      summary: "prometheus has too many label sets of istio.http: mostly by destination_service",
    },
    quiet: { series: overflow("3x40"), at: "30m" },
  },
  {
    alert: "EnvoyDropsEntries",
    evaluated: "1m",
    fires: {
      series: envoy("0+60x30"),
      at: "20m",
      labels: { job: "envoy" },
      summary: "The Envoys of envoy lose 1 entries a second",
    },
    quiet: { series: envoy("7x30"), at: "20m" },
  },
];
