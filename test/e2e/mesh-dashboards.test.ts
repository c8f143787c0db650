import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { allQueries, type Query } from "../../grafana/src/queries.ts";
import { VALUES } from "../grafana/values.ts";
import { withCommon } from "../report/described.ts";
import { struct, time } from "../report/encode.ts";
import { inboundRequest, SIDECAR } from "../report/entries.ts";
import { callGrpc, requestHttp1 } from "../support/http.ts";
import { openLogs } from "../support/log-stream.ts";
import { need } from "../support/need.ts";
import { startPrometheus, type RunningPrometheus } from "../support/prometheus.ts";
import { ORDERS } from "../support/shop.ts";
import { until } from "../support/until.ts";
import { visitShop } from "../support/visits.ts";
import { startWatched, type Watched } from "../support/watched.ts";

const rulesFile = (name: string): string =>
  readFileSync(join(import.meta.dirname, "../../grafana/rules", name), "utf8");

/** A round of requests from outside. */
const VISITS = {
  ...{ "/": 7, "/buy/1": 5, "/buy/fail": 3, "/buy/slow": 1, "/admin": 2, "/members": 2, "/partners": 2 },
  ...{ "/brochure": 8, "/print": 2, "/copy": 2, "/closed": 1, "/twice": 1, "/account": 1, "/..//": 1 },
};

/** A token of an issuer that cannot be reached. */
const TOKEN = [
  { alg: "RS256", kid: "one" },
  { iss: "https://idp.example.com", aud: "shop", sub: "ann", exp: Math.floor(Date.now() / 1_000) + 3_600 },
  "no signature",
]
  .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
  .join(".");

/** Alerts whose fault is there; of all others the numbers are looked at that they compare. */
const FIRING = [
  ...["MeshErrorBudgetBurnsFast", "MeshErrorBudgetBurnsSlowly", "WeirErrorVerdicts", "WeirOverloaded"],
  ...["WeirHandlerFails", "WeirIdentityUnavailable", "WeirRecordsLost", "WeirReloadFailed"],
  ...["WeirTeamHeldBack", "WeirOverrideActive", "WeirOverrideEnds", "WeirCertificateRefused"],
  ...["WeirStoreAway", "WeirStoreFails", "WeirQuotasFailOpen", "WeirQuotasFailClosed"],
  ...["WeirSettlementsFail", "WeirSettlementsForged", "WeirReportDrops", "WeirReportQueueNearlyFull"],
  ...["WeirEntriesInvalid", "WeirSeriesNearCap", "WeirSeriesOverflow"],
];

/** What has no data, and why. */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  "alert WeirInternalErrors": "an exception of weir's own: whoever can make one has found a bug",
};

describe("what a mesh shows on every panel, and what it alerts on", () => {
  const open = new AsyncDisposableStack();
  let watched: Watched;
  let prometheus: RunningPrometheus;

  before(async function () {
    const envoy = await need(this, "envoy");
    const redis = await need(this, "redis");
    const server = await need(this, "prometheus");
    this.timeout(180_000);
    watched = await startWatched({ envoy, redis }, open);
    const { shop, other } = watched;
    // New certificates are looked for every ten seconds.
    await other.spoil();
    prometheus = open.adopt(
      await startPrometheus(server, {
        scrape: {
          mesh: { port: shop.weir.metricsPort, path: "/metrics/prometheus" },
          weir: { port: shop.weir.metricsPort },
          "weir-2": { port: other.weir.metricsPort },
          storefront: { port: shop.storefront.adminPort, path: "/stats/prometheus" },
          orders: { port: shop.orders.adminPort, path: "/stats/prometheus" },
        },
        rules: [rulesFile("recording.yaml"), rulesFile("alerts.yaml")],
        intervalMs: 500,
      }),
      (started) => started.stop(),
    );
    // A rate needs counters that were there before they grew.
    for (let round = 0; round < 2; round++) {
      await everything(watched, open);
      await prometheus.scraped(2);
    }
    await appendFile(join(shop.folder, "bell.yaml"), "# Something has changed.\n");
    await watched.redis.kill();
    for (let round = 0; round < 2; round++) {
      await everything(watched, open);
      await prometheus.scraped(2);
    }
  });
  after(() => open.disposeAsync());

  /** Of all queries, those that have no answer within the time that what is slow takes. */
  async function unanswered(asked: readonly Query[]): Promise<readonly string[]> {
    let left = asked.filter(({ of }) => !(of in EXCEPTIONS));
    const ask = async (): Promise<boolean> => {
      const found = await Promise.all(left.map(({ expression }) => prometheus.query(expression)));
      left = left.filter((_, index) => found[index]?.length === 0);
      return left.length === 0;
    };
    await until(ask, { what: "data", timeoutMs: 20_000 }).catch(() => undefined);
    return left.map(({ of, expression }) => `${of}: ${expression}`);
  }

  const queries = allQueries({
    ...VALUES,
    ...{ prefix: "istio_", __rate_interval: "1m", service: ORDERS, namespace: "shop", workload: "orders" },
  });
  const alerts = queries.filter(({ of }) => of.startsWith("alert "));
  const isFiring = ({ of }: Query): boolean => FIRING.includes(of.replace("alert ", ""));

  it("is something, on every panel, of every variable, mark and recording rule", async function () {
    this.timeout(60_000);
    assert.deepEqual(await unanswered(queries.filter((one) => !alerts.includes(one))), []);
  });

  it("is an alert where there is a fault", async function () {
    this.timeout(60_000);
    const faults = alerts.filter(isFiring);
    assert.equal(faults.length, FIRING.length, "every name is that of an alert");
    assert.deepEqual(await unanswered(faults), []);
  });

  it("has the numbers that every other alert compares", async function () {
    this.timeout(60_000);
    const parts = alerts
      .filter((one) => !isFiring(one))
      .flatMap(({ of, expression }) =>
        withoutComparisons(expression).map((part) => ({ of, expression: part })),
      );
    assert.ok(parts.length > 10, String(parts.length));
    assert.deepEqual(await unanswered(parts), []);
  });
});

