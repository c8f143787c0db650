import assert from "node:assert/strict";
import net from "node:net";
import { allQueries } from "../../grafana/src/queries.ts";
import { ISTIO_QUERIES, KIALI_QUERIES } from "../grafana/fixtures.ts";
import { VALUES } from "../grafana/values.ts";
import { callGrpc, requestHttp1 } from "../support/http.ts";
import { need } from "../support/need.ts";
import { startPrometheus, type RunningPrometheus } from "../support/prometheus.ts";
import { ORDERS, startShop, type Shop } from "../support/shop.ts";
import { until } from "../support/until.ts";

const WEIR = `weir: 1
listen:
  grpc: { address: "127.0.0.1:0" }
  admin: { address: "127.0.0.1:0" }
  metrics: { address: "127.0.0.1:0" }
mesh: { trustDomains: [cluster.local] }
handlers:
  prometheus: { adapter: prometheus, config: { names: istio, labels: [rule] } }
`;

const FILES = {
  "weir.yaml": WEIR,
  "storefront.yaml": `weir: 1
policy: storefront
match:
  hosts: [storefront.example.com]
rules:
  - id: not-the-office
    deny: request.url_path == "/admin"
  - id: visitors
    allow: request.method == "GET"
quotas:
  - id: brochures
    when: request.url_path == "/brochure"
    key: ['"all"']
    windows:
      - limit: "1"
        per: 1h
`,
  "orders.yaml": `weir: 1
policy: orders
match:
  destinations: [shop/orders]
rules:
  - id: from-the-storefront
    allow: source.service_account == "storefront"
`,
  "ledger.yaml": `weir: 1
policy: ledger
match:
  protocol: tcp
  destinations: [shop/orders]
rules:
  - id: from-the-storefront
    allow: source.service_account == "storefront"
`,
  "bell.yaml": `weir: 1
policy: bell
match:
  protocol: tcp
  when: '!has(destination.service_account)'
rules:
  - id: anyone
    allow: source.port > 0
`,
  "telemetry.yaml": `weir: 1
policy: telemetry
match: everything
telemetry:
  - id: mesh
    to: prometheus
    preset: istio
    with:
      rule: \${decision.rule}
`,
};

/** What one round of traffic has, by what is asked. */
const VISITS: Readonly<Record<string, number>> = {
  "/": 7,
  "/buy/1": 5,
  "/buy/fail": 3,
  "/admin": 2,
  "/brochure": 2,
};
const CALLS = 4;
const BOOKINGS = 3;
const BOOKED = Buffer.alloc(100, "b");

