import type { AlertCase, Series } from "./alert-case.ts";

const WEIR = { job: "weir", instance: "a" } as const;
const OF_WEIR = 'job="weir", instance="a"';

/** So many checks a minute, decided by a rule. */
const checks = (policy: string, rule: string, verdict: string, values: string): Series => ({
  [`weir_checks_total{${OF_WEIR}, policy="${policy}", rule="${rule}", verdict="${verdict}"}`]: values,
});

const allowed = (values: string): Series => checks("shop", "all", "allow", values);

/** A rule that denies for the first time after a day, and one that always has. */
const jump = (alert: string, policy: string, rule: string, summary: string): AlertCase => ({
  alert,
  evaluated: "30m",
  fires: {
    series: { ...allowed("0+100x1560"), ...checks(policy, rule, "deny", "0x1440 30+30x90") },
    at: "1500m",
    labels: { job: "weir", ...(policy === "" ? {} : { policy }), rule },
    summary,
  },
  quiet: {
    series: { ...allowed("0+100x1560"), ...checks(policy, rule, "deny", "0+30x1560") },
    at: "1500m",
  },
});

const buckets = (within: Readonly<Record<string, number>>): Series =>
  Object.fromEntries(
    Object.entries(within).map(([le, aMinute]) => [
      `weir_check_duration_seconds_bucket{${OF_WEIR}, le="${le}"}`,
      `0+${aMinute}x30`,
    ]),
  );

const CHECKS: readonly AlertCase[] = [
  {
    alert: "WeirDown",
    evaluated: "1m",
    fires: {
      series: { [`up{${OF_WEIR}}`]: "1 1 0x10" },
      at: "5m",
      labels: WEIR,
      summary: "a does not answer",
    },
    quiet: { series: { [`up{${OF_WEIR}}`]: "1x10", 'up{job="other", instance="b"}': "0x10" }, at: "5m" },
  },
  {
    alert: "WeirChecksSlow",
    evaluated: "1m",
    fires: {
      series: buckets({ "0.1": 90, "0.25": 100, "+Inf": 100 }),
      at: "20m",
      labels: WEIR,
      summary: "a takes 235ms for checks (P99)",
    },
    quiet: { series: buckets({ "0.1": 100, "0.25": 100, "+Inf": 100 }), at: "20m" },
  },
  {
    alert: "WeirOverloaded",
    evaluated: "1m",
    fires: {
      series: { ...allowed("0+594x20"), ...checks("", "weir/overload", "deny", "0+6x20") },
      at: "15m",
      labels: { job: "weir" },
      summary: "1% of the checks of weir were not decided in time",
    },
    quiet: {
      series: { ...allowed("0+594x20"), ...checks("", "weir/bad-host", "deny", "0+6x20") },
      at: "15m",
    },
  },
  {
    alert: "WeirErrorVerdicts",
    evaluated: "1m",
    fires: {
      series: { ...allowed("0+594x20"), ...checks("shop", "plan", "error", "0+6x20") },
      at: "15m",
      labels: { job: "weir" },
      summary: "1% of the checks of weir were left to Envoy's failure mode",
    },
    quiet: { series: { ...allowed("0+594x20"), ...checks("shop", "plan", "deny", "0+6x20") }, at: "15m" },
  },
  {
    alert: "WeirInternalErrors",
    evaluated: "1m",
    fires: {
      // The first one: there was no series before it.
      series: { [`weir_internal_errors_total{${OF_WEIR}, method="Check"}`]: "_x10 1x5" },
      at: "12m",
      labels: { ...WEIR, method: "Check" },
      summary: "a had exceptions in Check",
    },
    quiet: { series: { [`weir_internal_errors_total{${OF_WEIR}, method="Check"}`]: "5x40" }, at: "30m" },
  },
  jump(
    "WeirRefusalsJump",
    "",
    "weir/ungoverned",
    "23.08% of the checks of weir are refused by weir/ungoverned, far more than yesterday",
  ),
  jump(
    "WeirDenialsJump",
    "orders",
    "owner",
    "23.08% of the checks of weir are denied by orders/owner, far more than yesterday",
  ),
  {
    alert: "WeirHandlerFails",
    evaluated: "1m",
    fires: {
      series: {
        [`weir_handler_answers_total{${OF_WEIR}, handler="plans", verdict="error"}`]: "0+2x20",
        [`weir_handler_answers_total{${OF_WEIR}, handler="plans", verdict="allow"}`]: "0+98x20",
      },
      at: "15m",
      labels: { job: "weir", handler: "plans" },
      summary: "plans has no answer to 2% of the questions",
    },
    quiet: {
      series: {
        [`weir_handler_answers_total{${OF_WEIR}, handler="plans", verdict="deny"}`]: "0+2x20",
        [`weir_handler_answers_total{${OF_WEIR}, handler="plans", verdict="error"}`]: "7x20",
      },
      at: "15m",
    },
  },
  {
    alert: "WeirIdentityUnavailable",
    evaluated: "1m",
    fires: {
      series: {
        [`weir_identity_findings_total{${OF_WEIR}, identity="shop/user", finding="unavailable"}`]: "0+1x20",
      },
      at: "15m",
      labels: { job: "weir", identity: "shop/user" },
      summary: "The keys of shop/user are not there",
    },
    quiet: {
      series: { [`weir_identity_findings_total{${OF_WEIR}, identity="shop/user", finding="bad"}`]: "0+1x20" },
      at: "15m",
    },
  },
  {
    alert: "WeirRecordsLost",
    evaluated: "1m",
    fires: {
      series: { [`weir_record_lines_total{${OF_WEIR}, result="full"}`]: "_x5 1x10" },
      at: "8m",
      labels: { ...WEIR, result: "full" },
      summary: "a lost lines of decisions (full)",
    },
    quiet: { series: { [`weir_record_lines_total{${OF_WEIR}, result="written"}`]: "0+5x30" }, at: "20m" },
  },
];

