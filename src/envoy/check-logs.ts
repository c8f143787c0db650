import type { ConfigNode } from "./config-node.ts";
import { CHECK_FILTER, TCP_FILTER } from "./filters.ts";
import { finding, type Finding } from "./findings.ts";
import {
  HTTP_LOG_MESSAGE,
  OTLP_LOG_MESSAGE,
  otlpFormats,
  STATS_MESSAGE,
  TCP_LOG_MESSAGE,
} from "./loggers.ts";
import type { Needs, Protocol } from "./needs.ts";
import type { EnvoyParts } from "./parts.ts";
import type { Logged, LoggedPart, ReportingNeeds } from "./reporting.ts";

/** One logger that sends entries over gRPC. */
interface LoggerPart {
  readonly node: ConfigNode;
  readonly protocols: readonly Protocol[];
  /** Where buffers, names and the service are said. */
  readonly common: ConfigNode;
  /** Its attributes, of OpenTelemetry's. */
  readonly keys: ReadonlySet<string> | undefined;
}

/** Envoy's own buffer (grpc access log, `buffer_size_bytes`). */
const DEFAULT_BUFFER_BYTES = 16_384;
const LEAST_BUFFER_BYTES = 65_536;

const PRINTED = "weir envoy --for envoy prints the logger";

/** Whether Envoy logs to weir what telemetry rules are about, and all that they read. */
export function checkLogs(root: ConfigNode, parts: EnvoyParts, needs: Needs): readonly Finding[] {
  const { reporting } = needs;
  if (reporting === undefined || parts.managers.length + parts.tcpChecks.length === 0) return [];
  const loggers = loggersIn(root).filter((one) => isOurs(one, parts));
  const protocols = [...reporting.protocols].filter((one) => one === "http" || hasTcp(root));
  return [
    ...protocols.flatMap((protocol) => {
      if (loggers.some((one) => one.protocols.includes(protocol))) return [];
      const what = protocol === "http" ? "requests" : "connections";
      const message = `nothing logs ${what} to weir, and telemetry rules are about them`;
      return [finding("log-not-sent", root.place, message, PRINTED)];
    }),
    ...loggers.flatMap((one) => [...checkBuffer(one), ...checkLogged(one, reporting)]),
    ...checkStats(parts, loggers, reporting),
  ];
}

const hasTcp = (root: ConfigNode): boolean =>
  [...root.walk()].some(
    (node) => node.message() === "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
  );

function loggersIn(root: ConfigNode): readonly LoggerPart[] {
  return [...root.walk()].flatMap((node): LoggerPart[] => {
    const message = node.message();
    const common = node.get("common_config") ?? node;
    if (message === HTTP_LOG_MESSAGE) return [{ node, protocols: ["http"], common, keys: undefined }];
    if (message === TCP_LOG_MESSAGE) return [{ node, protocols: ["tcp"], common, keys: undefined }];
    if (message !== OTLP_LOG_MESSAGE) return [];
    const attributes = node.get("attributes", "values")?.items() ?? [];
    const keys = new Set(attributes.flatMap((one) => one.get("key")?.text() ?? []));
    const protocols: readonly Protocol[] = keys.has("response.code") ? ["http"] : ["tcp"];
    return [{ node, protocols, common, keys }];
  });
}

/** The cluster of the checks is weir; where nothing is checked, each logger may be for it. */
function isOurs({ common }: LoggerPart, { managers, tcpChecks }: EnvoyParts): boolean {
  const configs = [
    ...managers.flatMap(({ filters }) => filters.flatMap(({ config }) => config ?? [])),
    ...tcpChecks,
  ];
  const clusters = configs
    .filter((config) => /ext_authz/.test(config.message() ?? ""))
    .flatMap((config) => clusterOf(config) ?? []);
  return clusters.length === 0 || clusters.includes(clusterOf(common) ?? "");
}

const clusterOf = (config: ConfigNode): string | undefined =>
  config.get("grpc_service", "envoy_grpc", "cluster_name")?.text();

function checkBuffer({ node, common }: LoggerPart): readonly Finding[] {
  const size = common.get("buffer_size_bytes");
  const bytes = size?.number() ?? DEFAULT_BUFFER_BYTES;
  if (bytes >= LEAST_BUFFER_BYTES) return [];
  const message = `a buffer of ${bytes} bytes holds some ${Math.ceil(bytes / 1_024)} entries, and what comes beyond that while weir is away or slow is lost`;
  return [finding("log-buffer-small", (size ?? node).place, message, "buffer_size_bytes: 262144")];
}

