import assert from "node:assert/strict";
import { ISTIO_QUERIES, KIALI_QUERIES } from "../grafana/fixtures.ts";
import { need } from "../support/need.ts";
import { startPrometheus, type RunningPrometheus } from "../support/prometheus.ts";
import { ORDERS, startShop, type Shop } from "../support/shop.ts";
import { allReceived, BOOKED, BOOKINGS, CALLS, visitShop } from "../support/visits.ts";

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
      await visitShop(shop, VISITS);
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
