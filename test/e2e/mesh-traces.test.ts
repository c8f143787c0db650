import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import type { Found } from "../servers/ensure.ts";
import { callGrpc, requestHttp1 } from "../support/http.ts";
import { need } from "../support/need.ts";
import { ORDERS, startShop, type Shop, type ShopSetup } from "../support/shop.ts";
import { until } from "../support/until.ts";
import { startZipkin, type RunningZipkin, type ZipkinSpan } from "../support/zipkin.ts";

/** Whoever asks may do so; what becomes of entries is the test's. */
const filesOf = (handlers: string, telemetry: string): ShopSetup["files"] => ({
  "weir.yaml": `weir: 1
listen:
  grpc: { address: "127.0.0.1:0" }
  metrics: { address: "127.0.0.1:0" }
mesh: { trustDomains: [cluster.local] }
outbound: { allowPrivate: [127.0.0.1] }
handlers:
${handlers}`,
  "shop.yaml": `weir: 1
policy: shop
match:
  when: request.url_path != ""
rules:
  - id: not-the-office
    deny: request.url_path == "/buy/office"
  - id: anyone
    allow: request.method != "PUT"
`,
  "telemetry.yaml": `weir: 1
policy: telemetry
match: everything
telemetry:
${telemetry}`,
});

const zipkinHandler = (name: string, url: string, mode: string): string =>
  `  ${name}: { adapter: zipkin, config: { url: "${url}", mode: ${mode} } }\n`;

const traces = (to: string): string => `  - id: ${to}\n    to: ${to}\n    preset: trace\n`;

const CALLER = "000000000000000a";

/** One visitor with a trace of his own, whose caller's span is `CALLER`; yields the trace's id. */
async function visit({ storefront }: Shop, path: string, status: number): Promise<string> {
  const traceId = randomBytes(16).toString("hex").replace(/^./, "a");
  const answer = await requestHttp1(
    { port: storefront.port("storefront") },
    {
      path,
      authority: "storefront.example.com",
      headers: [["b3", `${traceId}-${CALLER}-1`]],
    },
  );
  assert.equal(answer.status, status, path);
  return traceId;
}

async function call({ storefront }: Shop, path: string): Promise<void> {
  const b3 = `${randomBytes(16).toString("hex")}-${CALLER}-1`;
  const outgoing = { path, authority: ORDERS, headers: [["b3", b3]] as const, message: Buffer.from("one") };
  await callGrpc({ port: storefront.port("grpc") }, outgoing);
}

const timesOf = ({ timestamp = 0, duration = 0 }: ZipkinSpan) => ({
  startUs: timestamp,
  endUs: timestamp + duration,
});

const outcomeOf = ({ tags }: ZipkinSpan) => ({
  status: tags?.["http.status_code"],
  method: tags?.["http.method"],
  error: tags?.["error"],
});