/**
 * What an alert compares, whatever the comparisons come to: each side of its `unless`, which would take away what the other has, without
 * looking back further than any test lasts.
 */
function withoutComparisons(expression: string): readonly string[] {
  const isCounter = /unless \S+( offset|\{[^}]*\} offset)/.test(expression);
  const sides = isCounter ? [expression] : expression.split(/\s+unless\s+(?:on \([^)]*\) )?/);
  return sides.map((side) =>
    side
      .replaceAll(" offset 30m", "")
      .replaceAll(/(?:>|==)\s*/g, ">= -Inf + 0 * ")
      .replaceAll(/<\s*/g, "<= +Inf + 0 * "),
  );
}

/** One of each thing that can be told of. */
async function everything({ shop, other }: Watched, open: AsyncDisposableStack): Promise<void> {
  await visitShop(shop, VISITS);
  const door = { port: shop.storefront.port("storefront") };
  const authority = "storefront.example.com";
  const token = [["authorization", `Bearer ${TOKEN}`]] as const;
  await requestHttp1(door, { path: "/account", authority, headers: token });
  await requestHttp1(door, { authority: "nobody.example.com" });
  for (let count = 0; count < 5; count++)
    await requestHttp1(door, { path: "/", authority, headers: [["x-user", "ann"]] });
  await other.ask();
  const reset = {
    ...{ method: "POST", path: "/quotas/reset", authority: "localhost" },
    headers: [["content-type", "application/json"]] as const,
    body: JSON.stringify({ policy: "storefront", quota: "brochures", key: ["all"] }),
  };
  await requestHttp1({ port: shop.weir.adminPort ?? 0 }, reset);
  await fromOthers(shop.weir, open);
}

async function overloads(weir: Watched["shop"]["weir"]): Promise<number> {
  const found = [...(await weir.metrics())].filter(
    ([name]) => name.startsWith("weir_checks_total{") && name.includes('rule="weir/overload"'),
  );
  return found.reduce((sum, [, count]) => sum + count, 0);
}

/** A check that comes too late, and entries that no Envoy of ours writes: three that are none, two of wrong clocks, one with a forged token. */
async function fromOthers(weir: Watched["shop"]["weir"], open: AsyncDisposableStack): Promise<void> {
  const { checks } = weir;
  if ("unix" in checks) throw new Error("the mesh asks over TCP");
  const late = {
    path: "/envoy.service.auth.v3.Authorization/Check",
    headers: [["grpc-timeout", "1n"]] as const,
  };
  const before = await overloads(weir);
  // Now and then the transport itself notices first that the time is up.
  const isCounted = async (): Promise<boolean> => {
    await callGrpc(checks, { ...late, message: Buffer.alloc(0) });
    return (await overloads(weir)) > before;
  };
  await until(isCounted, { what: "a check that comes too late", timeoutMs: 20_000 });
  const told = struct({ decision: "d_forged", settle: "no.token" });
  const forged = new Map([
    ["envoy.filters.http.ext_authz", { fields: new Map([["weir", { structValue: told }]]) }],
  ]);
  const hourMs = 3_600_000;
  const stream = openLogs(checks.port, open);
  await stream.send({
    identifier: SIDECAR,
    http: [
      ...[{}, {}, {}],
      withCommon(inboundRequest(1), { startTime: time(Date.now() + hourMs) }),
      withCommon(inboundRequest(2), { startTime: time(Date.now() - hourMs) }),
      withCommon(inboundRequest(3), { metadata: { filterMetadata: forged } }),
    ],
  });
  assert.equal(await stream.finish(), 0);
}
