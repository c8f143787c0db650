import { graph, type Panel, worseBelow } from "./panels.ts";
import { mesh, quantileBy, ratesBy, restOf, shareBy } from "./promql.ts";

/** What traffic is shown, and by whom it is told apart. */
export interface Traffic {
  /** `Incoming`, `Outgoing`. */
  readonly direction: string;
  /** `by source`. */
  readonly apart: string;
  /** Labels that tell who it is, and how they are written in legends. */
  readonly labels: string;
  readonly legend: string;
  readonly matchers: string;
  /** The label that tells whether the connection was proved to be who it is. */
  readonly proof: "connection_security_policy" | "destination_principal";
}

/** Requests, success, durations, sizes and TCP bytes of the traffic: seven panels. */
export function trafficPanels(traffic: Traffic): readonly Panel[] {
  const { direction, apart, labels, legend, matchers, proof } = traffic;
  const proved = `${labels}, ${proof}`;
  const provedLegend = `${legend} ({{${proof}}})`;
  return [
    graph({
      title: `${direction} requests ${apart} and response code`,
      description:
        "Requests a second. Code 0: no response began. In brackets: whether the connection was mutual TLS, or with whom.",
      width: 12,
      unit: "reqps",
      queries: {
        [`${legend}: {{response_code}} ({{${proof}}})`]: ratesBy(
          `${proved}, response_code`,
          mesh("requests_total", matchers),
        ),
      },
    }),
    graph({
      title: `${direction} success rate (non-5xx responses) ${apart}`,
      description: "The part of the requests whose response code is not 5xx.",
      width: 12,
      unit: "percentunit",
      max: 1,
      thresholds: worseBelow(0.999, 0.99),
      queries: {
        [provedLegend]: restOf(
          shareBy(
            proved,
            mesh("requests_total", `${matchers}, response_code=~"5.."`),
            mesh("requests_total", matchers),
          ),
        ),
      },
    }),
    durations(traffic),
    sizes(traffic, `${direction} request size ${apart}`, "request_bytes_bucket"),
    sizes(traffic, `Response size ${apart}`, "response_bytes_bucket"),
    ...bytes(traffic, proved, provedLegend),
  ];
}

const durations = ({ direction, apart, labels, legend, matchers }: Traffic): Panel =>
  graph({
    title: `${direction} request duration ${apart}`,
    description:
      "From the first byte of a request to the last of its response, as the proxy saw it. Points are requests with a trace.",
    width: 8,
    unit: "ms",
    exemplars: "shown",
    queries: quantiles(labels, legend, mesh("request_duration_milliseconds_bucket", matchers)),
  });

const sizes = ({ labels, legend, matchers }: Traffic, title: string, metric: string): Panel =>
  graph({
    title,
    description: "Bytes on the wire of the downstream connection, headers included.",
    width: 8,
    unit: "decbytes",
    queries: quantiles(labels, legend, mesh(metric, matchers)),
  });

/** Received and sent are the proxy's words, of its downstream connection: what a server sends, its client gets. */
const bytes = ({ direction, apart, matchers }: Traffic, labels: string, legend: string): readonly Panel[] =>
  (["received", "sent"] as const).map((way) =>
    graph({
      title: `${direction} TCP: bytes ${way} ${apart}`,
      description: `Bytes a second that the proxy ${way === "received" ? "received from" : "sent to"} whoever opened the connection.`,
      width: 12,
      unit: "Bps",
      queries: { [legend]: ratesBy(labels, mesh(`tcp_${way}_bytes_total`, matchers)) },
    }),
  );

/** P50, P90, P95 and P99 by legend. */
export const quantiles = (labels: string, legend: string, buckets: string): Record<string, string> =>
  Object.fromEntries(
    [0.5, 0.9, 0.95, 0.99].map((quantile) => [
      `${legend} P${quantile * 100}`.trim(),
      quantileBy(quantile, labels, buckets),
    ]),
  );
