import type { AlertCase, Series } from "./alert-case.ts";

const OF_WEIR = 'job="weir", instance="a"';
const QUOTA = { job: "weir", policy: "search", quota: "per-workload" } as const;
const OF_QUOTA = `${OF_WEIR}, policy="search", quota="per-workload"`;

const requests = (result: string): Series => ({
  [`weir_quota_requests_total{${OF_QUOTA}, result="${result}", by="store", mode="enforce"}`]: "0+5x20",
});

const settled = (result: string, values: string): Series => ({
  [`weir_quota_settlements_total{${OF_QUOTA}, result="${result}"}`]: values,
});

const takes = (result: string, aMinute: number): Series => ({
  [`weir_store_takes_total{${OF_WEIR}, result="${result}"}`]: `0+${aMinute}x20`,
});

export const QUOTA_CASES: readonly AlertCase[] = [
  {
    alert: "WeirStoreAway",
    evaluated: "1m",
    fires: {
      series: { [`weir_store_node_ready{${OF_WEIR}, node="redis"}`]: "1 1 0x10" },
      at: "5m",
      labels: { job: "weir", node: "redis" },
      summary: "The Redis redis is away",
    },
    quiet: { series: { [`weir_store_node_ready{${OF_WEIR}, node="redis"}`]: "0 1x10" }, at: "5m" },
  },
  {
    alert: "WeirStoreFails",
    evaluated: "1m",
    fires: {
      series: { ...takes("fits", 98), ...takes("timeout", 2) },
      at: "15m",
      labels: { job: "weir" },
      summary: "The store has no answer to 2% of the takes of weir",
    },
    quiet: { series: { ...takes("fits", 98), ...takes("exceeds", 50) }, at: "15m" },
  },
  {
    alert: "WeirQuotasFailOpen",
    evaluated: "1m",
    fires: {
      series: requests("passed"),
      at: "15m",
      labels: QUOTA,
      summary: "search/per-workload lets requests pass uncounted",
    },
    quiet: { series: { ...requests("fits"), ...requests("exceeds") }, at: "15m" },
  },
  {
    alert: "WeirQuotasFailClosed",
    evaluated: "1m",
    fires: {
      series: requests("failed"),
      at: "15m",
      labels: QUOTA,
      summary: "search/per-workload refuses requests, because the store is away",
    },
    quiet: { series: requests("exceeds"), at: "15m" },
  },
  {
    alert: "WeirSettlementsFail",
    evaluated: "1m",
    fires: {
      series: { ...settled("settled", "0+95x40"), ...settled("failed", "0+5x40") },
      at: "30m",
      labels: QUOTA,
      summary: "5% of the late costs of search/per-workload are not settled",
    },
    quiet: { series: { ...settled("settled", "0+95x40"), ...settled("failed", "3x40") }, at: "30m" },
  },
  {
    alert: "WeirSettlementsForged",
    evaluated: "1m",
    fires: {
      series: settled("forged", "_x10 1x10"),
      at: "15m",
      labels: QUOTA,
      summary: "Somebody settled search/per-workload with a reservation that weir did not sign",
    },
    quiet: { series: settled("settled", "_x10 1x10"), at: "15m" },
  },
  {
    alert: "WeirCountersForgotten",
    evaluated: "1m",
    fires: {
      series: { [`weir_store_counters_evicted_total{${OF_WEIR}}`]: "0+5x30" },
      at: "20m",
      labels: { job: "weir", instance: "a" },
      summary: "a forgets counters before their time",
    },
    quiet: { series: { [`weir_store_counters_evicted_total{${OF_WEIR}}`]: "5x30" }, at: "20m" },
  },
];
