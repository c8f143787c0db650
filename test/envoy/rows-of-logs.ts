import { BEHIND, filter, GOOD, type Row } from "./envoys.ts";

const SERVER = `weir: 1
handlers:
  lines: { adapter: lines }
  graphs: { adapter: graphs }
`;

/** A policy of telemetry alone. */
const reporting = (rule: string): Pick<Row, "server" | "files"> => ({
  server: SERVER,
  files: { "mesh.yaml": `weir: 1\npolicy: mesh\nmatch: everything\ntelemetry:\n  - id: all\n${rule}` },
});

const LINES = reporting(`    to: lines
    when: response.headers["x-kind"] == "a"
    with: { san: '\${custom_tags["up.san"]}' }
`);
const THROUGH_NAMES: Pick<Row, "server" | "files"> = {
  server: SERVER,
  files: {
    "common.yaml": `weir: 1
shared: common
let:
  kind: 'request.headers["x-sort"]'
  is_a: kind == "a"
`,
    "mesh.yaml": `weir: 1
policy: mesh
use: [common]
match: everything
let:
  own: common.is_a
telemetry:
  - id: all
    to: lines
    when: own
    with: { path: '\${request.url_path}' }
`,
  },
};
const GRAPHS = reporting("    to: graphs\n    preset: istio\n");

const HEADERS =
  "[traceparent, b3, x-b3-traceid, x-b3-spanid, x-b3-parentspanid, x-b3-sampled, X-B3-Flags, content-type]";
const LOGGER = `                access_log:
                  - name: weir
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig
                      common_config:
                        log_name: weir-out
                        grpc_service: { envoy_grpc: { cluster_name: weir } }
                        buffer_size_bytes: 262144
                        filter_state_objects_to_log: [downstream_peer, upstream_peer, envoy.filters.http.grpc_stats, io.istio.peer_principal, io.istio.local_principal]
                        custom_tags: [{ tag: dst.svc }, { tag: dst.wl }, { tag: up.san }, { tag: up.lsan }, { tag: up.cluster }]
                      additional_request_headers_to_log: ${HEADERS}
                      additional_response_headers_to_log: [grpc-status, X-Kind]
                      additional_response_trailers_to_log: [grpc-status, grpc-message]
`;
const OTLP = `                access_log:
                  - name: weir
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.access_loggers.open_telemetry.v3.OpenTelemetryAccessLogConfig
                      grpc_service: { envoy_grpc: { cluster_name: weir } }
                      buffer_size_bytes: 262144
                      attributes: { values: [{ key: response.code, value: { string_value: "%RESPONSE_CODE%" } }] }
`;
const FILTERS = "                http_filters:\n";
const logged = (old = "", now = "", logger = LOGGER): string =>
  GOOD.replace(FILTERS, `${logger.replace(old, now)}${FILTERS}`);
const STATS = "envoy.extensions.filters.http.grpc_stats.v3.FilterConfig";
const counted = (config: string, more = "                      emit_filter_state: true\n"): string =>
  config.replace(BEHIND, filter("envoy.filters.http.grpc_stats", STATS, more) + BEHIND);
const ELSEWHERE = "cluster_name: collector";

/** What is found in the loggers that telemetry rules need. */
export const ROWS_OF_LOGS: readonly Row[] = [
  { what: "entries come with all that rules read", config: logged(), ...LINES, codes: [] },
  { what: "and with all that metrics are made of", config: counted(logged()), ...GRAPHS, codes: [] },
  {
    what: "entries come with what names read",
    config: logged("X-B3-Flags, ", "X-B3-Flags, x-sort, "),
    ...THROUGH_NAMES,
    codes: [],
  },
  {
    what: "a header is left out that a name of a shared file reads",
    config: logged(),
    ...THROUGH_NAMES,
    codes: ["log-incomplete"],
  },
  { what: "nothing logs", config: GOOD, ...LINES, codes: ["log-not-sent"] },
  {
    what: "entries go elsewhere alone",
    config: logged("cluster_name: weir", ELSEWHERE),
    ...LINES,
    codes: ["log-not-sent"],
  },
  {
    what: "a header is left out",
    config: logged(", X-Kind", ""),
    ...LINES,
    codes: ["log-incomplete"],
  },
  { what: "a tag is left out", config: logged("{ tag: up.san }, ", ""), ...LINES, codes: ["log-incomplete"] },
  {
    what: "peers are left out",
    config: counted(logged("downstream_peer, upstream_peer, ", "")),
    ...GRAPHS,
    codes: ["log-incomplete"],
  },
  { what: "attributes are left out", config: logged("", "", OTLP), ...LINES, codes: ["log-incomplete"] },
  {
    what: "the buffer is Envoy's own",
    config: logged("                        buffer_size_bytes: 262144\n", ""),
    ...LINES,
    codes: ["log-buffer-small"],
  },
  { what: "nobody counts messages", config: logged(), ...GRAPHS, codes: ["grpc-stats-missing"] },
  {
    what: "the number of messages is not left",
    config: counted(logged(), ""),
    ...GRAPHS,
    codes: ["grpc-stats-missing"],
  },
];