describe("what a mesh tells, from real Envoys to a real Prometheus", () => {
  const open = new AsyncDisposableStack();
  let shop: Shop;
  let prometheus: RunningPrometheus;
  /** Rounds of traffic so far. */
  let rounds = 0;

  before(async function () {
    const envoy = await need(this, "envoy");
    const server = await need(this, "prometheus");
    this.timeout(180_000);
    shop = await startShop({ envoy, files: FILES }, open);
    prometheus = open.adopt(
      await startPrometheus(server, {
        scrape: {
          mesh: { port: shop.weir.metricsPort, path: "/metrics/prometheus" },
          weir: { port: shop.weir.metricsPort },
          storefront: { port: shop.storefront.adminPort, path: "/stats/prometheus" },
          orders: { port: shop.orders.adminPort, path: "/stats/prometheus" },
        },
        intervalMs: 500,
      }),
      (started) => started.stop(),
    );
    // A rate needs counters that were there before they grew.
    for (let round = 0; round < 2; round++) {
      await traffic(shop);
      rounds++;
      await allReceived(shop);
      await prometheus.scraped(2);
    }
  });
  after(() => open.disposeAsync());

  const value = async (expression: string): Promise<number> => {
    const [found, ...more] = await prometheus.query(expression);
    assert.equal(more.length, 0, expression);
    return found?.value ?? Number.NaN;
  };

  it("has every request once, on each side, with the status that the caller received", async () => {
    const total = Object.values(VISITS).reduce((sum, count) => sum + count, 0);
    const inbound = `istio_requests_total{reporter="destination",destination_workload="storefront"`;
    assert.equal(await value(`sum(${inbound}})`), total * rounds);
    assert.equal(await value(`sum(${inbound},response_code="403"})`), (VISITS["/admin"] ?? 0) * rounds);
    assert.equal(await value(`sum(${inbound},response_code="503"})`), (VISITS["/buy/fail"] ?? 0) * rounds);
    const bought = ((VISITS["/buy/1"] ?? 0) + (VISITS["/buy/fail"] ?? 0)) * rounds;
    for (const reporter of ["source", "destination"]) {
      const between = `istio_requests_total{reporter="${reporter}",source_workload="storefront",destination_workload="orders",request_protocol="http"}`;
      assert.equal(await value(`sum(${between})`), bought, reporter);
      assert.equal(
        await value(
          `sum(istio_request_duration_milliseconds_count{reporter="${reporter}",destination_workload="orders",request_protocol="http"})`,
        ),
        bought,
      );
    }
  });

  it("has gRPC calls with their status and messages, and connections with their bytes", async () => {
    const calls = `reporter="destination",destination_workload="orders",request_protocol="grpc"`;
    assert.equal(await value(`sum(istio_requests_total{${calls},grpc_response_status="0"})`), CALLS * rounds);
    assert.equal(await value(`sum(istio_requests_total{${calls},grpc_response_status="14"})`), rounds);
    assert.equal(await value(`sum(istio_request_messages_total{${calls}})`), (CALLS + 1) * rounds);
    const tcp = `reporter="destination",destination_workload="orders"`;
    assert.equal(await value(`sum(istio_tcp_connections_opened_total{${tcp}})`), BOOKINGS * rounds);
    assert.equal(await value(`sum(istio_tcp_connections_closed_total{${tcp}})`), BOOKINGS * rounds);
    assert.ok(
      (await value(`sum(istio_tcp_received_bytes_total{${tcp}})`)) >= BOOKINGS * rounds * BOOKED.length,
    );
  });

  it("says which rule refused", async () => {
    const refused = `istio_requests_total{destination_workload="storefront",rule="not-the-office"}`;
    assert.equal(await value(`sum(${refused})`), (VISITS["/admin"] ?? 0) * rounds);
    const limited = `istio_requests_total{destination_workload="storefront",rule="brochures",response_code="429"}`;
    assert.equal(await value(`sum(${limited})`), (VISITS["/brochure"] ?? 0) * rounds - 1);
  });

  it("comes to as many entries as Envoys wrote, and each of them is accounted for", async () => {
    // Of TCP, Envoy counts only what it sends.
    const written = `sum(envoy_access_logs_grpc_access_log_grpc_entries_flushed)`;
    assert.equal(await value(`sum(weir_report_received_total)`), await value(written));
    const account = `sum(weir_report_received_total) - sum(weir_report_invalid_total or vector(0))
      - sum(weir_report_entries_unwanted_total{handler="prometheus"}) - sum(weir_report_queued_records{handler="prometheus"})
      - sum(weir_report_records_total{handler="prometheus"}) + sum(weir_report_additional_records_total{handler="prometheus"})`;
    assert.equal(await value(account), 0);
    assert.equal(await value(`sum(weir_report_invalid_total) or vector(0)`), 0);
  });

  /** Either workload, as whoever looks at a dashboard would choose. */
  const chosen = (workload: string, namespace: string, service: string) => ({
    __rate_interval: "1m",
    service,
    namespace,
    workload,
    dstsvc: ".*",
    dstns: ".*",
    dstwl: ".*",
    srcns: ".*",
    srcwl: ".*",
    srccluster: ".*",
    dstcluster: ".*",
    qrep: "source|destination",
  });
  const CHOICES = [
    chosen("orders", "shop", ORDERS),
    chosen("storefront", "web", "storefront.web.svc.cluster.local"),
    chosen("payments", "bank", "payments.bank.svc.cluster.local"),
  ];

  it("answers every query of Istio's dashboards", async () => {
    const empty: string[] = [];
    for (const { dashboard, panel, expression } of ISTIO_QUERIES) {
      const asked = expression.replaceAll("istio-ingressgateway", "storefront");
      const found = await firstFound(prometheus, asked, CHOICES);
      if (!found && !isEmptyInIstio(expression)) empty.push(`${dashboard}: ${panel}: ${expression}`);
    }
    assert.deepEqual(empty, []);
  });

  it("answers Kiali with complete label sets", async () => {
    const empty: string[] = [];
    for (const { query, expression } of KIALI_QUERIES) {
      const samples = await prometheus.query(expression.replaceAll("carts", "orders"));
      if (samples.length === 0 && !NOTHING_SENT.test(query)) empty.push(`${query}: ${expression}`);
    }
    assert.deepEqual(empty, []);
  });

  it("answers every panel, recording rule and alert of weir's own dashboards without a fault", async () => {
    const values = { ...VALUES, prefix: "istio_", __rate_interval: "1m" };
    const faults: string[] = [];
    for (const { of, expression } of allQueries(values)) {
      await prometheus.query(expression).catch((error: unknown) => faults.push(`${of}: ${String(error)}`));
    }
    assert.deepEqual(faults, []);
  });
});

