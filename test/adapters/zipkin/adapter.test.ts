import assert from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import { zipkin } from "../../../adapters/zipkin/adapter.ts";
import type { Call, Handler } from "../../../src/adapter/adapter.ts";
import type { FetchAnswer, FetchRequest } from "../../../src/adapter/host.ts";
import type { Delivery, Exchange } from "../../../src/adapter/report.ts";
import { createTestHost, type TestHost } from "../host.ts";
import { contextOf, exchangeOf } from "./exchange.ts";

const URL = "http://zipkin.example.com:9411/api/v2/spans";
const call: Call = { deadlineAtMs: Number.MAX_SAFE_INTEGER, signal: new AbortController().signal };

type Answer = (request: FetchRequest) => Partial<FetchAnswer>;

function opened(
  config: object,
  answer: Answer = () => ({ status: 202 }),
): { host: TestHost; handler: Handler } {
  const host = createTestHost();
  host.remote = { kind: "answers", answer };
  return { host, handler: zipkin.create({ url: URL, ...config }, host) };
}

const many = (count: number, over: Partial<Exchange> = {}): readonly Exchange[] =>
  Array.from({ length: count }, (_, at) => exchangeOf({ id: `exchange ${at}`, ...over }));

const report = async (handler: Handler, batch: readonly Exchange[]): Promise<Delivery | undefined> =>
  handler.report?.(batch, call);

const textOf = ({ body = "", headers }: FetchRequest): string =>
  (headers?.["content-encoding"] === "gzip" ? gunzipSync(body) : Buffer.from(body)).toString();

const spansIn = (request: FetchRequest): readonly { readonly id: string }[] =>
  JSON.parse(textOf(request)) as { id: string }[];

