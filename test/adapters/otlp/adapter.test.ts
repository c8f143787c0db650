import assert from "node:assert/strict";
import { otlp } from "../../../adapters/otlp/adapter.ts";
import type { Call } from "../../../src/adapter/adapter.ts";
import type { Preset, ReportRecord } from "../../../src/adapter/report.ts";
import { createOutbound } from "../../../src/host/fetch.ts";
import { exportResponse } from "../../../src/report/otlp.ts";
import { ExportLogsServiceRequest } from "../../../src/wire/opentelemetry/proto/collector/logs/v1/logs_service.ts";
import type { AnyValue, KeyValue } from "../../../src/wire/opentelemetry/proto/common/v1/common.ts";
import { createTestHost } from "../host.ts";
import { fieldRecord } from "../records.ts";
import { measured } from "./measured.ts";
import { contextOf, exchangeOf } from "../zipkin/exchange.ts";
import {
  attributesIn,
  doubleOf,
  fieldsOf,
  hexIn,
  messages,
  startCollector,
  textIn,
  type Collector,
} from "./collector.ts";

const call: Call = { deadlineAtMs: Number.MAX_SAFE_INTEGER, signal: new AbortController().signal };
const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";

/** Attributes in short. */
const textsIn = (attributes: readonly KeyValue[]): Readonly<Record<string, string>> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, textOf(value)]));

function textOf(value: AnyValue | undefined): string {
  const list = value?.arrayValue?.values.map(textOf);
  const map = value?.kvlistValue?.values.map((one) => `${one.key}=${textOf(one.value)}`);
  const plain = value?.stringValue ?? value?.intValue ?? value?.boolValue;
  return (list ?? map)?.join() ?? String(plain);
}

