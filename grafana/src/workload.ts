import type { Dashboard } from "@grafana/grafana-foundation-sdk/dashboard";
import { dashboardOf } from "./dashboard.ts";
import { graph, type Panel, stat, worseBelow } from "./panels.ts";
import { mesh, orZero, ratesBy, restOf, shareBy } from "./promql.ts";
import { quantiles, trafficPanels } from "./traffic.ts";
import { meshNames, meshValues, reporter, several, single } from "./variables.ts";

const CALLED =
  'reporter=~"$reporter", destination_workload_namespace=~"$namespace", destination_workload=~"$workload"';
const CALLING = 'source_workload_namespace=~"$namespace", source_workload=~"$workload"';

export const workloadDashboard = (): Dashboard =>
  dashboardOf({
    uid: "weir-workload",
    title: "weir: workload",
    description: "One workload: who calls it, whom it calls, and where it fails.",
    variables: [
      ...meshNames(),
      single("namespace", "Namespace", meshValues("destination_workload_namespace")),
      single(
        "workload",
        "Workload",
        meshValues("destination_workload", 'destination_workload_namespace=~"$namespace"'),
      ).allowCustomValue(true),
      reporter(),
      several("source_namespace", "Client namespace", meshValues("source_workload_namespace", CALLED)),
      several(
        "source_workload",
        "Client workload",
        meshValues("source_workload", `${CALLED}, source_workload_namespace=~"$source_namespace"`),
      ),
      several(
        "destination_service",
        "Called service",
        meshValues("destination_service", `reporter="source", ${CALLING}`),
      ),
    ],
    reloads: "not shown",
    rows: [
      { title: "The workload", panels: overview },
      {
        title: "Inbound: who calls it",
        panels: trafficPanels({
          direction: "Incoming",
          apart: "by source",
          labels: "source_workload, source_workload_namespace",
          legend: "{{source_workload}}.{{source_workload_namespace}}",
          matchers: `${CALLED}, source_workload_namespace=~"$source_namespace", source_workload=~"$source_workload"`,
          proof: "connection_security_policy",
        }),
      },
      {
        title: "Outbound: whom it calls",
        panels: trafficPanels({
          direction: "Outgoing",
          apart: "by destination",
          labels: "destination_service",
          legend: "{{destination_service}}",
          matchers: `reporter="source", ${CALLING}, destination_service=~"$destination_service"`,
          // Only the called knows whether a connection is mutual TLS; the caller knows with whom.
          proof: "destination_principal",
        }),
      },
    ],
  });

const bytesOf = (matchers: string): string =>
  orZero(
    `${ratesBy("", mesh("tcp_sent_bytes_total", matchers))} + ${ratesBy("", mesh("tcp_received_bytes_total", matchers))}`,
  );

const overview: readonly Panel[] = [
  stat({
    title: "Incoming request volume",
    description: "Requests a second.",
    width: 6,
    unit: "reqps",
    query: orZero(ratesBy("", mesh("requests_total", CALLED))),
  }),
  stat({
    title: "Incoming success rate (non-5xx responses)",
    description: "The part of the requests whose response code is not 5xx.",
    width: 6,
    unit: "percentunit",
    thresholds: worseBelow(0.999, 0.99),
    none: "no traffic",
    query: restOf(
      shareBy("", mesh("requests_total", `${CALLED}, response_code=~"5.."`), mesh("requests_total", CALLED)),
    ),
  }),
  stat({
    title: "TCP server traffic",
    description: "Bytes a second of connections to it, in both directions.",
    width: 6,
    unit: "Bps",
    query: bytesOf(CALLED),
  }),
  stat({
    title: "TCP client traffic",
    description: "Bytes a second of connections that it opens, in both directions.",
    width: 6,
    unit: "Bps",
    query: bytesOf(`reporter=~"$reporter", ${CALLING}`),
  }),
  graph({
    title: "Request duration",
    description:
      "From the first byte of a request to the last of its response. Points are requests with a trace.",
    width: 24,
    unit: "ms",
    exemplars: "shown",
    queries: quantiles("", "", mesh("request_duration_milliseconds_bucket", CALLED)),
  }),
];
