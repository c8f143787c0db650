import type { Dashboard } from "@grafana/grafana-foundation-sdk/dashboard";
import { dashboardOf } from "./dashboard.ts";
import { graph, type Panel, stat, table, worseAbove, worseBelow, ZERO_IS_GOOD } from "./panels.ts";
import { grown, orZero, quantileBy, rate, ratesBy, sumBy, weir } from "./promql.ts";
import { replicas } from "./variables.ts";

export const serverDashboard = (): Dashboard =>
  dashboardOf({
    uid: "weir-server",
    title: "weir: this server",
    description: "The processes themselves: do they run, on which configuration, and have they room?",
    variables: replicas(),
    reloads: "shown",
    rows: [
      { title: "Configuration", panels: configuration },
      { title: "Load", panels: load },
      { title: "The event loop", panels: eventLoop },
      { title: "Memory and processor", panels: resources },
      { title: "Certificates and fetches", panels: outside },
    ],
  });

const configuration: readonly Panel[] = [
  stat({
    title: "Replicas",
    description: "weirs that are scraped.",
    width: 3,
    unit: "short",
    query: `count(${weir("weir_config_last_reload_successful")})`,
  }),
  stat({
    title: "Files are live",
    description:
      "Whether the newest files are live everywhere. If not, the last good ones are: the log and /status say why.",
    width: 4,
    unit: "bool_yes_no",
    thresholds: worseBelow(1, 1),
    query: `min(${weir("weir_config_last_reload_successful")})`,
  }),
  stat({
    title: "Revisions",
    description: "Different configurations that are live. More than one: a replica has not reloaded.",
    width: 3,
    unit: "short",
    thresholds: worseAbove(2, 2),
    query: `count(count by (revision) (${weir("weir_config_info")}))`,
  }),
  stat({
    title: "Last new configuration",
    description: "When a weir last took one.",
    width: 4,
    unit: "dateTimeFromNow",
    query: `max(${weir("weir_config_last_reload_success_timestamp_seconds")}) * 1000`,
  }),
  stat({
    title: "Overrides",
    description: "Rules whose mode somebody has changed for a time.",
    width: 3,
    unit: "short",
    thresholds: worseAbove(1, 10),
    query: orZero(`count(count by (policy, rule) (${weir("weir_config_override_active")} == 1))`),
  }),
  stat({
    title: "Parts held back",
    description: "Teams' parts, and the platform's, whose newest files have an error.",
    width: 3,
    unit: "short",
    thresholds: ZERO_IS_GOOD,
    query: orZero(`count(min by (team) (${weir("weir_config_part_current")}) == 0)`),
  }),
  stat({
    title: "Policies",
    description: "Policies in the live configuration, by mode.",
    width: 4,
    unit: "short",
    legend: "{{mode}}",
    query: `max by (mode) (${weir("weir_config_policies")})`,
  }),
  table({
    title: "Who serves what",
    description: "The revision that each weir serves. The same files have the same revision.",
    width: 8,
    height: 8,
    labels: { instance: { heading: "Instance" }, revision: { heading: "Revision" } },
    values: { Live: { query: sumBy("instance, revision", weir("weir_config_info")), unit: "bool_yes_no" } },
  }),
  table({
    title: "Overrides that hold",
    description: "What somebody has changed for a time, and when that ends. /status has the reasons.",
    width: 8,
    height: 8,
    labels: { policy: { heading: "Policy" }, rule: { heading: "Rule" } },
    values: {
      Ends: {
        query: `max by (policy, rule) (${weir("weir_config_override_ends_timestamp_seconds")}) * 1000`,
        unit: "dateTimeFromNow",
      },
    },
  }),
  graph({
    title: "Reloads",
    description: "Attempts to load the configuration, by what came of them.",
    width: 8,
    unit: "short",
    queries: { "{{result}}": sumBy("result", grown(weir("weir_config_reloads_total"))) },
  }),
];

