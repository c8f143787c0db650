import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Found } from "../servers/ensure.ts";
import { type Authority, type Credential, createAuthority } from "../support/certificates.ts";
import type { Envoy } from "../support/envoy.ts";
import { type Outgoing, requestHttp1 } from "../support/http.ts";
import { ask } from "../support/mesh.ts";
import { need } from "../support/need.ts";
import { ALL_WELL, checkWith, framed, printedFor, serveFiles, startFramed } from "../support/printed.ts";
import { startUpstream, type Upstream } from "../support/upstream.ts";
import { serverFile } from "../support/weir.ts";

const spiffe = (path: string): string => `spiffe://cluster.local/${path}`;

/** A recipe's files; its weir.yaml says also that listeners take free ports. */
function recipe(name: string): Readonly<Record<string, string>> {
  const folder = join(import.meta.dirname, "../../docs/cookbook", name);
  const names = readdirSync(folder).filter((one) => !one.endsWith(".md"));
  const files = Object.fromEntries(names.map((one) => [one, readFileSync(join(folder, one), "utf8")]));
  return { ...files, "weir.yaml": serverFile(undefined, files["weir.yaml"]?.replace("weir: 1\n", "")) };
}

describe("recipes of the cookbook, behind a real Envoy that is told what weir envoy prints", function () {
  // Each starts a weir, an Envoy and a command or two.
  this.timeout(30_000);
  const open = new AsyncDisposableStack();
  const clients = new Map<string, Credential>();
  let program: Found;
  let authority: Authority;
  let upstream: Upstream;

  before(async function () {
    program = await need(this, "envoy");
    upstream = open.adopt(await startUpstream(), (started) => started.stop());
    authority = await createAuthority();
    for (const [name, ...uris] of [
      ["web", spiffe("ns/shop/sa/web")],
      ["checkout", spiffe("ns/orders/sa/checkout")],
      ["cron", spiffe("ns/orders/sa/cron")],
      ["foreign", "spiffe://other.example/ns/orders/sa/checkout"],
      ["two", spiffe("ns/orders/sa/checkout"), spiffe("ns/shop/sa/web")],
    ] as const)
      clients.set(name, await authority.issue({ uris }));
  });
  after(() => open.disposeAsync());

  /** An Envoy in front of the recipe's weir; `workload`, where it has a name of the mesh, is whom callers reach. */
  async function serve(name: string, workload?: string): Promise<Envoy> {
    const { folder, weir } = await serveFiles(recipe(name), open);
    const printed = await printedFor(folder, { at: weir.checks });
    const own = workload === undefined ? undefined : await authority.issue({ uris: [workload] });
    const config = framed({ printed, upstream, ...(own && { tls: { ...own, clientCa: authority.ca } }) });
    assert.deepEqual(await checkWith(folder, config), ALL_WELL);
    return startFramed({ program, config }, open);
  }
  const as = (client: string, serverName?: string) => ({
    tls: {
      ca: authority.ca,
      ...(clients.get(client) ?? assert.fail(client)),
      ...(serverName && { serverName }),
    },
  });

  describe("mesh-acl", () => {
    let envoy: Envoy;
    before(async () => (envoy = await serve("mesh-acl", spiffe("ns/payments/sa/ledger"))));

    const get: Outgoing = { path: "/entries", authority: "ledger.payments" };
    for (const { client, outgoing = get, expected } of [
      { client: "cron", expected: "200 acl/listed" },
      { client: "checkout", outgoing: { ...get, method: "POST" }, expected: "200 acl/listed" },
      { client: "cron", outgoing: { ...get, method: "POST" }, expected: "403 ledger/checkout-writes" },
      { client: "web", expected: "403 acl/default" },
      { client: "web", outgoing: { ...get, authority: "catalog.catalog" }, expected: "403 acl/default" },
      { client: "foreign", expected: "401 acl/has-name" },
      { client: "two", expected: "401 acl/has-name" },
    ] satisfies readonly { client: string; outgoing?: Outgoing; expected: string }[]) {
      it(`answers ${client}, ${outgoing.method ?? "GET"} ${outgoing.authority}, with ${expected}`, async () => {
        const to = { listener: "web", ...as(client) };
        const { answer, by, received } = await ask({ envoy, upstream }, requestHttp1, { ...outgoing, to });
        assert.equal(`${answer.status} ${by}`, expected);
        assert.equal(received !== undefined, answer.status === 200);
      });
    }

    it("tells the service who calls, whatever the caller says", async () => {
      const headers = [["x-caller", "root"] as const];
      const to = { listener: "web", ...as("cron") };
      const { received } = await ask({ envoy, upstream }, requestHttp1, { ...get, headers, to });
      assert.equal(received?.headers["x-caller"], spiffe("ns/orders/sa/cron"));
    });
  });

  describe("ip-allow-list", () => {
    let envoy: Envoy;
    before(async () => (envoy = await serve("ip-allow-list")));

    for (const { forwarded, authority: host = "admin.example.com", path = "/", expected } of [
      { forwarded: "192.0.2.10", expected: "200 admin/from-the-office" },
      { forwarded: "203.0.113.9, 192.0.2.10", expected: "200 admin/from-the-office" },
      { forwarded: "2001:db8:0:1::7", expected: "200 admin/from-the-office" },
      { forwarded: "203.0.113.9", expected: "403 admin/default" },
      { forwarded: "192.0.2.10, 203.0.113.9", expected: "403 admin/default" },
      { forwarded: undefined, expected: "403 admin/default" },
      {
        forwarded: "192.0.2.10",
        authority: "shop.example.com",
        path: "/metrics",
        expected: "200 shop/reads",
      },
      {
        forwarded: "203.0.113.9",
        authority: "shop.example.com",
        path: "/metrics",
        expected: "404 metrics/from-the-office",
      },
    ]) {
      it(`answers ${host}${path} for X-Forwarded-For ${forwarded ?? "missing"} with ${expected}`, async () => {
        const headers = forwarded === undefined ? [] : [["x-forwarded-for", forwarded] as const];
        // In place of 127.0.0.1, of which Envoy writes another address of the machine.
        const to = { listener: "web", from: "127.0.0.2" };
        const outgoing = { authority: host, path, headers, to };
        const { answer, by } = await ask({ envoy, upstream }, requestHttp1, outgoing);
        assert.equal(`${answer.status} ${by}`, expected);
      });
    }
  });

  describe("tcp-service", () => {
    let envoy: Envoy;
    before(async () => (envoy = await serve("tcp-service", spiffe("ns/data/sa/orders-db"))));

    const connect = async (client: string, serverName?: string): Promise<string> => {
      const target = { port: envoy.port("tcp"), ...as(client, serverName) };
      const answer = await requestHttp1(target, {}).catch(() => undefined);
      return answer?.status === 200 ? "passed on" : "closed";
    };
    for (const { client, serverName, expected } of [
      { client: "checkout", serverName: "orders-db.data", expected: "passed on" },
      { client: "checkout", serverName: "Orders-DB.data", expected: "passed on" },
      { client: "checkout", serverName: "users-db.data", expected: "closed" },
      { client: "checkout", serverName: undefined, expected: "closed" },
      { client: "web", serverName: "orders-db.data", expected: "closed" },
      { client: "foreign", serverName: "orders-db.data", expected: "closed" },
      { client: "two", serverName: "orders-db.data", expected: "closed" },
    ]) {
      it(`has the connection of ${client} for ${serverName ?? "no name"} ${expected}`, async () => {
        assert.equal(await connect(client, serverName), expected);
      });
    }

    it("counts in Envoy what the page says", async () => {
      const before = await envoy.stats("ext_authz.weir.");
      assert.equal(await connect("web", "orders-db.data"), "closed");
      const counted = await envoy.stats("ext_authz.weir.");
      assert.equal(counted.get("ext_authz.weir.denied"), (before.get("ext_authz.weir.denied") ?? 0) + 1);
      assert.equal(counted.get("ext_authz.weir.error"), 0);
    });
  });
});
