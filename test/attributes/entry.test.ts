import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { EntryAttributes } from "../../src/attributes/entry.ts";
import { NO_ENTRY, type EntryFacts } from "../../src/attributes/entry-facts.ts";
import { flagCodes, flagsOfCodes } from "../../src/attributes/response-flags.ts";
import { VOCABULARY } from "../../src/attributes/vocabulary.ts";
import { createEngine } from "../../src/cel/environment.ts";
import { Unknown } from "../../src/cel/expression.ts";
import { EMPTY_SHAPE, Environments } from "../../src/policy/declarations.ts";
import { readEntries } from "../../src/report/attributes.ts";
import { ValueFault } from "../../src/std/fault.ts";
import { encodeMessage, type DescribedMessage } from "../report/encode.ts";
import { READING } from "./fixture.ts";
import { fullHttp, fullTcp } from "./full-entry.ts";

const environment = new Environments(createEngine()).of({ ...EMPTY_SHAPE, phase: "log" });

function evaluate(source: string, entry: EntryAttributes): unknown {
  const parsed = environment.parse(source);
  assert.ok("reads" in parsed, source);
  const expression = environment.compile(parsed, "any");
  assert.ok("evaluate" in expression, JSON.stringify(expression));
  return expression.evaluate(entry);
}

function entryOf(message: Omit<DescribedMessage, "identifier">): EntryAttributes {
  const identifier = { logName: "mesh-out", id: "node", cluster: "shop" };
  const [facts] = readEntries(encodeMessage({ identifier, ...message }), undefined).entries;
  return new EntryAttributes(facts ?? assert.fail(), READING);
}

const http = entryOf({ http: [fullHttp] });
const tcp = entryOf({ tcp: [fullTcp] });
const emptyHttp = entryOf({ http: [{ commonProperties: {}, request: {} }] });
const emptyTcp = entryOf({ tcp: [{ commonProperties: {} }] });

const IS_ALL = "holds what stands in its fields";

