import type { Measurement, MetricFamily } from "../../../src/adapter/report.ts";

const FAMILY: MetricFamily = {
  id: "istio.http",
  labels: ["reporter", "response_code"],
  metrics: [
    { name: "requests_total", help: "Requests.", kind: "counter", bounds: [] },
    { name: "request_duration_milliseconds", help: "How long.", kind: "histogram", bounds: [1, 10] },
  ],
};

/** What one request adds, of the caller's side, with a status. */
export const measured = (code: string, ...values: readonly (number | undefined)[]): Measurement => ({
  kind: "measurement",
  family: FAMILY,
  labels: ["source", code],
  values,
  observedAtMs: 1_700_000_001_000,
  added: new Map([["team", "a"]]),
  trace: undefined,
});
