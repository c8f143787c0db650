import { TCP, TLS_SERVER, GOOD, option, type Row } from "./envoys.ts";
import { policyOf } from "./fixture.ts";

/** What is found in a filter and in its cluster. */
export const ROWS_OF_FILTERS: readonly Row[] = [
  { what: "nothing is wrong", config: GOOD, codes: [] },
  {
    what: "the same is written in JSON's names",
    config: GOOD.replace("http_filters", "httpFilters").replace("typed_config", "typedConfig"),
    codes: [],
  },
  {
    what: "there is no check",
    config: GOOD.replace("filters.http.ext_authz.v3.ExtAuthz", "filters.http.buffer.v3.Buffer"),
    codes: ["no-check"],
  },
  { what: "there is none for TCP", config: GOOD, policy: TCP, codes: ["no-check"] },
  {
    what: "errors are 403",
    config: GOOD.replace(/^.*status_on_error.*\n/m, ""),
    codes: ["no-status-on-error"],
  },
  {
    what: "a body is sent cut, as text, and too large",
    config: option("with_request_body: { max_request_bytes: 4194304, allow_partial_message: true }"),
    policy: policyOf("size(request.body) > 1"),
    codes: ["body-as-text", "body-partial", "body-too-large"],
  },
  {
    what: "half of the requests are checked",
    config: option("filter_enabled: { default_value: { numerator: 50 } }"),
    codes: ["check-sampled"],
  },
  {
    what: "all are, in millionths",
    config: option("filter_enabled: { default_value: { numerator: 1000000, denominator: MILLION } }"),
    codes: [],
  },
  {
    what: "the others are denied",
    config: option(
      "filter_enabled: { default_value: { numerator: 50 } }\n                      deny_at_disable: { default_value: true }",
    ),
    codes: [],
  },
  {
    what: "metadata decides which are checked",
    config: option("filter_enabled_metadata: { filter: a }"),
    codes: ["check-conditional"],
  },
  { what: "Envoy gives up first", config: GOOD.replace("0.25s", "0.2s"), codes: ["timeout-too-short"] },
  {
    what: "Envoy's own timeout holds",
    config: GOOD.replace(/^.*timeout: 0\.25s\n/m, ""),
    codes: ["timeout-too-short"],
  },
  { what: "Envoy waits for minutes", config: GOOD.replace("0.25s", "600s"), codes: ["timeout-too-long"] },
  { what: "Envoy waits for ever", config: GOOD.replace("0.25s", "0s"), codes: ["timeout-too-long"] },
  {
    what: "a header that policies read is left out",
    config: option("allowed_headers: { patterns: [{ exact: x-user }] }"),
    codes: ["headers-not-sent"],
  },
  {
    what: "a header that policies read is barred",
    config: option("disallowed_headers: { patterns: [{ prefix: X-R, ignore_case: true }] }"),
    codes: ["headers-not-sent"],
  },
  {
    what: "the API's version is not said",
    config: GOOD.replace(/^.*transport_api_version.*\n/m, ""),
    codes: ["old-api"],
  },
  {
    what: "the cluster speaks HTTP/1.1",
    config: GOOD.replace("http2_protocol_options", "http_protocol_options"),
    codes: ["not-http2"],
  },
  { what: "weir has TLS and the cluster none", config: GOOD, server: TLS_SERVER, codes: ["no-tls-to-weir"] },
  {
    what: "Envoy shows no certificate",
    config: GOOD.replace("    - name: weir\n", "    - name: weir\n      transport_socket: { name: tls }\n"),
    server: TLS_SERVER,
    codes: ["certificate-not-shown"],
  },
];