const load: readonly Panel[] = [
  graph({
    title: "Checks by replica",
    description: "Checks answered a second. Very uneven: Envoys keep their connections; see docs/sizing.md.",
    width: 8,
    unit: "reqps",
    queries: { "{{instance}}": ratesBy("instance", weir("weir_checks_total")) },
  }),
  graph({
    title: "Everything that is asked",
    description: "Checks, rate-limit requests and access-log entries a second.",
    width: 8,
    unit: "ops",
    queries: {
      checks: ratesBy("", weir("weir_checks_total")),
      "rate-limit requests": ratesBy("", weir("weir_rate_limit_requests_total")),
      entries: ratesBy("", weir("weir_report_received_total")),
    },
  }),
  graph({
    title: "P99 of checks by replica",
    description:
      "99 of 100 checks are decided within this time. One replica alone: its machine, or its neighbours.",
    width: 8,
    unit: "s",
    thresholds: worseAbove(0.1, 0.2),
    queries: { "{{instance}}": quantileBy(0.99, "instance", weir("weir_check_duration_seconds_bucket")) },
  }),
  graph({
    title: "Access-log streams by replica",
    description: "Open streams of proxies.",
    width: 8,
    unit: "short",
    queries: { "{{instance}}": sumBy("instance", weir("weir_report_streams")) },
  }),
  graph({
    title: "Open sockets and timers",
    description: "What keeps the process busy, by kind: TCPSocketWrap are connections.",
    width: 8,
    unit: "short",
    queries: { "{{type}} of {{instance}}": weir("nodejs_active_resources") },
  }),
  graph({
    title: "Open files",
    description:
      "The part of the file descriptors that the process may have and uses. At 1, new connections fail.",
    width: 8,
    unit: "percentunit",
    max: 1,
    thresholds: worseAbove(0.5, 0.8),
    queries: { "{{instance}}": `${weir("process_open_fds")} / ${weir("process_max_fds")}` },
  }),
];

const eventLoop: readonly Panel[] = [
  graph({
    title: "Delay of the event loop",
    description:
      "How long a turn waits for the one before it, of the last scrape interval. Everything waits so long.",
    width: 12,
    unit: "s",
    thresholds: worseAbove(0.05, 0.1),
    queries: {
      "P99 of {{instance}}": weir("nodejs_eventloop_lag_p99_seconds"),
      "most of {{instance}}": weir("nodejs_eventloop_lag_max_seconds"),
    },
  }),
  graph({
    title: "Garbage collection",
    description: "The part of the time that goes into it, by kind.",
    width: 12,
    unit: "percentunit",
    thresholds: worseAbove(0.05, 0.2),
    queries: {
      "{{kind}} of {{instance}}": ratesBy("instance, kind", weir("nodejs_gc_duration_seconds_sum")),
    },
  }),
];

const resources: readonly Panel[] = [
  graph({
    title: "Processor",
    description: "Cores in use. One process uses little more than one: above 0.7, add a replica.",
    width: 8,
    unit: "short",
    thresholds: worseAbove(0.7, 0.9),
    queries: { "{{instance}}": rate(weir("process_cpu_seconds_total")) },
  }),
  graph({
    title: "Memory",
    description: "Resident, as the machine counts it, and what of it is JavaScript's heap or outside of it.",
    width: 8,
    unit: "bytes",
    queries: {
      "resident, {{instance}}": weir("process_resident_memory_bytes"),
      "heap used, {{instance}}": weir("nodejs_heap_size_used_bytes"),
      "external, {{instance}}": weir("nodejs_external_memory_bytes"),
    },
  }),
  graph({
    title: "Uptime",
    description: "Since the process began. A saw: it is restarted again and again.",
    width: 8,
    unit: "s",
    queries: { "{{instance}}": `time() - ${weir("process_start_time_seconds")}` },
  }),
];

const outside: readonly Panel[] = [
  graph({
    title: "Certificates of listeners",
    description: "Certificates that were read anew. refused: the old ones stay until they end.",
    width: 8,
    unit: "short",
    queries: {
      "{{listener}}: {{result}}": sumBy("listener, result", grown(weir("weir_tls_renewals_total"))),
    },
  }),
  graph({
    title: "Fetches that failed",
    description: "Requests of weir's own a second that came to anything but `answered`, by host and outcome.",
    width: 8,
    unit: "reqps",
    queries: {
      "{{host}}: {{outcome}}": ratesBy(
        "host, outcome",
        weir("weir_outbound_requests_total", 'outcome!="answered"'),
      ),
    },
  }),
  graph({
    title: "Time of fetches",
    description: "99 of 100 requests of weir's own end within this time, by host.",
    width: 8,
    unit: "s",
    queries: { "{{host}}": quantileBy(0.99, "host", weir("weir_outbound_duration_seconds_bucket")) },
  }),
];
