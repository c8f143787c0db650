import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { allQueries, withValues } from "../../grafana/src/queries.ts";
import { ISTIO_QUERIES, KIALI_QUERIES } from "../grafana/fixtures.ts";
import { knownMetrics, type Known } from "../grafana/known-metrics.ts";
import { VALUES } from "../grafana/values.ts";
import { need } from "../support/need.ts";
import { type RunningPrometheus, startPrometheus } from "../support/prometheus.ts";

/** What labels say in the three label sets that every metric has; others are `a`, `b` and `c`. */
const SAID: Readonly<Record<string, readonly [string, string, string]>> = {
  reporter: ["source", "destination", "source"],
  response_code: ["200", "404", "503"],
  response_flags: ["-", "-", "UH"],
  grpc_response_status: ["", "0", "14"],
  destination_service: ["carts.shop.svc", "carts.shop.svc", "carts.shop.svc"],
  destination_service_namespace: ["shop", "shop", "shop"],
  destination_workload_namespace: ["shop", "shop", "shop"],
  destination_workload: ["carts", "carts", "carts"],
  source_workload_namespace: ["shop", "web", "shop"],
  source_workload: ["carts", "front", "carts"],
  verdict: ["allow", "deny", "error"],
  rule: ["all", "weir/overload", "plan"],
  result: ["fits", "exceeds", "warned"],
  outcome: ["delivered", "sampled_out", "dropped"],
  by: ["store", "local", "remembered"],
  team: ["", "orders", "search"],
};

/** A page on which every known metric has three label sets; counters and times grow with each scrape. */
function page(known: Known, scrapes: number): string {
  return Array.from(known, ([name, { kind, labels }]) => {
    if (name.includes(":") || name === "up") return "";
    const lines = [0, 1, 2].flatMap((variant) => {
      const said = Array.from(
        labels,
        (label) => [label, SAID[label]?.[variant] ?? "abc"[variant] ?? ""] as const,
      );
      const bounds = name.endsWith("_bucket") ? ["0.1", "1000", "+Inf"] : [""];
      return bounds.map((bound, index) => {
        const written = said
          .filter(([label]) => label !== "le")
          .concat(bound === "" ? [] : [["le", bound]])
          .map(([label, value]) => `${label}="${value}"`);
        const grows = kind === "counter" || name.endsWith("_timestamp_seconds");
        const value = grows ? scrapes * (variant + 1) * (index + 10) : 1;
        return `${name}{${written.join(",")}} ${value}`;
      });
    });
    // Without labels there is one series.
    return [...new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), line])).values()].join(
      "\n",
    );
  }).join("\n");
}

describe("the queries of dashboards and rules, in a real Prometheus", () => {
  let prometheus: RunningPrometheus;
  const servers: Server[] = [];
  before(async function () {
    const found = await need(this, "prometheus");
    const known = await knownMetrics();
    for (let count = 0; count < 2; count++) {
      let scrapes = 0;
      const server = createServer((_, response) => response.end(`${page(known, ++scrapes)}\n`));
      servers.push(server);
      await once(server.listen(0, "127.0.0.1"), "listening");
    }
    const [first, second] = servers.map((server) => ({ port: (server.address() as AddressInfo).port }));
    assert.ok(first !== undefined && second !== undefined);
    prometheus = await startPrometheus(found, { scrape: { weir: first, "weir-2": second } });
    await prometheus.scraped(3);
  });
  after(async () => {
    await prometheus.stop();
    for (const server of servers) server.close();
  });

  const values = { ...VALUES, __rate_interval: "1m", __range: "1m" };
  for (const prefix of ["weir_mesh_", "istio_"]) {
    it(`are answered, and panels and variables show something: ${prefix}`, async function () {
      this.timeout(60_000);
      const empty: string[] = [];
      for (const { of, expression } of allQueries({ ...values, prefix })) {
        const samples = await prometheus.query(expression);
        if (samples.length === 0 && !/^(rule|alert) /.test(of)) empty.push(`${of}: ${expression}`);
      }
      assert.deepEqual(empty, []);
    });
  }

  it("are answered when Istio's dashboards ask, and Kiali", async function () {
    this.timeout(60_000);
    const istio = ISTIO_QUERIES.map(({ expression }) =>
      withValues(expression, {
        ...values,
        ...{ qrep: "source|destination", srccluster: ".*", srcns: ".*", srcwl: ".*" },
        ...{ dstcluster: ".*", dstns: ".*", dstwl: ".*", dstsvc: ".*" },
      }),
    );
    for (const expression of [...istio, ...KIALI_QUERIES.map((one) => one.expression)])
      await prometheus.query(expression);
  });
});