describe("the spans of a mesh, from real Envoys to a real Zipkin", () => {
  const open = new AsyncDisposableStack();
  let envoy: Found;
  let zipkin: RunningZipkin;

  before(async function () {
    envoy = await need(this, "envoy");
    zipkin = open.adopt(await startZipkin(await need(this, "zipkin")), (started) => started.stop());
  });
  after(() => open.disposeAsync());

  /** In the order of their beginnings, once there are so many. */
  const traceOf = (traceId: string, spans: number): Promise<readonly ZipkinSpan[]> =>
    until(
      async () => {
        const trace = await zipkin.trace(traceId);
        return (
          trace.length >= spans &&
          trace.toSorted((one, other) => (one.timestamp ?? 0) - (other.timestamp ?? 0))
        );
      },
      { what: `${spans} spans of trace ${traceId}`, timeoutMs: 15_000 },
    );

  describe("of Envoys that do not trace", () => {
    const own = new AsyncDisposableStack();
    let shop: Shop;
    before(async function () {
      this.timeout(60_000);
      const files = filesOf(zipkinHandler("zipkin", zipkin.spansUrl, "auto"), traces("zipkin"));
      shop = await startShop({ envoy, files }, own);
    });
    after(() => own.disposeAsync());

    it("has a call over both proxies and on to a service that has none, each span below the right one", async () => {
      const begunAtUs = Date.now() * 1_000;
      const traceId = await visit(shop, "/buy/pay", 200);
      const lastedUs = Date.now() * 1_000 - begunAtUs;
      const trace = await traceOf(traceId, 4);
      const [entered, ordering, ordered, paying] = trace;
      assert.ok(entered && ordering && ordered && paying && trace.length === 4, JSON.stringify(trace));

      assert.deepEqual(
        trace.map(({ kind, parentId, shared, localEndpoint, remoteEndpoint, name }) => [
          ...[kind, name, localEndpoint?.serviceName, remoteEndpoint?.serviceName],
          ...[shared ?? false, parentId],
        ]),
        [
          ["SERVER", "get /buy/pay", "storefront", undefined, true, undefined],
          ["CLIENT", "get /orders/pay", "storefront", "orders", false, CALLER],
          ["SERVER", "get /orders/pay", "orders", "storefront", true, CALLER],
          ["CLIENT", "get /payments/7", "orders", "payments", false, ordering.id],
        ],
      );
      assert.equal(entered.id, CALLER);
      assert.equal(ordered.id, ordering.id);

      for (const span of trace) {
        assert.deepEqual(outcomeOf(span), { status: "200", method: "GET", error: undefined });
        const { startUs, endUs } = timesOf(span);
        assert.ok(startUs >= begunAtUs - 1_000 && endUs - startUs <= lastedUs + 1_000, JSON.stringify(span));
        // Each call lies within that of its caller, but for what two clocks that are read apart differ.
        assert.ok(endUs > startUs && endUs <= timesOf(entered).endUs + 1_000, JSON.stringify(span));
      }
      assert.equal(entered.tags?.["weir.decision.rule"], "anyone");
      assert.equal(ordered.tags?.["weir.decision.policy"], "shop");
      assert.equal(paying.tags?.["weir.decision.rule"], undefined, "who calls out is not asked");
    });

    it("has how long a slow service took, on both sides of the call", async () => {
      const trace = await traceOf(await visit(shop, "/buy/slow", 200), 3);
      for (const span of trace) {
        const tookUs = timesOf(span).endUs - timesOf(span).startUs;
        assert.ok(tookUs >= 300_000 && tookUs < 3_000_000, JSON.stringify(span));
      }
    });

    it("has why calls failed, and who refused them", async () => {
      const failed = await traceOf(await visit(shop, "/buy/fail", 503), 3);
      assert.deepEqual(
        failed.map(({ tags }) => tags?.["error"]),
        ["503", "503", "503"],
      );
      const refused = await traceOf(await visit(shop, "/buy/office", 403), 1);
      assert.deepEqual(
        refused.map(({ tags }) => [
          tags?.["http.status_code"],
          tags?.["weir.decision.rule"],
          tags?.["error"],
        ]),
        [["403", "not-the-office", undefined]],
      );
    });

    it("draws each edge with its calls and errors, also to whom nobody traces", async () => {
      // Of the tests above: one that paid, one slow, one that failed.
      for (let count = 0; count < 3; count++) await visit(shop, "/buy/1", 200);
      await visit(shop, "/buy/fail", 503);
      await visit(shop, "/buy/pay", 200);
      for (let count = 0; count < 4; count++) await call(shop, "/shop.Orders/Get");
      await call(shop, "/shop.Orders/Fail");
      const authority = "payments.bank.svc.cluster.local";
      const b3 = `${randomBytes(16).toString("hex")}-${CALLER}-1`;
      const failing = { path: "/fail", authority, headers: [["b3", b3]] as const };
      await requestHttp1({ port: shop.orders.port("payments") }, failing);

      const edges = await until(
        async () => {
          const found = await zipkin.dependencies();
          return found.reduce((sum, { callCount }) => sum + callCount, 0) >= 16 && found;
        },
        { what: "Zipkin to have every call", timeoutMs: 15_000 },
      );
      assert.deepEqual(
        edges
          .map((one) => `${one.parent} → ${one.child}: ${one.callCount}/${one.errorCount ?? 0}`)
          .toSorted(),
        ["orders → payments: 3/1", "storefront → orders: 13/3"],
      );
    });
  });

  describe("of Envoys that trace themselves", () => {
    const own = new AsyncDisposableStack();
    let shop: Shop;
    before(async function () {
      this.timeout(60_000);
      const { spansUrl } = zipkin;
      const handlers = [
        ...[zipkinHandler("joins", spansUrl, "join"), zipkinHandler("correlates", spansUrl, "correlate")],
        "  lines: { adapter: stdout }\n",
      ];
      const lines = "  - id: lines\n    to: lines\n    preset: access-log\n";
      const files = filesOf(handlers.join(""), `${traces("joins")}${traces("correlates")}${lines}`);
      const tracer = { host: "127.0.0.1", port: Number(new URL(spansUrl).port) };
      shop = await startShop({ envoy, files, tracer }, own);
    });
    after(() => own.disposeAsync());

    /** What a proxy says of its own span, and weir of it. */
    const placeOf = ({ id, parentId, kind, shared, timestamp, tags }: ZipkinSpan) => ({
      ...{ id, parentId, kind, shared: shared ?? false, timestamp },
      ...{ node: tags?.["node_id"], status: tags?.["http.status_code"] },
    });
    const isEnvoys = ({ tags }: ZipkinSpan): boolean => tags?.["component"] === "proxy";
    /** Envoy makes one of each check, too. */
    const isOfRequest = ({ name }: ZipkinSpan): boolean => name?.startsWith("async ") !== true;

    it("joins the very spans that Envoy sends: ids, parents, kinds and beginnings are the same", async () => {
      // Three of each, and two checks.
      const trace = (await traceOf(await visit(shop, "/buy/fail", 503), 8)).filter(isOfRequest);
      const byNode = (one: { node: string | undefined; kind: string | undefined }): string =>
        `${one.node} ${one.kind}`;
      const sorted = (spans: readonly ZipkinSpan[]) =>
        spans.map(placeOf).toSorted((one, other) => byNode(one).localeCompare(byNode(other)));
      const envoys = sorted(trace.filter(isEnvoys));
      assert.equal(envoys.length, 3, JSON.stringify(trace));
      assert.deepEqual(sorted(trace.filter((one) => !isEnvoys(one))), envoys);
    });

    it("writes the same ids on lines, and makes no span of its own where it only correlates", async () => {
      const traceId = await visit(shop, "/buy/1", 200);
      const trace = (await traceOf(traceId, 8)).filter((one) => isOfRequest(one) && isEnvoys(one));
      const lines = await until(
        () => {
          const found = shop.weir.process
            .output()
            .split("\n")
            .filter((line) => line.includes(traceId) && line.endsWith("}"))
            .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
          return found.length === 3 && found;
        },
        { what: "the lines of the trace" },
      );
      const ends = (found: readonly (readonly unknown[])[]) => found.map((one) => one.join(" ")).toSorted();
      assert.deepEqual(
        ends(lines.map((line) => [line["node_id"], line["span_id"]])),
        ends(trace.map(({ id, tags }) => [tags?.["node_id"], id])),
      );
      const without = `weir_zipkin_exchanges_without_span_total{handler="correlates",reason="correlate"}`;
      assert.ok((await shop.weir.metric(without)) >= 3);
      assert.equal(await shop.weir.metric(`weir_zipkin_spans_total{handler="correlates"}`), 0);
    });
  });
});
