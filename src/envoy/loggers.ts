import { OTLP_ATTRIBUTES, OTLP_FAMILIES, OTLP_TIMINGS, type OtlpAttribute } from "../attributes/otlp.ts";
import { CHECK_FILTER, TCP_FILTER, typed } from "./filters.ts";
import type { Protocol } from "./needs.ts";
import { loggedNames, TAG_FORMATS, type LoggedPart, type ReportingNeeds } from "./reporting.ts";
import { said, type Value } from "./write.ts";

type Fields = Readonly<Record<string, Value | undefined>>;

/** How entries travel: Envoy's own stream, which nobody acknowledges, or OpenTelemetry's calls, which are answered. */
export type Transport = "als" | "otlp";

export const HTTP_LOG_MESSAGE = "envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig";
export const TCP_LOG_MESSAGE = "envoy.extensions.access_loggers.grpc.v3.TcpGrpcAccessLogConfig";
export const OTLP_LOG_MESSAGE =
  "envoy.extensions.access_loggers.open_telemetry.v3.OpenTelemetryAccessLogConfig";
export const STATS_FILTER = "envoy.filters.http.grpc_stats";
export const STATS_MESSAGE = "envoy.extensions.filters.http.grpc_stats.v3.FilterConfig";

/** What a logger is written of. */
export interface LoggerOrder {
  readonly needs: ReportingNeeds;
  readonly protocol: Protocol;
  readonly transport: Transport;
  /** The cluster that is weir. */
  readonly cluster: string;
  /** Whether what comes in to a workload is logged, or what goes out of it; a gateway's goes out. */
  readonly direction: Direction;
}

export type Direction = "in" | "out";

/** By its end weir tells the direction. */
export const logName = (direction: Direction): string => `weir-${direction}`;

/** Envoy's default is 16 KiB, which is also all that outlives a moment without weir. */
export const BUFFER_BYTES = 262_144;
const FLUSH_INTERVAL = "1s";

/** The logger that sends entries to weir. */
export const logger = (order: LoggerOrder): Fields =>
  order.transport === "als" ? streamLogger(order) : otlpLogger(order);

function streamLogger({ needs, protocol, cluster, direction }: LoggerOrder): Fields {
  const common = {
    log_name: nameOf(direction),
    transport_api_version: "V3",
    grpc_service: { envoy_grpc: { cluster_name: cluster } },
    buffer_size_bytes: BUFFER,
    buffer_flush_interval: FLUSH_INTERVAL,
    filter_state_objects_to_log: listed(loggedNames(needs, "filterState")),
    custom_tags: listed(loggedNames(needs, "customTag").map((tag) => ({ tag, value: formatOfTag(tag) }))),
  };
  if (protocol === "tcp")
    return {
      name: "envoy.access_loggers.tcp_grpc",
      typed_config: typed(TCP_LOG_MESSAGE, { common_config: common }),
    };
  return {
    name: "envoy.access_loggers.http_grpc",
    typed_config: typed(HTTP_LOG_MESSAGE, {
      common_config: common,
      additional_request_headers_to_log: listed(loggedNames(needs, "requestHeader")),
      additional_response_headers_to_log: listed(loggedNames(needs, "responseHeader")),
      additional_response_trailers_to_log: listed(loggedNames(needs, "responseTrailer")),
    }),
  };
}

const nameOf = (direction: Direction): Value =>
  said(
    logName(direction),
    direction === "in"
      ? "weir-out where what goes out is logged"
      : "weir-in where what comes in to a workload is logged",
  );

const BUFFER = said(
  BUFFER_BYTES,
  "Envoy's default of 16384 holds some 16 entries, and what it does not hold is lost",
);

const listed = (items: readonly Value[]): Value | undefined => (items.length === 0 ? undefined : items);

/** What Envoy refuses to start with, so that nobody overlooks it. */
export const TO_BE_WRITTEN = "%YOURS%";

const formatOfTag = (tag: string): Value =>
  TAG_FORMATS[tag] ?? said(TO_BE_WRITTEN, "yours to write: a format string of Envoy's access log");

function otlpLogger({ needs, protocol, cluster, direction }: LoggerOrder): Fields {
  return {
    name: "envoy.access_loggers.open_telemetry",
    typed_config: typed(OTLP_LOG_MESSAGE, {
      grpc_service: { envoy_grpc: { cluster_name: cluster } },
      log_name: nameOf(direction),
      buffer_size_bytes: BUFFER,
      buffer_flush_interval: FLUSH_INTERVAL,
      attributes: {
        values: otlpFormats(needs, protocol).map(([key, format]) => ({
          key,
          value: { string_value: format },
        })),
      },
    }),
  };
}

/** Every attribute of entries of a protocol, with its format. */
export function otlpFormats(
  needs: ReportingNeeds,
  protocol: Protocol,
): readonly (readonly [key: string, format: Value])[] {
  const plain: readonly OtlpAttribute[] = [...Object.values<OtlpAttribute>(OTLP_ATTRIBUTES), ...OTLP_TIMINGS];
  const families: readonly LoggedPart[] =
    protocol === "http"
      ? ["requestHeader", "responseHeader", "responseTrailer", "metadata", "filterState"]
      : ["metadata", "filterState"];
  const checks = protocol === "http" ? CHECK_FILTER : TCP_FILTER;
  const named = families.flatMap((part) => {
    const names = loggedNames(needs, part);
    return (part === "metadata" ? [...new Set([checks, ...names])] : names).map((name) => {
      const { prefix, format } = OTLP_FAMILIES[part];
      return [prefix + name, format(name)] as const;
    });
  });
  return [
    ...plain
      .filter((one) => one.of === undefined || one.of === protocol)
      .map(({ key, format }) => [key, format] as const),
    ...named,
    ...loggedNames(needs, "customTag").map(
      (tag) => [OTLP_FAMILIES.customTag.prefix + tag, formatOfTag(tag)] as const,
    ),
  ];
}

/** The filter that counts messages of gRPC calls; undefined where nothing reads their number. */
export const statsFilter = ({ countsMessages, protocols }: ReportingNeeds): Fields | undefined =>
  countsMessages && protocols.has("http")
    ? { name: STATS_FILTER, typed_config: typed(STATS_MESSAGE, { emit_filter_state: true }) }
    : undefined;

/** What nothing that is printed can say. */
export const loggingRemarks = ({ unknown }: ReportingNeeds): readonly string[] =>
  unknown.map(
    (rule) =>
      `${rule} reads headers, tags or metadata by names that are not constant: add them to the logger.`,
  );