describe("the otlp adapter over HTTP", () => {
  const open = new AsyncDisposableStack();
  let collector: Collector;

  before(async () => {
    collector = await startCollector(open);
  });
  beforeEach(() => {
    collector.posted.length = 0;
    collector.answer = () => ({ status: 200 });
  });
  after(() => open.disposeAsync());

  async function handlerWith(config: object = {}) {
    const host = createTestHost();
    const outbound = createOutbound({
      settings: { allowPrivate: ["127.0.0.1"] },
      log: host.log,
    });
    await outbound.start();
    open.defer(() => outbound.close());
    host.secrets.set("TOKEN", "Bearer one");
    const handler = otlp.create({ url: collector.url, ...config }, { ...host, fetch: outbound.fetch });
    await handler.start();
    open.defer(() => handler.close());
    const report = async (...batch: readonly ReportRecord[]) => handler.report?.(batch, call);
    return { host, handler, report };
  }

  it("sends lines as records of a log", async () => {
    const { report } = await handlerWith({
      resource: { "deployment.environment.name": "test" },
      headers: { authorization: { env: "TOKEN" } },
    });
    const line = fieldRecord(
      { method: "GET", status: 503, flags: ["UH"], bytes: { sent: 7 }, whole: true },
      {
        severity: "error",
        added: new Map([["team", "a"]]),
        trace: { traceId: TRACE, spanId: SPAN, sampled: true },
      },
    );
    assert.deepEqual(await report(line, fieldRecord()), { kind: "delivered" });
    const [posted, ...others] = collector.posted;
    assert.ok(posted && others.length === 0);
    assert.deepEqual(
      [posted.path, posted.headers["content-type"], posted.headers["authorization"]],
      ["/v1/logs", "application/x-protobuf", "Bearer one"],
    );
    const [logs] = ExportLogsServiceRequest.decode(posted.body).resourceLogs;
    const [first, second] = logs?.scopeLogs[0]?.logRecords ?? [];
    const resource = (logs?.resource?.attributes ?? []).map(({ key, value }) => [key, value?.stringValue]);
    assert.deepEqual(resource, [
      ["service.name", "weir"],
      ["deployment.environment.name", "test"],
    ]);
    assert.ok(first && second);
    assert.deepEqual(
      [first.timeUnixNano, first.observedTimeUnixNano, first.severityNumber, first.body?.stringValue],
      [1_700_000_000_000_000_000n, 1_700_000_001_250_000_000n, 17, "orders/slow"],
    );
    assert.deepEqual(
      [first.traceId.toString("hex"), first.spanId.toString("hex"), first.flags & 1],
      [TRACE, SPAN, 1],
    );
    assert.deepEqual(textsIn(first.attributes), {
      "weir.rule": "orders/slow",
      method: "GET",
      status: "503",
      flags: "UH",
      bytes: "sent=7",
      whole: "true",
      team: "a",
    });
    assert.equal(second.severityText, "INFO");
  });

  it("sends exchanges as spans, below those of the headers, of the service that tells", async () => {
    const { report } = await handlerWith();
    const context = contextOf({ traceparent: `00-${TRACE}-${SPAN}-01` });
    const batch = [
      exchangeOf({ context, failure: "503 UH", attributes: new Map([["http.response.status_code", 503]]) }),
      exchangeOf({
        context,
        side: "gateway",
        id: "g",
        local: { service: "edge", ip: undefined, port: undefined },
      }),
      exchangeOf({ context: contextOf({ traceparent: `00-${TRACE}-${SPAN}-00`, b3: "0" }), id: "denied" }),
    ];
    assert.deepEqual(await report(...batch), { kind: "delivered" });
    assert.equal(collector.posted[0]?.path, "/v1/traces");
    const services = messages(fieldsOf(collector.posted[0].body), 1).map((resourceSpans) => {
      const [resource = new Map<number, never>()] = messages(resourceSpans, 1);
      const spans = messages(resourceSpans, 2).flatMap((scope) => messages(scope, 2));
      return [attributesIn(resource, 1)["service.name"], spans] as const;
    });
    assert.deepEqual(
      services.map(([name, spans]) => [name, spans.length]),
      [
        ["shop", 1],
        ["edge", 2],
      ],
    );
    const [client] = services[0]?.[1] ?? [];
    const [server, sent] = services[1]?.[1] ?? [];
    assert.ok(client && server && sent);
    assert.deepEqual(
      [hexIn(client, 1), hexIn(client, 4), textIn(client, 5), client.get(6), client.get(7), client.get(8)],
      [TRACE, SPAN, "GET /orders/7", [3], [1_700_000_000_000_000_000n], [1_700_000_000_012_500_000n]],
    );
    assert.equal(attributesIn(client, 9)["peer.service"], "orders");
    assert.deepEqual(
      messages(client, 15).map((status) => [textIn(status, 2), status.get(3)]),
      [["503 UH", [2]]],
    );
    assert.deepEqual(
      [server.get(6), hexIn(server, 4), sent.get(6), hexIn(sent, 4)],
      [[2], SPAN, [3], hexIn(server, 2)],
    );
    assert.equal(attributesIn(server, 9)["peer.service"], undefined);
    await report(...batch);
    assert.deepEqual(
      collector.posted[1]?.body,
      collector.posted[0].body,
      "told again, they are the same spans",
    );
  });

  it("sends measurements as what metrics grew by since the last ones", async () => {
    const { report, host } = await handlerWith({ names: "istio" });
    host.advance(1_000);
    assert.deepEqual(await report(measured("200", 1, 5), measured("200", 1, 0.5), measured("503", 1, 50)), {
      kind: "delivered",
    });
    host.advance(500);
    await report(measured("200", 1, undefined));
    const [first, second] = collector.posted.map(({ path, body }) => {
      assert.equal(path, "/v1/metrics");
      return messages(fieldsOf(body), 1).flatMap((one) =>
        messages(one, 2).flatMap((scope) => messages(scope, 2)),
      );
    });
    const [requests, duration] = first ?? [];
    assert.ok(requests && duration);
    assert.deepEqual(
      [textIn(requests, 1), textIn(duration, 1)],
      ["istio_requests_total", "istio_request_duration_milliseconds"],
    );
    const [sum] = messages(requests, 7);
    assert.ok(sum);
    assert.deepEqual([sum.get(2), sum.get(3)], [[1], [1]], "delta, monotonic");
    const points = messages(sum, 1).map((point) => [
      attributesIn(point, 7),
      doubleOf(point.get(4)?.[0]),
      point.get(2),
      point.get(3),
    ]);
    const period = [[1_700_000_000_000_000_000n], [1_700_000_001_000_000_000n]];
    assert.deepEqual(points, [
      [{ reporter: "source", response_code: "200", team: "a" }, 2, ...period],
      [{ reporter: "source", response_code: "503", team: "a" }, 1, ...period],
    ]);
    const [histogram] = messages(duration, 9);
    const [bins] = histogram === undefined ? [] : messages(histogram, 1);
    const counts = bins?.get(6)?.[0];
    assert.ok(Buffer.isBuffer(counts));
    assert.deepEqual(
      [0, 8, 16].map((at) => counts.readBigUInt64LE(at)),
      [1n, 1n, 0n],
    );
    assert.deepEqual([bins?.get(4), doubleOf(bins?.get(5)?.[0])], [[2n], 5.5]);
    assert.equal(second?.length, 1, "what has not grown is not sent");
    const [later] = messages(
      messages(second[0] ?? new Map<number, never>(), 7)[0] ?? new Map<number, never>(),
      1,
    );
    assert.deepEqual(
      [later?.get(2), later?.get(3)],
      [[1_700_000_001_000_000_000n], [1_700_000_001_500_000_000n]],
    );
  });

  it("counts what the collector rejects, and says why", async () => {
    const { report, handler } = await handlerWith();
    collector.answer = () => ({ status: 200, body: exportResponse(1, "too old") });
    assert.deepEqual(await report(fieldRecord(), fieldRecord()), {
      kind: "refused",
      dropped: 1,
      reason: "rejected: too old",
    });
    collector.answer = () => ({ status: 400 });
    assert.deepEqual(await report(fieldRecord()), {
      kind: "refused",
      dropped: 1,
      reason: "the collector answers 400",
    });
    assert.equal(handler.status().state, "failing");
    collector.answer = () => ({ status: 404 });
    assert.match(JSON.stringify(await report(fieldRecord())), /404: is the URL right\?/);
  });

  it("waits as long as the collector asks, and compresses what is long", async () => {
    const { report } = await handlerWith();
    collector.answer = () => ({ status: 429, headers: { "retry-after": "7" } });
    const retry = { kind: "retry", reason: "the collector answers 429", afterMs: 7_000 };
    assert.deepEqual(await report(...Array.from({ length: 50 }, () => fieldRecord())), retry);
    assert.equal(collector.posted[0]?.headers["content-encoding"], "gzip");
    collector.answer = () => ({ status: 503 });
    assert.deepEqual(await report(fieldRecord()), { kind: "retry", reason: "the collector answers 503" });
    assert.equal(collector.posted[1]?.headers["content-encoding"], undefined);
  });

  it("sends again only the signals that have not arrived", async () => {
    const { report } = await handlerWith();
    collector.answer = ({ path }) => ({ status: path === "/v1/traces" ? 503 : 200 });
    const batch = [fieldRecord(), exchangeOf(), measured("200", 1)];
    assert.equal((await report(...batch))?.kind, "retry");
    collector.answer = () => ({ status: 200 });
    assert.deepEqual(await report(...batch), { kind: "delivered" });
    assert.deepEqual(
      collector.posted.map(({ path }) => path),
      ["/v1/logs", "/v1/traces", "/v1/traces", "/v1/metrics"],
    );
  });

  it("counts what it has no address for as refused", async () => {
    const { report } = await handlerWith({ url: undefined, logs: `${collector.url}/v1/logs` });
    const reason = "there is no address for traces";
    assert.deepEqual(await report(fieldRecord(), exchangeOf()), { kind: "refused", dropped: 1, reason });
    assert.equal(collector.posted.length, 1);
  });

  it("keeps what a URL says beside its path", async () => {
    const { report } = await handlerWith({ url: `${collector.url}/otlp/?team=a` });
    await report(fieldRecord());
    assert.equal(collector.posted[0]?.path, "/otlp/v1/logs?team=a");
  });
});

describe("rules for a handler of the otlp adapter", () => {
  const complaint = (config: object, preset: Preset | undefined): string | undefined =>
    otlp.inputs.report?.complaint?.(config, { preset, fields: new Map() });

  // As weir.yaml has it: the schema has looked at it, and has changed nothing.
  it("need an address for what they send", () => {
    const logs = { logs: "http://collector:4318/v1/logs" };
    assert.equal(complaint(logs, "access-log"), undefined);
    assert.equal(complaint(logs, undefined), undefined);
    assert.match(complaint(logs, "trace") ?? "", /^this handler has no address for traces: write traces: /);
    assert.match(complaint(logs, "istio") ?? "", /^this handler has no address for metrics: /);
    assert.equal(complaint({ url: "http://collector:4318" }, "istio"), undefined);
  });
});
