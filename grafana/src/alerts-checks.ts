import { happened, share, type Alert, type Group } from "./rule.ts";

const CHECKS = "weir_checks_total";

/** What is refused four times as often as over the last day, and makes a twentieth of all checks. */
const jumpOf = (rules: string): string => {
  const refused = `${CHECKS}{verdict="deny", ${rules}}`;
  const of = (window: string) => share("job, policy, rule", refused, CHECKS, window);
  return `${of("5m")} > 0.05\nunless ${of("5m")} < 4 * (${of("1d")})`;
};

const percent = "{{ $value | humanizePercentage }}";

export const CHECK_ALERTS: Group<Alert> = {
  name: "weir-checks",
  rules: [
    {
      name: "WeirDown",
      severity: "critical",
      expression: 'up{job=~"weir.*"} == 0',
      holds: "2m",
      summary: "{{ $labels.instance }} does not answer",
      means: "A weir cannot be scraped: it is away, or so busy that it does not answer.",
    },
    {
      name: "WeirChecksSlow",
      severity: "warning",
      expression:
        "histogram_quantile(0.99, sum by (job, instance, le) (rate(weir_check_duration_seconds_bucket[5m]))) > 0.1",
      holds: "10m",
      summary: "{{ $labels.instance }} takes {{ $value | humanizeDuration }} for checks (P99)",
      means:
        "One of a hundred checks takes over 100 ms inside weir, half of what checkTimeout and Envoy wait.",
    },
    {
      name: "WeirOverloaded",
      severity: "critical",
      expression: `${share("job", `${CHECKS}{rule="weir/overload"}`, CHECKS, "5m")} > 0.001`,
      holds: "5m",
      summary: `${percent} of the checks of {{ $labels.job }} were not decided in time`,
      means: "Requests are refused with 503, because weir had no time to decide about them.",
    },
    {
      name: "WeirErrorVerdicts",
      severity: "critical",
      expression: `${share("job", `${CHECKS}{verdict="error"}`, CHECKS, "5m")} > 0.001`,
      holds: "5m",
      summary: `${percent} of the checks of {{ $labels.job }} were left to Envoy's failure mode`,
      means:
        "weir could not decide about requests, and Envoy's failure mode did: a back-end or a handler has no answer.",
    },
    {
      name: "WeirInternalErrors",
      severity: "warning",
      expression: happened("job, instance, method", "weir_internal_errors_total", "10m"),
      holds: "0m",
      summary: "{{ $labels.instance }} had exceptions in {{ $labels.method }}",
      means: "Exceptions of weir's own. Those requests were refused with 500. Any is a bug.",
    },
    {
      name: "WeirRefusalsJump",
      severity: "warning",
      expression: jumpOf('rule=~"weir/.+"'),
      holds: "5m",
      summary: `${percent} of the checks of {{ $labels.job }} are refused by {{ $labels.rule }}, far more than yesterday`,
      means: "weir refuses far more than usual by one of its own rules, whatever policies say.",
    },
    {
      name: "WeirDenialsJump",
      severity: "warning",
      expression: jumpOf('rule!~"weir/.+"'),
      holds: "5m",
      summary: `${percent} of the checks of {{ $labels.job }} are denied by {{ $labels.policy }}/{{ $labels.rule }}, far more than yesterday`,
      means:
        "A rule of a policy denies far more than usual: a new policy, a caller that has changed, or an attack.",
    },
    {
      name: "WeirHandlerFails",
      severity: "warning",
      expression: `sum by (job, handler) (rate(weir_handler_answers_total{verdict="error"}[5m])) / sum by (job, handler) (rate(weir_handler_answers_total[5m])) > 0.01`,
      holds: "5m",
      summary: `{{ $labels.handler }} has no answer to ${percent} of the questions`,
      means: "A back-end that policies ask could not decide; rules come to their onError.",
    },
    {
      name: "WeirIdentityUnavailable",
      severity: "critical",
      expression:
        'sum by (job, identity) (rate(weir_identity_findings_total{finding="unavailable"}[5m])) > 0',
      holds: "5m",
      summary: "The keys of {{ $labels.identity }} are not there",
      means: "Callers with a token or key are refused with 503, because the keys to verify it cannot be had.",
    },
    {
      name: "WeirRecordsLost",
      severity: "warning",
      expression: happened("job, instance, result", 'weir_record_lines_total{result!="written"}', "10m"),
      holds: "0m",
      summary: "{{ $labels.instance }} lost lines of decisions ({{ $labels.result }})",
      means:
        "Lines of decisions or audit were lost. Where a policy has `audit: required`, requests were refused.",
    },
  ],
};

export const CONFIGURATION_ALERTS: Group<Alert> = {
  name: "weir-configuration",
  rules: [
    {
      name: "WeirReloadFailed",
      severity: "warning",
      expression:
        'weir_config_part_current{team=""} == 0\nor (weir_config_last_reload_successful == 0 unless on (job, instance) weir_config_part_current == 0)',
      holds: "5m",
      summary: "{{ $labels.instance }} does not take its newest files",
      means: "The platform's files are wrong, or all of them; the last good ones are still live.",
    },
    {
      name: "WeirTeamHeldBack",
      severity: "warning",
      expression: 'min by (job, team) (weir_config_part_current{team!=""}) == 0',
      holds: "10m",
      summary: "The newest files of team {{ $labels.team }} are held back",
      means:
        "A team's newest files have an error; what was good of them before is live, and so are all other teams'.",
    },
    {
      name: "WeirOverrideActive",
      severity: "info",
      expression: "max by (job, policy, rule, mode) (weir_config_override_active) == 1",
      holds: "5m",
      summary: "{{ $labels.policy }}/{{ $labels.rule }} is overridden: {{ $labels.mode }}",
      means: "Somebody has changed what a rule does, for a time.",
    },
    {
      name: "WeirOverrideEnds",
      severity: "warning",
      expression: "min by (job, policy, rule) (weir_config_override_ends_timestamp_seconds) - time() < 3600",
      holds: "0m",
      summary:
        "The override of {{ $labels.policy }}/{{ $labels.rule }} ends in {{ $value | humanizeDuration }}",
      means:
        "Within an hour a rule does again what its policy says: if the reason is still there, requests will be refused.",
    },
    {
      name: "WeirReplicasDiffer",
      severity: "warning",
      expression: "count by (job) (count by (job, revision) (weir_config_info)) > 1",
      holds: "10m",
      summary: "The replicas of {{ $labels.job }} serve {{ $value }} configurations",
      means: "Replicas serve different files, so the same request has different answers.",
    },
    {
      name: "WeirCertificateRefused",
      severity: "warning",
      expression: happened("job, instance, listener", 'weir_tls_renewals_total{result="refused"}', "1h"),
      holds: "0m",
      summary: "{{ $labels.instance }} refused new certificates of {{ $labels.listener }}",
      means: "A listener's new certificates are no good; the old ones are used until they end.",
    },
  ],
};
