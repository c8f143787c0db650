import type { Dashboard } from "@grafana/grafana-foundation-sdk/dashboard";
import { dashboardOf } from "./dashboard.ts";
import { graph, type Panel, stat, worseBelow } from "./panels.ts";
import { mesh, orZero, ratesBy, restOf, shareBy } from "./promql.ts";
import { quantiles, trafficPanels } from "./traffic.ts";
import { meshNames, meshValues, reporter, several, single } from "./variables.ts";

const SERVICE = 'destination_service="$service"';
const ASKED = `reporter=~"$reporter", ${SERVICE}`;
const SERVER = `reporter="destination", ${SERVICE}`;
const SOURCES =
  'source_cluster=~"$source_cluster", source_workload_namespace=~"$source_namespace", source_workload=~"$source_workload"';
const DESTINATIONS =
  'destination_cluster=~"$destination_cluster", destination_workload_namespace=~"$destination_namespace", destination_workload=~"$destination_workload"';

export const serviceDashboard = (): Dashboard =>
  dashboardOf({
    uid: "weir-service",
    title: "weir: service",
    description:
      "One service: who calls it, how it answers, and which of its workloads does worse than the others.",
    variables: [
      ...meshNames(),
      single("service", "Service", meshValues("destination_service")),
      reporter(),
      several("source_cluster", "Client cluster", meshValues("source_cluster", ASKED)),
      several("source_namespace", "Client namespace", meshValues("source_workload_namespace", ASKED)),
      several(
        "source_workload",
        "Client workload",
        meshValues("source_workload", `${ASKED}, source_workload_namespace=~"$source_namespace"`),
      ),
      several("destination_cluster", "Service cluster", meshValues("destination_cluster", SERVER)),
      several(
        "destination_namespace",
        "Service namespace",
        meshValues("destination_workload_namespace", SERVER),
      ),
      several(
        "destination_workload",
        "Service workload",
        meshValues(
          "destination_workload",
          `${SERVER}, destination_cluster=~"$destination_cluster", destination_workload_namespace=~"$destination_namespace"`,
        ),
      ),
    ],
    reloads: "not shown",
    rows: [
      { title: "As its clients see it", panels: overview("Client", ASKED) },
      { title: "As its own proxies see it", panels: overview("Server", SERVER) },
      {
        title: "Client workloads",
        panels: trafficPanels({
          direction: "Incoming",
          apart: "by source",
          labels: "source_workload, source_workload_namespace",
          legend: "{{source_workload}}.{{source_workload_namespace}}",
          matchers: `${ASKED}, ${SOURCES}`,
          proof: "connection_security_policy",
        }),
      },
      {
        title: "Service workloads",
        panels: trafficPanels({
          direction: "Incoming",
          apart: "by destination workload",
          labels: "destination_workload, destination_workload_namespace",
          legend: "{{destination_workload}}.{{destination_workload_namespace}}",
          matchers: `${SERVER}, ${DESTINATIONS}`,
          proof: "connection_security_policy",
        }),
      },
    ],
  });

/** The figures of one end. */
const overview = (end: "Client" | "Server", matchers: string): readonly Panel[] => [
  stat({
    title: `${end} request volume`,
    description: "Requests a second.",
    width: 5,
    unit: "reqps",
    query: orZero(ratesBy("", mesh("requests_total", matchers))),
  }),
  stat({
    title: `${end} success rate (non-5xx responses)`,
    description: "The part of the requests whose response code is not 5xx.",
    width: 5,
    unit: "percentunit",
    thresholds: worseBelow(0.999, 0.99),
    none: "no traffic",
    query: restOf(
      shareBy(
        "",
        mesh("requests_total", `${matchers}, response_code=~"5.."`),
        mesh("requests_total", matchers),
      ),
    ),
  }),
  ...(["received", "sent"] as const).map((way) =>
    stat({
      title: `${end} TCP bytes ${way}`,
      description: `Bytes a second that proxies ${way === "received" ? "received from" : "sent to"} whoever opened the connection.`,
      width: 7,
      unit: "Bps",
      query: orZero(ratesBy("", mesh(`tcp_${way}_bytes_total`, matchers))),
    }),
  ),
  graph({
    title: `${end} request duration`,
    description:
      "From the first byte of a request to the last of its response. Points are requests with a trace.",
    width: 24,
    unit: "ms",
    exemplars: "shown",
    queries: quantiles("", "", mesh("request_duration_milliseconds_bucket", matchers)),
  }),
];
