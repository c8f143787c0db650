import assert from "node:assert/strict";
import { EntryAttributes } from "../../src/attributes/entry.ts";
import { VOCABULARY } from "../../src/attributes/vocabulary.ts";
import { ACCESS_LOG_FIELDS, accessLog, withoutPersons, type AccessLog } from "../../src/report/access-log.ts";
import { readEntries } from "../../src/report/attributes.ts";
import type { Counted } from "../../src/report/connections.ts";
import { READING } from "../attributes/fixture.ts";
import { fullHttp, fullTcp } from "../attributes/full-entry.ts";
import { encodeMessage, type DescribedHttp, type DescribedMessage } from "./encode.ts";
import { grpcRequest, SIDECAR } from "./entries.ts";

const COUNTED: Counted = { observedAtMs: 5, request: "finished", connection: undefined, messages: undefined };

function logged(message: DescribedMessage): AccessLog {
  const [facts] = readEntries(encodeMessage({ identifier: SIDECAR, ...message }), undefined).entries;
  return accessLog(new EntryAttributes(facts ?? assert.fail(), READING), COUNTED);
}

const logOf = (http: DescribedHttp): AccessLog => logged({ http: [http] });

describe("the preset access-log", () => {
  it("has the classic entry under the names of Envoy's own JSON", () => {
    const { fields, timeMs, severity, observedAtMs } = logOf(fullHttp);
    assert.deepEqual([timeMs, severity, observedAtMs], [1_780_000_000_123, "error", 5]);
    assert.deepEqual(Object.fromEntries(fields), {
      start_time: "2026-05-28T20:26:40.123Z",
      access_log_type: "DownstreamEnd",
      method: "POST",
      path: "/orders/1",
      protocol: "HTTP/2",
      authority: "Shop.example.com:443",
      response_code: 503,
      response_flags: "UH,UAEX",
      response_code_details: "via_upstream",
      grpc_status: 14,
      bytes_received: 202,
      bytes_sent: 302,
      duration: 8_000,
      upstream_service_time: 1.5,
      request_id: "request",
      stream_id: "stream",
      user_agent: "curl",
      referer: "https://a.example.com/",
      x_forwarded_for: "203.0.113.1",
      client_ip: "10.0.0.3",
      downstream_remote_address: "203.0.113.1",
      downstream_direct_remote_address: "10.0.0.3",
      downstream_local_address: "10.0.0.2:8080",
      downstream_peer_principal: "spiffe://cluster.local/ns/shop/sa/web",
      downstream_tls_version: "TLSv1.3",
      downstream_transport_failure_reason: "no certificate",
      requested_server_name: "shop.example.com",
      connection_termination_details: "reset",
      route_name: "default",
      upstream_cluster: "outbound|9080||reviews.shop.svc.cluster.local",
      upstream_host: "10.0.0.4:9080",
      upstream_local_address: "[2001:db8::5]:42000",
      upstream_request_attempt_count: 2,
      upstream_transport_failure_reason: "bad certificate",
      decision: "d_1",
      verdict: "deny",
      policy: "orders",
      rule: "mfa",
      log_name: "mesh-in",
      node_id: SIDECAR.id,
    });
    assert.deepEqual([...fields.keys()], [...ACCESS_LOG_FIELDS.keys()]);
  });

  it("is of connections too, without what only requests have", () => {
    const { fields } = logged({ tcp: [fullTcp] });
    assert.deepEqual([fields.get("bytes_received"), fields.get("bytes_sent")], [401, 402]);
    for (const name of ["method", "path", "response_code", "upstream_request_attempt_count", "user_agent"])
      assert.ok(!fields.has(name), name);
  });

  it("says nothing of what the entry does not", () => {
    const { fields, timeMs, trace } = logOf({ commonProperties: {}, request: {} });
    assert.deepEqual([timeMs, trace], [undefined, undefined]);
    const names = [
      ...["access_log_type", "response_code", "bytes_received", "bytes_sent"],
      ...["upstream_request_attempt_count", "log_name", "node_id"],
    ];
    assert.deepEqual([...fields.keys()], names);
    assert.equal(fields.get("response_code"), 0);
  });

  it("has neither queries nor tokens", () => {
    const secret = "s3cr3t";
    const { fields } = logOf({
      commonProperties: {},
      request: {
        path: `/a?token=${secret}`,
        referer: `https://a.example.com/?token=${secret}#${secret}`,
        originalPath: `/b?token=${secret}`,
        requestHeaders: new Map([["authorization", `Bearer ${secret}`]]),
      },
      response: { responseHeaders: new Map([["set-cookie", secret]]) },
    });
    assert.ok(!JSON.stringify([...fields]).includes(secret));
    assert.deepEqual([fields.get("path"), fields.get("referer")], ["/a", "https://a.example.com/"]);
  });

  it("cuts what is long, and leaves out a time that no calendar has", () => {
    const { fields } = logOf({
      commonProperties: { startTime: { seconds: 99_999_999_999_999n, nanos: 0 } },
      request: { path: `/${"a".repeat(9_999)}` },
    });
    assert.equal(fields.get("path"), `/${"a".repeat(1_023)}…`);
    assert.ok(!fields.has("start_time"));
  });

  const severities: readonly (readonly [AccessLog["severity"], DescribedHttp])[] = [
    ["info", { response: { responseCode: 200 } }],
    ["info", { response: { responseCode: 302 } }],
    ["warning", { response: { responseCode: 404 } }],
    ["error", { response: { responseCode: 503 } }],
    ["warning", { commonProperties: { responseFlags: { downstreamConnectionTermination: true } } }],
    ["error", grpcRequest("14")],
    ["warning", grpcRequest("5")],
    ["info", grpcRequest("0")],
  ];
  for (const [index, [severity, entry]] of severities.entries()) {
    it(`is of severity ${severity} where it should be, ${index}`, () => {
      assert.equal(logOf({ commonProperties: {}, request: {}, ...entry }).severity, severity);
    });
  }
});

describe("the fields without persons", () => {
  it("have digests of what the vocabulary does not call open, and all else as it is", () => {
    const { fields } = logOf(fullHttp);
    const shown = withoutPersons(fields, (printed) => `#${printed.length}`);
    assert.deepEqual([...shown.keys()], [...fields.keys()]);
    const hidden = [...shown].filter(([name, value]) => value !== fields.get(name)).map(([name]) => name);
    assert.deepEqual(hidden, [
      ...["user_agent", "referer", "x_forwarded_for", "client_ip"],
      ...["downstream_remote_address", "downstream_direct_remote_address"],
    ]);
  });

  it("are of attributes that there are, none of them secret", () => {
    const classes = new Map(VOCABULARY.map((attribute) => [attribute.name, attribute.class]));
    for (const [field, attribute] of ACCESS_LOG_FIELDS)
      assert.ok(["open", "personal"].includes(classes.get(attribute) ?? ""), `${field}: ${attribute}`);
  });
});
