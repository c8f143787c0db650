import type { Dashboard } from "@grafana/grafana-foundation-sdk/dashboard";
import { dashboardOf, linkTo } from "./dashboard.ts";
import { graph, type Panel, stat, table, worseAbove, worseBelow } from "./panels.ts";
import { mesh, orZero, quantileBy, ratesBy, restOf, shareBy } from "./promql.ts";
import { meshNames } from "./variables.ts";

/** Each request is told by the proxies at both ends; a whole mesh is what callers saw. */
const CALLERS = 'reporter=~"source|waypoint"';

const WORKLOAD = "destination_workload, destination_workload_namespace";

const requests = (matchers = ""): string =>
  mesh("requests_total", matchers === "" ? CALLERS : `${CALLERS}, ${matchers}`);

export const meshDashboard = (): Dashboard =>
  dashboardOf({
    uid: "weir-mesh",
    title: "weir: mesh",
    description: "Is the mesh well, and which service or workload is not?",
    variables: meshNames(),
    reloads: "not shown",
    rows: [
      { title: "All traffic", panels: figures },
      { title: "Workloads", panels: [workloads, connections] },
      { title: "Failures", panels: failures },
      { title: "Volume", panels: volume },
    ],
  });

const figures: readonly Panel[] = [
  stat({
    title: "Requests",
    description: "HTTP and gRPC requests a second, as callers' proxies report them.",
    width: 6,
    unit: "reqps",
    query: orZero(ratesBy("", requests())),
  }),
  stat({
    title: "Success rate (non-5xx responses)",
    description: "The part of the requests whose response code is not 5xx.",
    width: 6,
    unit: "percentunit",
    thresholds: worseBelow(0.999, 0.99),
    none: "no traffic",
    query: restOf(shareBy("", requests('response_code=~"5.."'), requests())),
  }),
  stat({
    title: "4xx",
    description: "Requests a second that were answered with 4xx: what callers did wrong, or may not do.",
    width: 6,
    unit: "reqps",
    query: orZero(ratesBy("", requests('response_code=~"4.."'))),
  }),
  stat({
    title: "5xx",
    description: "Requests a second that were answered with 5xx.",
    width: 6,
    unit: "reqps",
    thresholds: worseAbove(0.01, 1),
    query: orZero(ratesBy("", requests('response_code=~"5.."'))),
  }),
];

const toWorkload = linkTo("weir-workload", {
  workload: "${__data.fields.Workload}",
  namespace: "${__data.fields.Namespace}",
});
const toService = linkTo("weir-service", { service: "${__data.fields.Service}" });

const WORKLOAD_LABELS = {
  destination_workload: { heading: "Workload", link: toWorkload },
  destination_workload_namespace: { heading: "Namespace" },
  destination_service: { heading: "Service", link: toService },
} as const;

const durationOf = (quantile: number) => ({
  query: quantileBy(
    quantile,
    `${WORKLOAD}, destination_service`,
    mesh("request_duration_milliseconds_bucket", CALLERS),
  ),
  unit: "ms" as const,
});

const workloads = table({
  title: "HTTP and gRPC workloads",
  description: "A row a workload and service: how much, how fast, how well. Names lead to their dashboards.",
  width: 24,
  labels: WORKLOAD_LABELS,
  values: {
    Requests: { query: ratesBy(`${WORKLOAD}, destination_service`, requests()), unit: "reqps" },
    P50: durationOf(0.5),
    P90: durationOf(0.9),
    P99: durationOf(0.99),
    Success: {
      query: restOf(
        shareBy(`${WORKLOAD}, destination_service`, requests('response_code=~"5.."'), requests()),
      ),
      unit: "percentunit",
      thresholds: worseBelow(0.999, 0.99),
    },
  },
});

const connections = table({
  title: "TCP workloads",
  description:
    "A row a workload and service that is called over TCP. Received and sent are the proxy's words.",
  width: 24,
  height: 7,
  labels: WORKLOAD_LABELS,
  values: {
    Received: {
      query: ratesBy(`${WORKLOAD}, destination_service`, mesh("tcp_received_bytes_total", CALLERS)),
      unit: "Bps",
    },
    Sent: {
      query: ratesBy(`${WORKLOAD}, destination_service`, mesh("tcp_sent_bytes_total", CALLERS)),
      unit: "Bps",
    },
    Opened: {
      query: ratesBy(`${WORKLOAD}, destination_service`, mesh("tcp_connections_opened_total", CALLERS)),
      unit: "cps",
    },
    Closed: {
      query: ratesBy(`${WORKLOAD}, destination_service`, mesh("tcp_connections_closed_total", CALLERS)),
      unit: "cps",
    },
  },
});

const failures: readonly Panel[] = [
  graph({
    title: "Failed requests by service",
    description:
      "Requests a second with 5xx, or with no response at all (0): the ten services that have most.",
    width: 8,
    unit: "reqps",
    queries: {
      "{{destination_service}}: {{response_code}}": `topk(10, ${ratesBy("destination_service, response_code", requests('response_code=~"5..|0"'))})`,
    },
  }),
  graph({
    title: "Response flags",
    description:
      "Why Envoy itself answered or gave up: UH no healthy upstream, UF no connection, UAEX refused by weir, RL over a limit.",
    width: 8,
    unit: "reqps",
    queries: { "{{response_flags}}": ratesBy("response_flags", requests('response_flags!="-"')) },
  }),
  graph({
    title: "gRPC messages and statuses",
    description: "Messages a second in both directions, and calls that did not end with status 0, by status.",
    width: 8,
    unit: "ops",
    queries: {
      "requests' messages": ratesBy("", mesh("request_messages_total", CALLERS)),
      "responses' messages": ratesBy("", mesh("response_messages_total", CALLERS)),
      "status {{grpc_response_status}}": ratesBy(
        "grpc_response_status",
        requests('grpc_response_status!~"|0"'),
      ),
    },
  }),
];

const volume: readonly Panel[] = [
  graph({
    title: "HTTP and gRPC bytes",
    description: "Bytes a second on the wire, headers included, as callers' proxies report them.",
    width: 12,
    unit: "Bps",
    queries: {
      requests: ratesBy("", mesh("request_bytes_sum", CALLERS)),
      responses: ratesBy("", mesh("response_bytes_sum", CALLERS)),
    },
  }),
  graph({
    title: "TCP bytes",
    description:
      "Bytes a second that callers' proxies received from and sent to those who opened connections.",
    width: 12,
    unit: "Bps",
    queries: {
      received: ratesBy("", mesh("tcp_received_bytes_total", CALLERS)),
      sent: ratesBy("", mesh("tcp_sent_bytes_total", CALLERS)),
    },
  }),
];
