import assert from "node:assert/strict";
import { recordOf } from "../../../adapters/apigee/analytics-record.ts";
import type { FieldRecord, FieldValue } from "../../../src/adapter/report.ts";
import { fieldRecord } from "../records.ts";

const START_MS = 1_700_000_000_000;
const ANALYTICS = JSON.stringify({ apiproxy: "orders", environment: "test", client_id: "c", team: "x" });

const made = (
  fields: Readonly<Record<string, FieldValue>>,
  added: Readonly<Record<string, FieldValue>> = {},
  more: Partial<FieldRecord> = {},
): ReturnType<typeof recordOf> =>
  recordOf(
    fieldRecord(
      { access_log_type: "DownstreamEnd", ...fields },
      {
        added: new Map(Object.entries({ analytics: ANALYTICS, ...added })),
        ...more,
      },
    ),
    "acme",
    START_MS + 1_000,
  );

const recorded = (...written: Parameters<typeof made>): Readonly<Record<string, unknown>> => {
  const one = made(...written);
  return one.kind === "record" ? one.record : assert.fail(one.why);
};

describe("an analytics record", () => {
  it("has what the check answered, and when what happened", () => {
    const record = recorded(
      {
        ...{ method: "GET", path: "/a", response_code: 403, duration: 9, stream_id: "s1" },
        ...{ user_agent: "curl", x_forwarded_for: "10.0.0.1,10.0.0.2" },
      },
      {
        uri: "/a?b=c",
        client_received_end: "0.001s",
        target_received_end: "0.0079s",
        client_sent_start: "0.008s",
      },
    );
    assert.match(
      String(record["gateway_flow_id"]),
      /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
    assert.deepEqual(
      { ...record, gateway_flow_id: "" },
      {
        apiproxy: "orders",
        environment: "test",
        client_id: "c",
        client_received_start_timestamp: START_MS,
        client_received_end_timestamp: START_MS + 1,
        client_sent_start_timestamp: START_MS + 8,
        client_sent_end_timestamp: START_MS + 9,
        target_received_end_timestamp: START_MS + 7,
        recordType: "APIAnalytics",
        request_uri: "/a?b=c",
        request_path: "/a",
        request_verb: "GET",
        client_ip: "10.0.0.1,10.0.0.2",
        useragent: "curl",
        apiproxy_revision: 0,
        response_status_code: 403,
        organization: "acme",
        gateway_source: "envoy",
        gateway_flow_id: "",
      },
    );
  });

  it("is the same of an entry that is told again", () => {
    assert.deepEqual(recorded({ stream_id: "s1" }), recorded({ stream_id: "s1" }));
    assert.notEqual(
      recorded({ stream_id: "s1" })["gateway_flow_id"],
      recorded({ stream_id: "s2" })["gateway_flow_id"],
    );
  });

  it("has no digest for an address", () => {
    assert.equal(recorded({ x_forwarded_for: "9f86d081", client_ip: "60303ae2" })["client_ip"], undefined);
  });

  it("captures at most a hundred values, texts of at most 400 bytes", () => {
    const many = Object.fromEntries(Array.from({ length: 120 }, (_, index) => [`v${index}`, index]));
    const names = Object.keys(recorded({}, many)).filter((name) => name.startsWith("dc."));
    assert.equal(names.length, 100);
    const cut = recorded({}, { "dc.a": `x${"\u20ac".repeat(200)}`, b: true, c: ["no"] });
    assert.deepEqual([cut["dc.a"], cut["dc.b"], cut["dc.c"]], [`x${"\u20ac".repeat(133)}`, true, undefined]);
  });

  const none: readonly (readonly [string, string, ReturnType<typeof made>])[] = [
    ["unchecked", "no check of ours answered", made({}, { analytics: null })],
    ["unchecked", "the answer is none", made({}, { analytics: "{" })],
    ["unchecked", "the answer names no environment", made({}, { analytics: "{}" })],
    ["unfinished", "another entry follows", made({ access_log_type: "DownstreamPeriodic" })],
    ["invalid", "nobody knows when it began", made({}, {}, { timeMs: undefined })],
    ["invalid", "it begins in the future", made({}, {}, { timeMs: START_MS + 62_000 })],
    ["invalid", "it is older than 90 days", made({}, {}, { timeMs: START_MS - 90 * 86_400_000 })],
  ];
  for (const [why, what, one] of none)
    it(`is none where ${what}`, () => assert.deepEqual(one, { kind: "none", why }));
});
