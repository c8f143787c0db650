import type { AlertCase, Series } from "./alert-case.ts";

const SERVICE = { destination_service: "carts.shop.svc", destination_service_namespace: "shop" } as const;
const OF_SERVICE = 'destination_service="carts.shop.svc", destination_service_namespace="shop"';

/** So many answers a minute, by code. */
const answers = (metric: string, reporter: string, ofCodes: Readonly<Record<string, number>>): Series =>
  Object.fromEntries(
    Object.entries(ofCodes).map(([code, aMinute]) => [
      `${metric}{${OF_SERVICE}, reporter="${reporter}", response_code="${code}", response_flags="${code === "0" ? "DC" : "-"}"}`,
      `0+${aMinute}x1600`,
    ]),
  );

/** A hundred requests a minute, of which so many take less than a second; Prometheus 3 writes the bound with a point. */
const durations = (metric: string, quick: number, bound: string): Series => ({
  [`${metric}{${OF_SERVICE}, reporter="source", le="${bound}"}`]: `0+${quick}x1600`,
  [`${metric}{${OF_SERVICE}, reporter="source", le="+Inf"}`]: "0+100x1600",
});

export const MESH_CASES: readonly AlertCase[] = [
  {
    alert: "MeshErrorBudgetBurnsFast",
    evaluated: "1m",
    fires: {
      series: answers("weir_mesh_requests_total", "source", { 200: 570, 503: 30 }),
      at: "70m",
      labels: SERVICE,
      summary: "carts.shop.svc fails: 5% of its requests",
    },
    // What callers gave up on is not the service's fault.
    quiet: {
      series: answers("weir_mesh_requests_total", "source", { 200: 2_000, 503: 1, 0: 200 }),
      at: "70m",
    },
  },
  {
    alert: "MeshErrorBudgetBurnsSlowly",
    evaluated: "30m",
    fires: {
      series: answers("istio_requests_total", "destination", { 200: 996, 500: 4 }),
      at: "25h",
      labels: SERVICE,
      summary: "carts.shop.svc fails a little, for long: 0.4% of its requests",
    },
    quiet: { series: answers("istio_requests_total", "destination", { 200: 1_999, 500: 1 }), at: "25h" },
  },
  {
    alert: "MeshLatencyBudgetBurnsFast",
    evaluated: "1m",
    fires: {
      series: durations("weir_mesh_request_duration_milliseconds_bucket", 80, "1000"),
      at: "70m",
      labels: SERVICE,
      summary: "carts.shop.svc is slow: 20% of its requests take over 1000 ms",
    },
    quiet: { series: durations("weir_mesh_request_duration_milliseconds_bucket", 99.5, "1000"), at: "70m" },
  },
  {
    alert: "MeshLatencyBudgetBurnsSlowly",
    evaluated: "30m",
    fires: {
      series: durations("istio_request_duration_milliseconds_bucket", 95, "1000.0"),
      at: "25h",
      labels: SERVICE,
      summary: "carts.shop.svc is slow for long: 5% of its requests take over 1000 ms",
    },
    quiet: { series: durations("istio_request_duration_milliseconds_bucket", 99.5, "1000.0"), at: "25h" },
  },
];
