import type { Alert, Group, Recording } from "./rule.ts";

/** What each service of the mesh is held to, over 30 days. */
export const OBJECTIVES = {
  /** The part of the requests that may fail. */
  errors: 0.001,
  /** The part of the requests that may take longer than `slowMs`. */
  slow: 0.01,
  /** One of the buckets of request_duration_milliseconds. */
  slowMs: 1_000,
} as const;

/**
 * How fast a budget of 30 days burns, over a long and a short window: at 14.4 times the even pace two days' worth is gone in an hour.
 * The short one ends the alert soon after the fault. (The Site Reliability Workbook, chapter 5.)
 */
const FAST = [
  { times: 14.4, long: "1h", short: "5m" },
  { times: 6, long: "6h", short: "30m" },
] as const;
const SLOWLY = [
  { times: 3, long: "1d", short: "2h" },
  { times: 1, long: "3d", short: "6h" },
] as const;

const SERVICE = "destination_service, destination_service_namespace";
const SERVICE_LABELS = ["destination_service", "destination_service_namespace"];

/** Both names that the metrics of the mesh may have; where both are there, the first counts. */
const eitherName = (labels: string, metric: string, matchers = ""): string =>
  ["weir_mesh_", "istio_"]
    .map((prefix) => `sum by (${labels}) (rate(${prefix}${metric}${matchers}[5m]))`)
    .join("\nor\n");

const ANSWERS = "service:mesh_answers:rate5m";
const DURATIONS = "service:mesh_durations:rate5m";

const CALLERS = 'reporter=~"source|waypoint"';
const CALLED = 'reporter="destination"';

/** A service is seen with its callers' eyes; where none of them reports, with its own. */
const byCallers = (of: (side: string) => string): string => [CALLERS, CALLED].map(of).join("\nor\n");

const totalOf = (side: string): string => `sum by (${SERVICE}) (${ANSWERS}{${side}})`;

/** 5xx; no response, unless the caller went away; and what gRPC calls the server's fault. */
const failuresOf = (side: string): string => `(
  sum by (${SERVICE}) (
    ${ANSWERS}{${side}, response_code=~"5.."}
    or ${ANSWERS}{${side}, response_code="0", response_flags!~"(.*,)?DC(,.*)?"}
    or ${ANSWERS}{${side}, response_code!~"5..|0", grpc_response_status=~"2|4|12|13|14|15"}
  )
  or 0 * ${totalOf(side)}
)`;

const durationsOf = (side: string, bound: string): string =>
  `sum by (${SERVICE}) (${DURATIONS}{${side}, le=~"${bound}"})`;

/** Prometheus 3 writes a bound of 1000 as 1000.0. */
const WITHIN = `${OBJECTIVES.slowMs}(\\\\.0)?`;

export const RECORDINGS: readonly Group<Recording>[] = [
  {
    name: "weir-mesh-objectives",
    rules: [
      {
        record: ANSWERS,
        labels: [...SERVICE_LABELS, "reporter", "response_code", "response_flags", "grpc_response_status"],
        expression: eitherName(
          `${SERVICE}, reporter, response_code, response_flags, grpc_response_status`,
          "requests_total",
        ),
      },
      {
        record: DURATIONS,
        labels: [...SERVICE_LABELS, "reporter", "le"],
        expression: eitherName(
          `${SERVICE}, reporter, le`,
          "request_duration_milliseconds_bucket",
          `{le=~"${WITHIN}|\\\\+Inf"}`,
        ),
      },
      { record: "service:mesh_requests:rate5m", labels: SERVICE_LABELS, expression: byCallers(totalOf) },
      { record: "service:mesh_failures:rate5m", labels: SERVICE_LABELS, expression: byCallers(failuresOf) },
      {
        record: "service:mesh_timed:rate5m",
        labels: SERVICE_LABELS,
        expression: byCallers((side) => durationsOf(side, "\\\\+Inf")),
      },
      {
        record: "service:mesh_slow:rate5m",
        labels: SERVICE_LABELS,
        expression: byCallers((side) => `(${durationsOf(side, "\\\\+Inf")} - ${durationsOf(side, WITHIN)})`),
      },
    ],
  },
];

interface Burn {
  readonly times: number;
  readonly long: string;
  readonly short: string;
}

/** Rates of five minutes, recorded: so a window of days reads few series. */
const ratio = (bad: string, all: string, window: string): string =>
  `sum_over_time(${bad}[${window}]) / sum_over_time(${all}[${window}])`;

/** A burn in one of the pairs of windows, and at least ten bad requests in the last hour. */
const burns = (bad: string, all: string, budget: number, pairs: readonly Burn[]): string =>
  `(
${pairs
  .map(
    ({ times, long, short }) =>
      `  (${ratio(bad, all, long)} > ${times} * ${budget} and ${ratio(bad, all, short)} > ${times} * ${budget})`,
  )
  .join("\n  or\n")}
)
and avg_over_time(${bad}[1h]) * 3600 > 10`;

const errors = (pairs: readonly Burn[]): string =>
  burns("service:mesh_failures:rate5m", "service:mesh_requests:rate5m", OBJECTIVES.errors, pairs);

const slow = (pairs: readonly Burn[]): string =>
  burns("service:mesh_slow:rate5m", "service:mesh_timed:rate5m", OBJECTIVES.slow, pairs);

const service = "{{ $labels.destination_service }}";

export const MESH_ALERTS: Group<Alert> = {
  name: "weir-mesh",
  rules: [
    {
      name: "MeshErrorBudgetBurnsFast",
      severity: "critical",
      expression: errors(FAST),
      holds: "2m",
      summary: `${service} fails: {{ $value | humanizePercentage }} of its requests`,
      means:
        "A service of the mesh fails so often that its budget of errors for 30 days is gone within days.",
    },
    {
      name: "MeshErrorBudgetBurnsSlowly",
      severity: "warning",
      expression: errors(SLOWLY),
      holds: "15m",
      summary: `${service} fails a little, for long: {{ $value | humanizePercentage }} of its requests`,
      means:
        "A service of the mesh has failed for days so often that its budget of errors will not last the 30 days.",
    },
    {
      name: "MeshLatencyBudgetBurnsFast",
      severity: "critical",
      expression: slow(FAST),
      holds: "2m",
      summary: `${service} is slow: {{ $value | humanizePercentage }} of its requests take over ${OBJECTIVES.slowMs} ms`,
      means:
        "A service of the mesh answers so many requests slowly that its budget for 30 days is gone within days.",
    },
    {
      name: "MeshLatencyBudgetBurnsSlowly",
      severity: "warning",
      expression: slow(SLOWLY),
      holds: "15m",
      summary: `${service} is slow for long: {{ $value | humanizePercentage }} of its requests take over ${OBJECTIVES.slowMs} ms`,
      means:
        "A service of the mesh has for days answered so many requests slowly that its budget will not last the 30 days.",
    },
  ],
};