/** What says that a field of Envoy's is read, by message and field. */
const FIELDS: Readonly<Record<string, string>> = {
  "AccessLogCommon.sample_rate": "log.sample_rate == 0.5",
  "AccessLogCommon.downstream_remote_address": 'connection.remote_ip == ip("203.0.113.1")',
  "AccessLogCommon.downstream_local_address": 'destination.ip == ip("10.0.0.2") && destination.port == 8080',
  "AccessLogCommon.tls_properties": IS_ALL,
  "AccessLogCommon.start_time": 'request.time == timestamp("2026-05-28T20:26:40.123Z")',
  "AccessLogCommon.time_to_last_rx_byte": 'request.time_to_last_rx_byte == duration("1ms")',
  "AccessLogCommon.time_to_first_upstream_tx_byte":
    'upstream.time_to_first_tx_byte == duration("2ms") && response.backend_latency == duration("3ms")',
  "AccessLogCommon.time_to_last_upstream_tx_byte": 'upstream.time_to_last_tx_byte == duration("3ms")',
  "AccessLogCommon.time_to_first_upstream_rx_byte": 'upstream.time_to_first_rx_byte == duration("4.5ms")',
  "AccessLogCommon.time_to_last_upstream_rx_byte": 'upstream.time_to_last_rx_byte == duration("5ms")',
  "AccessLogCommon.time_to_first_downstream_tx_byte": 'response.time_to_first_tx_byte == duration("6ms")',
  "AccessLogCommon.time_to_last_downstream_tx_byte":
    'response.time_to_last_tx_byte == duration("7s") && response.duration > duration("1s")',
  "AccessLogCommon.upstream_remote_address": 'upstream.address == "10.0.0.4:9080" && upstream.port == 9080',
  "AccessLogCommon.upstream_local_address": 'upstream.local_address == "[2001:db8::5]:42000"',
  "AccessLogCommon.upstream_cluster": 'xds.cluster_name.startsWith("outbound|")',
  "AccessLogCommon.response_flags": 'response.flags == 4098 && response.flag_codes == ["UH", "UAEX"]',
  "AccessLogCommon.metadata": 'metadata["envoy.filters.http.ext_authz"].weir.rule == "mfa"',
  "AccessLogCommon.upstream_transport_failure_reason":
    'upstream.transport_failure_reason == "bad certificate"',
  "AccessLogCommon.route_name": 'xds.route_name == "default"',
  "AccessLogCommon.downstream_direct_remote_address":
    'connection.direct_remote_ip == ip("10.0.0.3") && source.ip == ip("10.0.0.3") && source.port == 41000',
  "AccessLogCommon.filter_state_objects": "filter_state.plain == true",
  "AccessLogCommon.custom_tags":
    'custom_tags.team == "a" && connection.id == 77 && upstream.tls_version == "TLSv1.2"',
  "AccessLogCommon.duration": 'request.duration == duration("8s")',
  "AccessLogCommon.upstream_request_attempt_count": "upstream.request_attempt_count == 2",
  "AccessLogCommon.connection_termination_details": 'connection.termination_details == "reset"',
  "AccessLogCommon.stream_id": 'log.stream_id == "stream"',
  "AccessLogCommon.intermediate_log_entry": "log.intermediate",
  "AccessLogCommon.downstream_transport_failure_reason":
    'connection.transport_failure_reason == "no certificate"',
  "AccessLogCommon.downstream_wire_bytes_sent": "connection.wire_bytes_sent == 101",
  "AccessLogCommon.downstream_wire_bytes_received": "connection.wire_bytes_received == 102",
  "AccessLogCommon.upstream_wire_bytes_sent": "upstream.wire_bytes_sent == 103",
  "AccessLogCommon.upstream_wire_bytes_received": "upstream.wire_bytes_received == 104",
  "AccessLogCommon.access_log_type": 'log.type == "DownstreamEnd"',
  "ConnectionProperties.received_bytes": "connection.received_bytes == 401",
  "ConnectionProperties.sent_bytes": "connection.sent_bytes == 402",
  "HTTPAccessLogEntry.common_properties": IS_ALL,
  "HTTPAccessLogEntry.protocol_version": 'request.protocol == "HTTP/2"',
  "HTTPAccessLogEntry.request": IS_ALL,
  "HTTPAccessLogEntry.response": IS_ALL,
  "HTTPRequestProperties.request_method": 'request.method == "POST"',
  "HTTPRequestProperties.scheme": 'request.scheme == "https"',
  "HTTPRequestProperties.authority": 'request.host == "shop.example.com"',
  "HTTPRequestProperties.port": "request.port == 443",
  "HTTPRequestProperties.path": 'request.url_path == "/orders/1" && request.query == "x=y"',
  "HTTPRequestProperties.user_agent": 'request.useragent == "curl"',
  "HTTPRequestProperties.referer": 'request.referer == "https://a.example.com/"',
  "HTTPRequestProperties.forwarded_for": 'request.forwarded_for == "203.0.113.1"',
  "HTTPRequestProperties.request_id": 'request.id == "request"',
  "HTTPRequestProperties.original_path": 'request.original_path == "/o/1"',
  "HTTPRequestProperties.request_headers_bytes": "request.headers_bytes == 201",
  "HTTPRequestProperties.request_body_bytes": "request.size == 202 && request.total_size == 403",
  "HTTPRequestProperties.request_headers": 'request.headers["content-type"] == "application/grpc"',
  "HTTPRequestProperties.upstream_header_bytes_sent": "upstream.header_bytes_sent == 203",
  "HTTPRequestProperties.downstream_header_bytes_received": "connection.header_bytes_received == 204",
  "HTTPResponseProperties.response_code": "response.code == 503",
  "HTTPResponseProperties.response_headers_bytes": "response.headers_bytes == 301",
  "HTTPResponseProperties.response_body_bytes": "response.size == 302 && response.total_size == 603",
  "HTTPResponseProperties.response_headers": 'response.headers.server == "envoy"',
  "HTTPResponseProperties.response_trailers":
    'response.trailers["grpc-status"] == "14" && response.grpc_status == 14',
  "HTTPResponseProperties.response_code_details": 'response.code_details == "via_upstream"',
  "HTTPResponseProperties.upstream_header_bytes_received": "upstream.header_bytes_received == 303",
  "HTTPResponseProperties.downstream_header_bytes_sent": "connection.header_bytes_sent == 304",
  "TCPAccessLogEntry.common_properties": IS_ALL,
  "TCPAccessLogEntry.connection_properties": IS_ALL,
  "TLSProperties.tls_version": 'connection.tls_version == "TLSv1.3"',
  "TLSProperties.tls_cipher_suite": "connection.tls_cipher_suite == 4865",
  "TLSProperties.tls_sni_hostname": 'connection.requested_server_name == "shop.example.com"',
  "TLSProperties.local_certificate_properties":
    'destination.principal == "spiffe://cluster.local/ns/shop/sa/reviews"',
  "TLSProperties.peer_certificate_properties": 'connection.mtls && source.service_account == "web"',
  "TLSProperties.tls_session_id": 'connection.tls_session_id == "session"',
  "TLSProperties.ja3_fingerprint": 'connection.ja3_fingerprint == "ja3"',
  "TLSProperties.CertificateProperties.subject_alt_name":
    'connection.uri_san_peer_certificate.endsWith("/web") && connection.uri_san_local_certificate.endsWith("/reviews")',
  "TLSProperties.CertificateProperties.subject":
    'connection.subject_peer_certificate == "CN=web" && connection.subject_local_certificate == "CN=reviews"',
  "TLSProperties.CertificateProperties.issuer":
    'connection.issuer_peer_certificate == "CN=ca of web" && connection.issuer_local_certificate == "CN=ca of reviews"',
  "TLSProperties.CertificateProperties.SubjectAltName.uri": 'source.principal.endsWith("/web")',
  "TLSProperties.CertificateProperties.SubjectAltName.dns":
    'connection.dns_san_peer_certificate == "web.example.com" && connection.dns_san_local_certificate == "reviews.example.com"',
  "ResponseFlags.Unauthorized.reason": '"UAEX" in response.flag_codes',
};

