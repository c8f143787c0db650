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
} as const satisfies Record<string, MetricRow>;

export interface MetricRow {
  readonly name: string;
  readonly kind: "counter" | "gauge" | "histogram";
  readonly labels: readonly string[];
  readonly meaning: string;
}