const part = (team: string, current: 0 | 1): Series => ({
  [`weir_config_part_current{${OF_WEIR}, team="${team}"}`]: `${current}x30`,
});
const reloaded = (value: 0 | 1): Series => ({
  [`weir_config_last_reload_successful{${OF_WEIR}}`]: `${value}x30`,
});

const CONFIGURATION: readonly AlertCase[] = [
  {
    alert: "WeirReloadFailed",
    evaluated: "1m",
    fires: {
      series: { ...reloaded(0), ...part("", 0) },
      at: "10m",
      labels: WEIR,
      summary: "a does not take its newest files",
    },
    // A team's fault is that team's alert.
    quiet: { series: { ...reloaded(0), ...part("", 1), ...part("orders", 0) }, at: "10m" },
  },
  {
    alert: "WeirTeamHeldBack",
    evaluated: "1m",
    fires: {
      series: { ...part("", 1), ...part("orders", 0) },
      at: "15m",
      labels: { job: "weir", team: "orders" },
      summary: "The newest files of team orders are held back",
    },
    quiet: { series: { ...part("", 0), ...part("orders", 1) }, at: "15m" },
  },
  {
    alert: "WeirOverrideActive",
    evaluated: "1m",
    fires: {
      series: {
        [`weir_config_override_active{${OF_WEIR}, policy="orders", rule="owner", mode="shadow"}`]: "1x10",
      },
      at: "8m",
      labels: { job: "weir", policy: "orders", rule: "owner", mode: "shadow" },
      summary: "orders/owner is overridden: shadow",
    },
    quiet: {
      series: {
        [`weir_config_override_active{${OF_WEIR}, policy="orders", rule="owner", mode="shadow"}`]:
          "1x5 stale",
      },
      at: "12m",
    },
  },
  {
    alert: "WeirOverrideEnds",
    evaluated: "1m",
    fires: {
      series: {
        [`weir_config_override_ends_timestamp_seconds{${OF_WEIR}, policy="orders", rule="owner"}`]: "3600x40",
      },
      at: "30m",
      labels: { job: "weir", policy: "orders", rule: "owner" },
      summary: "The override of orders/owner ends in 30m 0s",
    },
    quiet: {
      series: {
        [`weir_config_override_ends_timestamp_seconds{${OF_WEIR}, policy="orders", rule="owner"}`]: "7200x40",
      },
      at: "30m",
    },
  },
  {
    alert: "WeirReplicasDiffer",
    evaluated: "1m",
    fires: {
      series: {
        [`weir_config_info{${OF_WEIR}, revision="1111"}`]: "1x20",
        'weir_config_info{job="weir", instance="b", revision="2222"}': "1x20",
      },
      at: "15m",
      labels: { job: "weir" },
      summary: "The replicas of weir serve 2 configurations",
    },
    quiet: {
      series: {
        [`weir_config_info{${OF_WEIR}, revision="1111"}`]: "1x20",
        'weir_config_info{job="weir", instance="b", revision="1111"}': "1x20",
      },
      at: "15m",
    },
  },
  {
    alert: "WeirCertificateRefused",
    evaluated: "1m",
    fires: {
      series: { [`weir_tls_renewals_total{${OF_WEIR}, listener="grpc", result="refused"}`]: "_x10 1x10" },
      at: "15m",
      labels: { ...WEIR, listener: "grpc" },
      summary: "a refused new certificates of grpc",
    },
    quiet: {
      series: { [`weir_tls_renewals_total{${OF_WEIR}, listener="grpc", result="renewed"}`]: "_x10 1x10" },
      at: "15m",
    },
  },
];

const PROCESS: readonly AlertCase[] = [
  {
    alert: "WeirEventLoopDelayed",
    evaluated: "1m",
    fires: {
      series: { [`nodejs_eventloop_lag_p99_seconds{${OF_WEIR}}`]: "0.08x20" },
      at: "15m",
      labels: WEIR,
      summary: "Everything in a waits 80ms for the turn before it",
    },
    quiet: {
      series: {
        [`nodejs_eventloop_lag_p99_seconds{${OF_WEIR}}`]: "0.01x20",
        'nodejs_eventloop_lag_p99_seconds{job="web", instance="c"}': "0.08x20",
      },
      at: "15m",
    },
  },
  {
    alert: "WeirBusy",
    evaluated: "1m",
    fires: {
      series: { [`process_cpu_seconds_total{${OF_WEIR}}`]: "0+57x40" },
      at: "30m",
      labels: WEIR,
      summary: "a uses 0.95 cores",
    },
    quiet: { series: { [`process_cpu_seconds_total{${OF_WEIR}}`]: "0+30x40" }, at: "30m" },
  },
];

export const CHECK_CASES: readonly AlertCase[] = [...CHECKS, ...CONFIGURATION, ...PROCESS];