/** What is not of one field. */
const OTHERS: readonly string[] = [
  'log.name == "mesh-out" && log.node_id == "node" && log.node_cluster == "shop"',
  'xds.listener_direction == "outbound"',
  'decision.id == "d_1" && decision.verdict == "deny" && decision.policy == "orders" && decision.rule == "mfa"',
];

const envoyFields = readFileSync(new URL("../fixtures/wire/envoy-fields.tsv", import.meta.url), "utf8")
  .split("\n")
  .map((line) => line.split("\t"))
  .flatMap(([message = "", field = "", , type = ""]) => {
    const [, name] = /^envoy\.data\.accesslog\.v3\.(.+)$/.exec(message) ?? [];
    return name === undefined || type === "value" || name.endsWith("Entry.Entry") ? [] : [`${name}.${field}`];
  })
  // Maps' own entries.
  .filter((name) => !/\.\w+Entry\.(?:key|value)$/.test(name));

describe("the attributes of an access-log entry", () => {
  it("have every field of Envoy's", () => {
    const read = new Set(Object.keys(FIELDS));
    const missing = envoyFields.filter((name) => !read.has(name) && !/^ResponseFlags\.\w+$/.test(name));
    assert.deepEqual(missing, []);
    assert.ok(envoyFields.length > 90);
  });

  it("are all shown here", () => {
    const shown = [...Object.values(FIELDS), ...OTHERS].join(" ");
    const missing = VOCABULARY.filter(
      ({ phases, name }) => phases.includes("log") && !phases.includes("check") && !shown.includes(name),
    );
    assert.deepEqual(
      missing.map(({ name }) => name),
      [],
    );
  });

  for (const [field, source] of [...Object.entries(FIELDS), ...OTHERS.map((one) => ["", one] as const)]) {
    if (source === IS_ALL) continue;
    it(`${source}${field === "" ? "" : `: ${field}`}`, () => {
      const isTcp = field.startsWith("ConnectionProperties.");
      assert.equal(evaluate(source, isTcp ? tcp : http), true);
      // It is the field that makes it true.
      const whereNothing = evaluate(source, isTcp ? emptyTcp : emptyHttp);
      const isOfLogger = source.startsWith("log.name") || source.startsWith("xds.listener");
      assert.equal(whereNothing === true, isOfLogger, String(whereNothing));
    });
  }

  it("have the code of every flag", () => {
    const flags = envoyFields.filter((name) => /^ResponseFlags\.\w+$/.test(name));
    const numbers = flags.map((_, index) => index + 1);
    const codes = flagCodes(numbers);
    assert.equal(codes.length, flags.length);
    assert.deepEqual(flagsOfCodes(codes), numbers);
    assert.deepEqual([flagCodes([9, 13, 28, 99]), flagsOfCodes(["XX"])], [["NR", "UAEX", "DR"], []]);
  });

  it("have no value where there is no such request, and fault that to the request", () => {
    for (const source of ["request.method", "response.code", "request.duration"]) {
      const value = evaluate(source, tcp);
      assert.ok(value instanceof Unknown && value.fault === "request", source);
    }
    assert.throws(() => tcp.response, ValueFault);
    assert.equal(tcp.kind, "connection");
  });

  it("have no status of gRPC where the request is no call", () => {
    const facts: EntryFacts = { ...NO_ENTRY, kind: "http", request: http.facts.request, responseCode: 503 };
    assert.ok(evaluate("response.grpc_status", new EntryAttributes(facts, READING)) instanceof Unknown);
  });

  it("have no latency where it would be negative", () => {
    const timing: EntryFacts["timing"] = (step) => (step === "first_upstream_tx_byte" ? 5 : 4);
    const entry = new EntryAttributes(
      { ...NO_ENTRY, kind: "http", request: http.facts.request, timing },
      READING,
    );
    assert.ok(evaluate("response.backend_latency", entry) instanceof Unknown);
  });
});
