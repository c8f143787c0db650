import type { Dashboard } from "@grafana/grafana-foundation-sdk/dashboard";
import { dashboardOf } from "./dashboard.ts";
import { graph, type Panel, stat, table, worseAbove, worseBelow, ZERO_IS_GOOD } from "./panels.ts";
import { meanOf, orZero, quantileBy, ratesBy, shareBy, weir } from "./promql.ts";
import { replicas, several } from "./variables.ts";

const quotas = (matchers = ""): string =>
  weir("weir_quota_requests_total", matchers === "" ? POLICY : `${POLICY}, ${matchers}`);

const POLICY = 'policy=~"$policy"';

/** What a store answered; all else is no answer. */
const ANSWERED = 'result!~"fits|exceeds"';

export const quotasDashboard = (): Dashboard =>
  dashboardOf({
    uid: "weir-quotas",
    title: "weir: quotas and rate limits",
    description: "What callers use up, who is near a limit, and whether what counts them is well.",
    variables: [
      ...replicas(),
      several("policy", "Policy", `label_values(${weir("weir_quota_requests_total")}, policy)`),
    ],
    reloads: "shown",
    rows: [
      { title: "Quotas of policies", panels: policies },
      { title: "Late costs and corrections", panels: late },
      { title: "Rate limits of Envoy", panels: rateLimits },
      { title: "The store", panels: store },
    ],
  });

const policies: readonly Panel[] = [
  stat({
    title: "Over a quota",
    description: "The part of the requests to quotas that was over one. In shadow they are counted, too.",
    width: 6,
    unit: "percentunit",
    none: "no quotas",
    query: shareBy("", quotas('result="exceeds"'), quotas()),
  }),
  stat({
    title: "Near a quota",
    description: "Requests a second that fitted, and were beyond warnAt.",
    width: 6,
    unit: "reqps",
    query: orZero(ratesBy("", quotas('result="warned"'))),
  }),
  stat({
    title: "Passed uncounted",
    description: "Requests a second that passed because the store was away and onError lets them.",
    width: 6,
    unit: "reqps",
    thresholds: ZERO_IS_GOOD,
    query: orZero(ratesBy("", quotas('result="passed"'))),
  }),
  stat({
    title: "Counted by each replica alone",
    description:
      "Requests a second that were counted against a part of the limit, because the store was away.",
    width: 6,
    unit: "reqps",
    thresholds: ZERO_IS_GOOD,
    query: orZero(ratesBy("", quotas('by="local"'))),
  }),
  graph({
    title: "Requests to quotas",
    description:
      "Requests a second by policy, quota and what they came to. passed and failed: the store was away.",
    width: 12,
    unit: "reqps",
    queries: {
      "{{policy}}/{{quota}}: {{result}} ({{mode}})": ratesBy("policy, quota, result, mode", quotas()),
    },
  }),
  graph({
    title: "By whom they were counted",
    description:
      "store; local: this process alone, while the store is away; remembered: the store had just said that the counter is exhausted.",
    width: 12,
    unit: "reqps",
    look: "stacked",
    queries: { "{{by}}": ratesBy("by", quotas()) },
  }),
  table({
    title: "Quotas with most refusals",
    description:
      "What was over in the time shown, by policy and quota. `weir quotas --policy … --quota …` names the callers.",
    width: 24,
    height: 8,
    labels: {
      policy: { heading: "Policy" },
      quota: { heading: "Quota" },
      mode: { heading: "Mode" },
    },
    values: {
      Over: {
        query: `topk(20, sum by (policy, quota, mode) (increase(${quotas('result="exceeds"')}[$__range])))`,
        unit: "short",
      },
      Share: {
        query: `sum by (policy, quota, mode) (increase(${quotas('result="exceeds"')}[$__range])) / sum by (policy, quota, mode) (increase(${quotas()}[$__range]))`,
        unit: "percentunit",
        thresholds: worseAbove(0.05, 0.5),
      },
      Warned: {
        query: `sum by (policy, quota, mode) (increase(${quotas('result="warned"')}[$__range]))`,
        unit: "short",
      },
    },
  }),
];

