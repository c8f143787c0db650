import type { Dashboard } from "@grafana/grafana-foundation-sdk/dashboard";
import { dashboardOf } from "./dashboard.ts";
import { graph, type Panel, stat, table, worseAbove, ZERO_IS_GOOD } from "./panels.ts";
import { grown, orZero, quantileBy, ratesBy, shareBy, sumBy, weir } from "./promql.ts";
import { replicas } from "./variables.ts";

const checks = (matchers = ""): string => weir("weir_checks_total", matchers);

export const decisionsDashboard = (): Dashboard =>
  dashboardOf({
    uid: "weir-decisions",
    title: "weir: decisions",
    description: "What checks come to, who says no and why, and whom that waits for.",
    variables: replicas(),
    reloads: "shown",
    rows: [
      { title: "Checks", panels: [...figures, ...overTime] },
      { title: "Who says no", panels: refusals },
      { title: "Shadow and candidate: what would change", panels: differences },
      { title: "Whom checks wait for", panels: others },
      { title: "Records", panels: records },
    ],
  });

const figures: readonly Panel[] = [
  stat({
    title: "Checks",
    description: "Checks answered a second.",
    width: 4,
    unit: "reqps",
    query: orZero(ratesBy("", checks())),
  }),
  stat({
    title: "Denied",
    description: "The part of the checks that was denied, by policies or by weir itself.",
    width: 4,
    unit: "percentunit",
    none: "no checks",
    query: shareBy("", checks('verdict="deny"'), checks()),
  }),
  stat({
    title: "Left to Envoy's failure mode",
    description:
      "The part of the checks that weir could not decide: Envoy's failure mode did. Should be none.",
    width: 5,
    unit: "percentunit",
    thresholds: worseAbove(0.000_001, 0.01),
    none: "no checks",
    query: shareBy("", checks('verdict="error"'), checks()),
  }),
  stat({
    title: "Refused for overload",
    description: "The part of the checks that were not decided in time (weir/overload), and so refused.",
    width: 4,
    unit: "percentunit",
    thresholds: worseAbove(0.000_001, 0.01),
    none: "no checks",
    query: shareBy("", checks('rule="weir/overload"'), checks()),
  }),
  stat({
    title: "P99",
    description:
      "99 of 100 checks are decided within this time, inside weir. Envoy's patience is 200 ms by default.",
    width: 4,
    unit: "s",
    thresholds: worseAbove(0.025, 0.1),
    none: "no checks",
    query: quantileBy(0.99, "", weir("weir_check_duration_seconds_bucket")),
  }),
  stat({
    title: "Internal errors",
    description: "Exceptions of weir's own. Any is a bug.",
    width: 3,
    unit: "short",
    thresholds: ZERO_IS_GOOD,
    query: orZero(`sum(increase(${weir("weir_internal_errors_total")}[$__range]))`),
  }),
];

const overTime: readonly Panel[] = [
  graph({
    title: "Checks by verdict",
    description: "Checks a second. An error is left to Envoy's failure mode.",
    width: 12,
    unit: "reqps",
    look: "stacked",
    queries: { "{{verdict}}": ratesBy("verdict", checks()) },
  }),
  graph({
    title: "Duration of checks",
    description:
      "From the arrival of a check to its answer, inside weir: what the way there and Envoy add is not in it.",
    width: 12,
    unit: "s",
    thresholds: worseAbove(0.1, 0.2),
    queries: Object.fromEntries(
      [0.5, 0.9, 0.99, 0.999].map((quantile) => [
        `P${quantile * 100}`,
        quantileBy(quantile, "", weir("weir_check_duration_seconds_bucket")),
      ]),
    ),
  }),
];