describe("the zipkin adapter", () => {
  it("posts the spans of a batch as JSON", async () => {
    const { host, handler } = opened({});
    assert.deepEqual(await report(handler, [exchangeOf(), exchangeOf({ side: "gateway", id: "g" })]), {
      kind: "delivered",
    });
    const [request, ...others] = host.requests;
    assert.ok(request !== undefined && others.length === 0);
    assert.deepEqual([request.method, request.url, request.signal?.aborted], ["POST", URL, false]);
    assert.equal(request.headers?.["content-type"], "application/json");
    assert.equal(spansIn(request).length, 3);
    assert.equal(host.counted.get("spans_total"), 3);
    assert.deepEqual(handler.status(), { state: "ready", detail: "3 spans sent" });
  });

  it("compresses bodies above 1 KiB, and no others", async () => {
    const { host, handler } = opened({});
    await report(handler, many(1));
    await report(handler, many(20));
    assert.deepEqual(
      host.requests.map(({ headers }) => headers?.["content-encoding"]),
      [undefined, "gzip"],
    );
    assert.equal(host.requests.flatMap(spansIn).length, 21);
  });

  it("sends its headers, each time with the present secret", async () => {
    const { host, handler } = opened({ headers: { Authorization: { env: "TOKEN" } } });
    host.secrets.set("TOKEN", "Bearer one");
    await handler.start();
    await report(handler, many(1));
    host.secrets.set("TOKEN", "Bearer two");
    await report(handler, many(1));
    assert.deepEqual(
      host.requests.map(({ headers }) => headers?.["authorization"]),
      ["Bearer one", "Bearer two"],
    );
  });

  it("tries again when a secret cannot be read any more", async () => {
    const { host, handler } = opened({ headers: { Authorization: { env: "TOKEN" } } });
    assert.deepEqual(await report(handler, many(1)), { kind: "retry", reason: "TOKEN is not set" });
    assert.equal(host.requests.length, 0);
  });

  it("asks nobody where there is no span to send, and counts why", async () => {
    const { host, handler } = opened({ sample: "0%" });
    const debug = exchangeOf({ context: contextOf({ b3: "0" }) });
    assert.deepEqual(await report(handler, [...many(2), debug]), { kind: "delivered" });
    const { host: other, handler: correlating } = opened({ mode: "correlate" });
    assert.deepEqual(await report(correlating, many(2)), { kind: "delivered" });
    assert.deepEqual([...host.requests, ...other.requests], []);
    assert.equal(host.counted.get("exchanges_without_span_total unsampled"), 3);
    assert.equal(other.counted.get("exchanges_without_span_total correlate"), 2);
  });

  it("keeps bodies within maxBatchBytes, and the spans of an exchange together", async () => {
    const { host, handler } = opened({ maxBatchBytes: "2KiB" });
    const batch = [...many(20, { side: "gateway" }), exchangeOf({ name: "x".repeat(3_000) })];
    assert.deepEqual(await report(handler, batch), { kind: "delivered" });
    const sizes = host.requests.map((request) => Buffer.byteLength(textOf(request)));
    assert.ok(sizes.slice(0, -1).every((size) => size <= 2_048) && sizes.length > 5, sizes.join());
    for (const request of host.requests.slice(0, -1)) assert.equal(spansIn(request).length % 2, 0);
    assert.equal(host.requests.flatMap(spansIn).length, 41);
  });

  it("halves what is too large for Zipkin, and gives up what is too large by itself", async () => {
    const tooLarge: Answer = (request) => {
      const isTooLarge = spansIn(request).length > 3 || textOf(request).includes("large");
      return { status: isTooLarge ? 413 : 202 };
    };
    const { host, handler } = opened({}, tooLarge);
    const delivery = await report(handler, [...many(10), exchangeOf({ name: "large" })]);
    assert.deepEqual(delivery, {
      kind: "refused",
      dropped: 1,
      reason: "Zipkin answers 413 for a single exchange",
    });
    assert.equal(host.counted.get("spans_total"), 10);
    assert.equal(handler.status().state, "ready", "Zipkin takes what is sent");
  });

  const DATE = new Date(1_700_000_060_000).toUTCString();
  const ANSWERS: readonly (readonly [status: number, retryAfter: string | undefined, expected: Delivery])[] =
    [
      [200, undefined, { kind: "delivered" }],
      [202, undefined, { kind: "delivered" }],
      [204, undefined, { kind: "delivered" }],
      [301, undefined, { kind: "refused", dropped: 2, reason: "Zipkin answers 301: is the URL right?" }],
      [400, undefined, { kind: "refused", dropped: 2, reason: "Zipkin answers 400" }],
      [401, "5", { kind: "refused", dropped: 2, reason: "Zipkin answers 401" }],
      [404, undefined, { kind: "refused", dropped: 2, reason: "Zipkin answers 404: is the URL right?" }],
      [413, undefined, { kind: "refused", dropped: 2, reason: "Zipkin answers 413 for a single exchange" }],
      [429, "7", { kind: "retry", reason: "Zipkin answers 429", afterMs: 7_000 }],
      [429, undefined, { kind: "retry", reason: "Zipkin answers 429" }],
      [429, "soon", { kind: "retry", reason: "Zipkin answers 429" }],
      [503, DATE, { kind: "retry", reason: "Zipkin answers 503", afterMs: 60_000 }],
      [503, new Date(0).toUTCString(), { kind: "retry", reason: "Zipkin answers 503", afterMs: 0 }],
      [500, undefined, { kind: "retry", reason: "Zipkin answers 500" }],
      [502, undefined, { kind: "retry", reason: "Zipkin answers 502" }],
    ];
  for (const [status, retryAfter, expected] of ANSWERS) {
    it(`takes ${status}, retry-after ${retryAfter ?? "missing"}, for ${expected.kind}`, async () => {
      const headers = new Map(retryAfter === undefined ? [] : [["retry-after", retryAfter]]);
      const { handler } = opened({}, () => ({ status, headers }));
      assert.deepEqual(await report(handler, many(2)), expected);
      assert.equal(handler.status().state, expected.kind === "delivered" ? "ready" : "failing");
    });
  }

  it("tries again what could not be sent, as the same spans, and counts it once", async () => {
    let failures = 1;
    const { host, handler } = opened({ maxBatchBytes: "2KiB" }, (request) => {
      const isLast = textOf(request).includes('"get /last"');
      return { status: isLast && failures-- > 0 ? 500 : 202 };
    });
    const unsampled = exchangeOf({ context: contextOf({ b3: "0" }) });
    const batch = [...many(10), unsampled, exchangeOf({ id: "last", name: "GET /last" })];
    assert.equal((await report(handler, batch))?.kind, "retry");
    const first = host.requests.flatMap(spansIn);
    assert.equal((await report(handler, batch))?.kind, "delivered");
    assert.deepEqual(host.requests.flatMap(spansIn).slice(first.length), first);
    assert.equal(host.counted.get("exchanges_without_span_total unsampled"), 1);
  });

  it("tries again when Zipkin is away, and says so until it is back", async () => {
    const { host, handler } = opened({});
    host.remote = { kind: "away" };
    assert.deepEqual(await report(handler, many(1)), { kind: "retry", reason: "the connection was refused" });
    assert.deepEqual(handler.status(), {
      state: "failing",
      detail: "0 spans sent, now none: the connection was refused",
    });
    host.remote = { kind: "answers", answer: () => ({ status: 202 }) };
    await report(handler, many(1));
    assert.equal(handler.status().state, "ready");
  });

  it("waits no longer than it is given, nor than it is open", async () => {
    const { host, handler } = opened({});
    host.remote = { kind: "hangs" };
    const reported = handler.report?.(many(1), { ...call, deadlineAtMs: host.nowMs() + 250 });
    await handler.close();
    assert.equal((await reported)?.kind, "retry");
    assert.equal(host.requests[0]?.timeoutMs, 250);
  });
});