function checkLogged(logger: LoggerPart, needs: ReportingNeeds): readonly Finding[] {
  if (logger.keys !== undefined) return checkAttributes(logger, logger.keys, needs);
  const names = (path: readonly string[], field?: string): ReadonlySet<string> => {
    const items = logger.node.get(...path)?.items() ?? [];
    return new Set(items.flatMap((item) => (field === undefined ? item : item.get(field))?.text() ?? []));
  };
  const lists: Readonly<Partial<Record<LoggedPart, ReadonlySet<string>>>> = {
    ...(logger.protocols.includes("http")
      ? {
          requestHeader: lowerCase(names(["additional_request_headers_to_log"])),
          responseHeader: lowerCase(names(["additional_response_headers_to_log"])),
          responseTrailer: lowerCase(names(["additional_response_trailers_to_log"])),
        }
      : {}),
    filterState: names(["common_config", "filter_state_objects_to_log"]),
    customTag: names(["common_config", "custom_tags"], "tag"),
  };
  // Dynamic metadata goes with every entry.
  return PARTS.flatMap((part) => {
    const list = lists[part];
    const missing = needs.logged.filter((one) => one.part === part && list?.has(one.name) === false);
    return missing.length === 0 ? [] : [notLogged(logger.node, part, missing)];
  });
}

const lowerCase = (names: ReadonlySet<string>): ReadonlySet<string> =>
  new Set([...names].map((name) => name.toLowerCase()));

const WORDS: Readonly<Record<LoggedPart, readonly [what: string, field: string]>> = {
  requestHeader: ["request headers", "additional_request_headers_to_log"],
  responseHeader: ["response headers", "additional_response_headers_to_log"],
  responseTrailer: ["response trailers", "additional_response_trailers_to_log"],
  filterState: ["filter state", "filter_state_objects_to_log"],
  customTag: ["custom tags", "custom_tags"],
  metadata: ["metadata", "attributes"],
};
const PARTS: readonly LoggedPart[] = [
  "requestHeader",
  "responseHeader",
  "responseTrailer",
  "filterState",
  "customTag",
];

function notLogged(node: ConfigNode, part: LoggedPart, missing: readonly Logged[]): Finding {
  const [what, field] = WORDS[part];
  const names = missing.map(({ name }) => name).join(", ");
  const readers = [...new Set(missing.map(({ reader }) => reader))].join(", ");
  return finding(
    "log-incomplete",
    node.place,
    `the ${what} ${names} are not logged, and ${readers} reads them`,
    `${field}; ${PRINTED}`,
  );
}

function checkAttributes(
  { node, protocols }: LoggerPart,
  keys: ReadonlySet<string>,
  needs: ReportingNeeds,
): readonly Finding[] {
  const wanted = protocols.flatMap((protocol) => otlpFormats(needs, protocol).map(([key]) => key));
  const missing = wanted.filter((key) => !keys.has(key));
  if (missing.length === 0) return [];
  const decision = missing.some((key) => key.endsWith(CHECK_FILTER) || key.endsWith(TCP_FILTER));
  const message = `the attributes ${missing.slice(0, 5).join(", ")}${missing.length > 5 ? ` and ${missing.length - 5} more` : ""} are missing${decision ? ", and with them what weir decided" : ""}`;
  return [finding("log-incomplete", node.place, message, "weir envoy --for envoy --otlp prints the logger")];
}

/** Whether the number of messages is left where the loggers look for it. */
function checkStats(
  { managers }: EnvoyParts,
  loggers: readonly LoggerPart[],
  { countsMessages }: ReportingNeeds,
): readonly Finding[] {
  if (!countsMessages || loggers.length === 0) return [];
  return managers.flatMap(({ node, filters }) => {
    const filter = filters.find(({ message }) => message === STATS_MESSAGE);
    if (filter?.config?.get("emit_filter_state")?.isTrue() === true) return [];
    const message = "nothing leaves the number of gRPC messages, so the metrics of them stay at 0";
    const hint = "envoy.filters.http.grpc_stats with emit_filter_state: true";
    return [finding("grpc-stats-missing", (filter?.node ?? node).place, message, hint)];
  });
}
