import { happened, share, type Alert, type Group } from "./rule.ts";

const percent = "{{ $value | humanizePercentage }}";

const quotas = (result: string): string =>
  `sum by (job, policy, quota) (rate(weir_quota_requests_total{result="${result}"}[5m])) > 0`;

const settlements = "weir_quota_settlements_total";

export const QUOTA_ALERTS: Group<Alert> = {
  name: "weir-quotas",
  rules: [
    {
      name: "WeirStoreAway",
      severity: "critical",
      expression: "min by (job, node) (weir_store_node_ready) == 0",
      holds: "1m",
      summary: "The Redis {{ $labels.node }} is away",
      means: "A Redis is away: what would count there comes to its onError.",
    },
    {
      name: "WeirStoreFails",
      severity: "warning",
      expression: `${share("job", 'weir_store_takes_total{result!~"fits|exceeds"}', "weir_store_takes_total", "5m")} > 0.01`,
      holds: "5m",
      summary: `The store has no answer to ${percent} of the takes of {{ $labels.job }}`,
      means: "Redis answers too late, says no, or has another clock.",
    },
    {
      name: "WeirQuotasFailOpen",
      severity: "warning",
      expression: quotas("passed"),
      holds: "5m",
      summary: "{{ $labels.policy }}/{{ $labels.quota }} lets requests pass uncounted",
      means: "The store is away, and a quota's onError lets every request pass: nothing limits it.",
    },
    {
      name: "WeirQuotasFailClosed",
      severity: "critical",
      expression: quotas("failed"),
      holds: "5m",
      summary: "{{ $labels.policy }}/{{ $labels.quota }} refuses requests, because the store is away",
      means: "The store is away, and a quota's onError refuses every request with 503.",
    },
    {
      name: "WeirSettlementsFail",
      severity: "warning",
      expression: `sum by (job, policy, quota) (rate(${settlements}{result=~"failed|unknown|gone"}[10m])) / sum by (job, policy, quota) (rate(${settlements}[10m])) > 0.01`,
      holds: "10m",
      summary: `${percent} of the late costs of {{ $labels.policy }}/{{ $labels.quota }} are not settled`,
      means:
        "Costs that are known after the response are not counted as they are: what was reserved counts instead.",
    },
    {
      name: "WeirSettlementsForged",
      severity: "warning",
      expression: happened("job, policy, quota", `${settlements}{result="forged"}`, "1h"),
      holds: "0m",
      summary:
        "Somebody settled {{ $labels.policy }}/{{ $labels.quota }} with a reservation that weir did not sign",
      means:
        "Reservations came back that weir did not sign: replicas with different secrets, or somebody who tries.",
    },
    {
      name: "WeirCountersForgotten",
      severity: "warning",
      expression: "increase(weir_store_counters_evicted_total[10m]) > 0",
      holds: "5m",
      summary: "{{ $labels.instance }} forgets counters before their time",
      means:
        "There are more counters than memory holds, and the oldest begin anew: those limits do not hold.",
    },
  ],
};