const refusals: readonly Panel[] = [
  graph({
    title: "Denials by rule",
    description:
      "The ten rules that deny most, a second. `default`: no rule allowed it. `weir/…`: weir itself.",
    width: 12,
    unit: "reqps",
    queries: { "{{policy}}/{{rule}}": `topk(10, ${ratesBy("policy, rule", checks('verdict="deny"'))})` },
  }),
  graph({
    title: "weir's own refusals",
    description: "Refusals a second by weir/…, whatever policies say: the runbook has a row for each.",
    width: 12,
    unit: "reqps",
    queries: {
      "{{rule}} ({{verdict}})": ratesBy("rule, verdict", checks('rule=~"weir/.+", verdict!="allow"')),
    },
  }),
  table({
    title: "Who said no",
    description:
      "Checks that were not allowed in the time shown, by policy and rule, and what part of all checks they were.",
    width: 12,
    labels: {
      policy: { heading: "Policy" },
      rule: { heading: "Rule" },
      verdict: { heading: "Verdict" },
    },
    values: {
      Checks: {
        query: `sum by (policy, rule, verdict) (increase(${checks('verdict!="allow"')}[$__range])) > 0`,
        unit: "short",
      },
      Share: {
        query: `sum by (policy, rule, verdict) (increase(${checks('verdict!="allow"')}[$__range])) / on () group_left () sum(increase(${checks()}[$__range])) > 0`,
        unit: "percentunit",
      },
    },
  }),
  graph({
    title: "Callers that may not ask",
    description: "Calls a second of proxies whose certificate the listener's allow does not have.",
    width: 6,
    unit: "reqps",
    queries: { "{{listener}}": ratesBy("listener", weir("weir_refused_callers_total")) },
  }),
  graph({
    title: "Credentials",
    description:
      "Credentials looked at a second, by identity and finding. unavailable: the keys to verify them are not there.",
    width: 6,
    unit: "ops",
    queries: {
      "{{identity}}: {{finding}}": ratesBy("identity, finding", weir("weir_identity_findings_total")),
    },
  }),
];

const differences: readonly Panel[] = [
  graph({
    title: "Rules in shadow",
    description: "What rules and policies in shadow would have said, a second. unknown: a value was missing.",
    width: 8,
    unit: "reqps",
    queries: {
      "{{policy}}/{{rule}}: {{verdict}}": ratesBy(
        "policy, rule, verdict",
        weir("weir_shadow_decisions_total"),
      ),
      "not evaluated": ratesBy("", weir("weir_shadow_dropped_total")),
    },
  }),
  graph({
    title: "The candidate's answers",
    description: "Checks a second that the candidate decided again, by what came of them.",
    width: 8,
    unit: "reqps",
    look: "stacked",
    queries: { "{{result}}": ratesBy("result", weir("weir_candidate_checks_total")) },
  }),
  graph({
    title: "What the candidate would change",
    description:
      "Checks a second that the candidate answers otherwise, by its rule, from the live verdict to its own.",
    width: 8,
    unit: "reqps",
    queries: {
      "{{policy}}/{{rule}}: {{from}} to {{to}}": ratesBy(
        "policy, rule, from, to",
        weir("weir_candidate_diff_total"),
      ),
    },
  }),
];

const others: readonly Panel[] = [
  graph({
    title: "Answers of handlers",
    description:
      "Questions to back-ends a second, by what came of them. An error comes to the rule's onError.",
    width: 8,
    unit: "reqps",
    queries: { "{{handler}}: {{verdict}}": ratesBy("handler, verdict", weir("weir_handler_answers_total")) },
  }),
  graph({
    title: "Time to answer, by handler",
    description: "99 of 100 questions are answered within this time. Checks wait for it.",
    width: 8,
    unit: "s",
    queries: {
      "{{handler}} P50": quantileBy(0.5, "handler", weir("weir_handler_duration_seconds_bucket")),
      "{{handler}} P99": quantileBy(0.99, "handler", weir("weir_handler_duration_seconds_bucket")),
    },
  }),
  graph({
    title: "Requests of weir's own",
    description: "Keys, lists and back-ends that weir fetches, a second, by host and outcome.",
    width: 8,
    unit: "reqps",
    queries: { "{{host}}: {{outcome}}": ratesBy("host, outcome", weir("weir_outbound_requests_total")) },
  }),
];

const records: readonly Panel[] = [
  graph({
    title: "Lines of decisions",
    description: "Lines a second by what became of them. Anything but written is lost.",
    width: 12,
    unit: "ops",
    queries: { "{{result}}": ratesBy("result", weir("weir_record_lines_total")) },
  }),
  graph({
    title: "Decisions that /decisions does not have",
    description: "Refusals and faults that were not kept for weir why, because too many came at a time.",
    width: 12,
    unit: "short",
    queries: { forgotten: sumBy("", grown(weir("weir_recent_decisions_dropped_total"))) },
  }),
];