const late: readonly Panel[] = [
  graph({
    title: "Late costs",
    description:
      "Costs that are known after the response, a second. forged: not signed by weir; gone: settled before or too late.",
    width: 8,
    unit: "ops",
    queries: {
      "{{policy}}/{{quota}}: {{result}}": ratesBy(
        "policy, quota, result",
        weir("weir_quota_settlements_total", POLICY),
      ),
    },
  }),
  graph({
    title: "Not counted, not given back",
    description:
      "Counts and refunds a second that were lost, because the store was away or too much was waiting.",
    width: 8,
    unit: "ops",
    queries: { "{{what}}": ratesBy("what", weir("weir_quota_lost_total")) },
  }),
  graph({
    title: "Counters that somebody reset",
    description: "By hand, at the admin listener, a second.",
    width: 8,
    unit: "ops",
    queries: {
      "{{policy}}/{{quota}}: {{result}}": ratesBy(
        "policy, quota, result",
        weir("weir_quota_resets_total", POLICY),
      ),
    },
  }),
];

const rateLimits: readonly Panel[] = [
  graph({
    title: "Rate-limit requests",
    description: "Requests of Envoy's rate-limit filters a second, by domain and answer.",
    width: 12,
    unit: "reqps",
    queries: { "{{domain}}: {{code}}": ratesBy("domain, code", weir("weir_rate_limit_requests_total")) },
  }),
  graph({
    title: "Duration of rate-limit requests",
    description: "From the arrival of a request to its answer, inside weir.",
    width: 12,
    unit: "s",
    thresholds: worseAbove(0.01, 0.02),
    queries: {
      P50: quantileBy(0.5, "", weir("weir_rate_limit_duration_seconds_bucket")),
      P99: quantileBy(0.99, "", weir("weir_rate_limit_duration_seconds_bucket")),
    },
  }),
  graph({
    title: "Hits by limit",
    description: "The fifteen limits that are most over, near (above 80 %) or over in shadow: hits a second.",
    width: 24,
    unit: "ops",
    queries: {
      "{{domain}} {{descriptor}}: {{result}}": `topk(15, ${ratesBy("domain, descriptor, result", weir("weir_rate_limit_hits_total", 'result!="within"'))})`,
    },
  }),
];

const store: readonly Panel[] = [
  stat({
    title: "Redis nodes ready",
    description: "The part of the nodes that are connected and answer. Empty: counters are in memory.",
    width: 6,
    unit: "percentunit",
    thresholds: worseBelow(1, 1),
    none: "in memory",
    query: `avg(${weir("weir_store_node_ready")})`,
  }),
  stat({
    title: "Takes without an answer",
    description: "The part of the takes that the store did not answer: each comes to its quota's onError.",
    width: 6,
    unit: "percentunit",
    thresholds: worseAbove(0.000_001, 0.01),
    none: "no takes",
    query: shareBy("", weir("weir_store_takes_total", ANSWERED), weir("weir_store_takes_total")),
  }),
  stat({
    title: "Takes in one call",
    description: "How many takes go to Redis together, on average: more under load.",
    width: 6,
    unit: "short",
    none: "no calls",
    query: meanOf(weir("weir_store_call_items_sum"), weir("weir_store_call_items_count")),
  }),
  stat({
    title: "Counters forgotten early",
    description:
      "Counters in memory that were forgotten in the time shown because there were too many: those limits begin anew.",
    width: 6,
    unit: "short",
    thresholds: ZERO_IS_GOOD,
    query: `sum(increase(${weir("weir_store_counters_evicted_total")}[$__range]))`,
  }),
  graph({
    title: "Takes",
    description: "Takes from counters a second: fits, exceeds, or why there was no answer.",
    width: 8,
    unit: "ops",
    queries: { "{{result}}": ratesBy("result", weir("weir_store_takes_total")) },
  }),
  graph({
    title: "Duration of calls to Redis",
    description: "From a call to its answer; those without one are not in it.",
    width: 8,
    unit: "s",
    thresholds: worseAbove(0.01, 0.05),
    queries: {
      P50: quantileBy(0.5, "", weir("weir_store_call_duration_seconds_bucket")),
      P99: quantileBy(0.99, "", weir("weir_store_call_duration_seconds_bucket")),
    },
  }),
  graph({
    title: "Redis nodes",
    description: "1 while a node is connected and answers, as each weir sees it.",
    width: 8,
    unit: "short",
    max: 1,
    queries: { "{{node}} seen by {{instance}}": weir("weir_store_node_ready") },
  }),
];