/** The caller's proxy never says `mutual_tls`: only the called side can tell. Istio's panels that ask for it stay empty there, too. */
const isEmptyInIstio = (expression: string): boolean =>
  expression.includes('connection_security_policy="mutual_tls"') && expression.includes('reporter="source"');

/** A connection that reaches nobody carries no bytes, and Kiali asks for more than none. */
const NOTHING_SENT = /^graph: TCP bytes .*reached no workload$/;

/** Whether the expression has data with some choice. */
async function firstFound(
  prometheus: RunningPrometheus,
  expression: string,
  choices: readonly Readonly<Record<string, string>>[],
): Promise<boolean> {
  for (const choice of choices) {
    const asked = expression.replaceAll(/\$\{?(\w+)\}?/g, (written, name: string) => choice[name] ?? written);
    if ((await prometheus.query(asked)).length > 0) return true;
  }
  return false;
}

/** One round: always the same requests, calls and connections. */
async function traffic({ storefront, orders }: Shop): Promise<void> {
  const door = { port: storefront.port("storefront") };
  for (const [path, count] of Object.entries(VISITS)) {
    for (let one = 0; one < count; one++)
      await requestHttp1(door, { path, authority: "storefront.example.com" });
  }
  const message = Buffer.from("an order");
  for (let one = 0; one < CALLS; one++)
    await callGrpc(
      { port: storefront.port("grpc") },
      { path: "/shop.Orders/Get", authority: ORDERS, message },
    );
  await callGrpc(
    { port: storefront.port("grpc") },
    { path: "/shop.Orders/Fail", authority: ORDERS, message },
  );
  for (let one = 0; one < BOOKINGS; one++) await book(storefront.port("ledger"));
  // What nobody answers, and what leads out of the mesh.
  await requestHttp1({ port: storefront.port("gone") }, { authority: "gone.shop.svc.cluster.local" });
  await requestHttp1({ port: orders.port("shelf") }, { authority: "shelf.shop.svc.cluster.local" });
  await book(storefront.port("gone-tcp"));
  await book(storefront.port("bell"));
  const payments = "payments.bank.svc.cluster.local";
  for (const path of ["/orders/1", "/orders/slow", "/orders/fail"])
    await requestHttp1({ port: orders.port("payments") }, { path, authority: payments });
  await callGrpc(
    { port: orders.port("payments-grpc") },
    { path: "/bank.Payments/Get", authority: payments, message },
  );
  await book(orders.port("payments-tcp"));
}

/** Sends bytes and waits until they are back, or the connection is closed. */
async function book(port: number): Promise<void> {
  const socket = net.connect(port, "127.0.0.1");
  // Who is refused may be reset, which is an end like another.
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.on("error", () => socket.destroy());
  let missing = BOOKED.length;
  socket.on("data", (chunk: Buffer) => {
    missing -= chunk.length;
    if (missing <= 0) socket.end();
  });
  socket.write(BOOKED);
  await closed;
}

/** Envoys send what they wrote within their interval. */
async function allReceived({ weir, storefront, orders }: Shop): Promise<void> {
  await until(
    async () => {
      const stats = await Promise.all(
        [storefront, orders].map((one) => one.stats("access_logs.grpc_access_log.grpc_entries_flushed")),
      );
      // Of TCP, Envoy counts only what it sends.
      const written = stats.reduce(
        (sum, found) => sum + [...found.values()].reduce((one, more) => one + more, 0),
        0,
      );
      const samples = await weir.metrics();
      const received = [...samples].reduce(
        (sum, [name, count]) => (name.startsWith("weir_report_received_total") ? sum + count : sum),
        0,
      );
      return written > 0 && received === written;
    },
    { what: "weir to receive what Envoys wrote", timeoutMs: 20_000 },
  );
}
