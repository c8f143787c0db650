import type { MetricRow } from "./metric-row.ts";
import { REPORT_CATALOGUE } from "./report-catalogue.ts";

/** Every metric of weir's own process. docs/metrics.md is generated from this table. */
export const CATALOGUE = {
  checks: {
    name: "weir_checks_total",
    kind: "counter",
    labels: ["policy", "rule", "verdict"],
    meaning:
      "Checks answered, by the policy and rule that decided and the verdict (`allow`, `deny`, `error`). Rules that begin with `weir/` are weir's own and have an empty policy, but for `weir/budget`, which names the policy whose expression it was.",
  },
  checkDuration: {
    name: "weir_check_duration_seconds",
    kind: "histogram",
    labels: [],
    meaning: "From the arrival of a check to its encoded answer, inside weir.",
  },
  rateLimits: {
    name: "weir_rate_limit_requests_total",
    kind: "counter",
    labels: ["domain", "code"],
    meaning:
      "Rate-limit requests answered, by domain (`unknown` for all that no file has; empty where the request could not be read) and code: `ok`, `over_limit`, or the status of gRPC that Envoy was given.",
  },
  rateLimitHits: {
    name: "weir_rate_limit_hits_total",
    kind: "counter",
    labels: ["domain", "descriptor", "result"],
    meaning:
      "Hits that limits counted, by domain, descriptor as its file writes it (`other` beyond a thousand; `override` for limits that came with the request) and what they came to: `within` the limit, `near` it (those above 80 % of it; hits of one request are divided), `over` it (all hits of a request that exceeds it), or over one in `shadow`.",
  },
  rateLimitDuration: {
    name: "weir_rate_limit_duration_seconds",
    kind: "histogram",
    labels: [],
    meaning: "From the arrival of a rate-limit request to its encoded answer, inside weir.",
  },
  shadowDecisions: {
    name: "weir_shadow_decisions_total",
    kind: "counter",
    labels: ["policy", "rule", "verdict"],
    meaning:
      "What rules and policies in shadow would have said: `allow`, `deny`, or `unknown` where a value was missing. Evaluated after the answer, never enforced.",
  },
  shadowDropped: {
    name: "weir_shadow_dropped_total",
    kind: "counter",
    labels: [],
    meaning: "Checks whose shadow rules were not evaluated because too many were waiting.",
  },
  carriedCut: {
    name: "weir_report_carried_cut_total",
    kind: "counter",
    labels: [],
    meaning: "Answers to checks that had no room for all that telemetry rules read of the check.",
  },
  recentDropped: {
    name: "weir_recent_decisions_dropped_total",
    kind: "counter",
    labels: [],
    meaning: "Refusals and faults that /decisions does not have because too many came at a time.",
  },
  recordLines: {
    name: "weir_record_lines_total",
    kind: "counter",
    labels: ["result"],
    meaning:
      "Lines of decisions and audit: `written`; `full` and `late`, dropped because too many were waiting; `failed`, which the file or pipe did not take.",
  },
  candidateChecks: {
    name: "weir_candidate_checks_total",
    kind: "counter",
    labels: ["result"],
    meaning:
      "Checks that `serve --candidate` decided again: `same`, `different`, `unknown` where somebody would have had to be asked, `dropped` because too many were waiting.",
  },
  candidateDiff: {
    name: "weir_candidate_diff_total",
    kind: "counter",
    labels: ["policy", "rule", "from", "to"],
    meaning:
      "Of those, what the candidate answers otherwise: the policy and rule of the candidate's that would decide, the live verdict and the candidate's. From `allow` to `allow`, headers or metadata differ; from `deny` to `deny`, the status does.",
  },
  quotaRequests: {
    name: "weir_quota_requests_total",
    kind: "counter",
    labels: ["policy", "quota", "result", "by", "mode"],
    meaning:
      "What quotas of policies came to: `fits`, `exceeds`, `warned` (it fits, and `warnAt` is reached), `counted` (charged after a refusal), `passed` and `failed` (the store was away, by the quota's `onError`). `by` is `store`; `local` where this process counted alone; `remembered` where the store had just said that the counter is exhausted.",
  },
  quotaLost: {
    name: "weir_quota_lost_total",
    kind: "counter",
    labels: ["what"],
    meaning:
      "What was to be counted after a refusal (`count`) or given back (`refund`) and was not, because the store was away or too much was waiting.",
  },
  quotaResets: {
    name: "weir_quota_resets_total",
    kind: "counter",
    labels: ["policy", "quota", "result"],
    meaning:
      "Counters that somebody had forgotten by the admin listener: `reset`; `nothing`, nothing was counted; `failed`, the store was away.",
  },
  rateLimitResets: {
    name: "weir_rate_limit_resets_total",
    kind: "counter",
    labels: ["domain", "result"],
    meaning: "The same of counters of rate limits, by domain.",
  },
  quotaSettlements: {
    name: "weir_quota_settlements_total",
    kind: "counter",
    labels: ["policy", "quota", "result"],
    meaning:
      "Late costs, by what became of them: `settled`; `gone`, settled before or after its time; `unknown`, the cost had no value; `forged`, not signed by weir; `failed`, the store was away; `dropped`, too many waited for it.",
  },
  internalErrors: {
    name: "weir_internal_errors_total",
    kind: "counter",
    labels: ["method"],
    meaning:
      "Exceptions of weir's own. Any is a bug: the request was refused with 500, the log has the reason.",
  },
  reloads: {
    name: "weir_config_reloads_total",
    kind: "counter",
    labels: ["result"],
    meaning: "Attempts to load the configuration: `live`, `unchanged`, or `refused`.",
  },
  lastReloadSuccessful: {
    name: "weir_config_last_reload_successful",
    kind: "gauge",
    labels: [],
    meaning:
      "1 when the files as they are now are live, 0 when the last good ones are kept; the log says why.",
  },
  lastReloadSuccess: {
    name: "weir_config_last_reload_success_timestamp_seconds",
    kind: "gauge",
    labels: [],
    meaning: "When the live configuration was loaded.",
  },
  configuration: {
    name: "weir_config_info",
    kind: "gauge",
    labels: ["revision"],
    meaning: "1 for the revision that is live. Two replicas with the same files have the same.",
  },
  policies: {
    name: "weir_config_policies",
    kind: "gauge",
    labels: ["mode"],
    meaning: "Policies in the live configuration, by mode (`enforce`, `shadow`).",
  },
  partCurrent: {
    name: "weir_config_part_current",
    kind: "gauge",
    labels: ["team"],
    meaning:
      "1 where the newest files of a team are live, 0 where they are held back because of an error; the team is empty for the platform's own part. The log and /status say why.",
  },
  overrides: {
    name: "weir_config_override_active",
    kind: "gauge",
    labels: ["policy", "rule", "mode"],
    meaning: "1 while an override holds for a rule. Alert on it: an override is meant to end.",
  },
  overrideEnds: {
    name: "weir_config_override_ends_timestamp_seconds",
    kind: "gauge",
    labels: ["policy", "rule"],
    meaning:
      "When an override that holds ends by itself: from then on the rule does again what its policy says.",
  },
  identityFindings: {
    name: "weir_identity_findings_total",
    kind: "counter",
    labels: ["identity", "finding"],
    meaning:
      "Credentials looked at, by identity (`platform/user`) and what they were: `holds`, `bad`, `ambiguous`, `unavailable` (the keys are not there), `flooded` (slowed after many bad ones).",
  },
  handlerAnswers: {
    name: "weir_handler_answers_total",
    kind: "counter",
    labels: ["handler", "verdict"],
    meaning: "Questions to handlers, by handler and what came of them: `allow`, `deny`, `error`.",
  },
  handlerDuration: {
    name: "weir_handler_duration_seconds",
    kind: "histogram",
    labels: ["handler"],
    meaning: "From a question to a handler to its answer.",
  },
  storeTakes: {
    name: "weir_store_takes_total",
    kind: "counter",
    labels: ["result"],
    meaning:
      "Takes from counters, one a request: `fits`, `exceeds`, or why there was no answer: `timeout` (it may have been counted), `away`, `refused`, `skew` (docs/store.md).",
  },
  storeCallDuration: {
    name: "weir_store_call_duration_seconds",
    kind: "histogram",
    labels: [],
    meaning: "From a call to Redis to its answer; those without one are not in it.",
  },
  storeCallItems: {
    name: "weir_store_call_items",
    kind: "histogram",
    labels: [],
    meaning: "Takes that went in one call to Redis, with what corrects them.",
  },
  storeNode: {
    name: "weir_store_node_ready",
    kind: "gauge",
    labels: ["node"],
    meaning:
      "1 while a Redis is connected and answers, 0 while it is not; the node is `redis`, the name of a master, or the address of one in a Cluster. /status says why.",
  },
  storeEvicted: {
    name: "weir_store_counters_evicted_total",
    kind: "counter",
    labels: [],
    meaning:
      "Counters in memory that were forgotten before their time, because there were too many: of the store, or of what stands in for it while it is away.",
  },
  outboundRequests: {
    name: "weir_outbound_requests_total",
    kind: "counter",
    labels: ["host", "outcome"],
    meaning:
      "Requests of weir's own (keys, lists, back-ends), by host (`other` beyond a hundred) and outcome; docs/outbound.md lists the outcomes.",
  },
  outboundDuration: {
    name: "weir_outbound_duration_seconds",
    kind: "histogram",
    labels: ["host"],
    meaning: "From the beginning of a request of weir's own to the end of its answer.",
  },
  tlsRenewals: {
    name: "weir_tls_renewals_total",
    kind: "counter",
    labels: ["listener", "result"],
    meaning:
      "Certificates of listeners that were read anew: `renewed`, or `refused` where the old ones stay.",
  },
  refusedCallers: {
    name: "weir_refused_callers_total",
    kind: "counter",
    labels: ["listener"],
    meaning: "Calls of proxies whose certificate is not in the listener's `allow`.",
  },
  ...REPORT_CATALOGUE,
} as const satisfies Record<string, MetricRow>;
