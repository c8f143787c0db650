import assert from "node:assert/strict";
import { type Credential, createAuthority } from "../support/certificates.ts";
import { requestHttp1, type Target } from "../support/http.ts";
import { type Mesh, startMesh } from "../support/mesh.ts";
import { need } from "../support/need.ts";
import { until } from "../support/until.ts";

const files = {
  "database.yaml": `
weir: 1
policy: database
match:
  protocol: tcp
  destinations: [data/orders-db]
identities:
  workload:
    mtls: { trustDomains: [cluster.local] }
rules:
  - id: by-name
    require: connection.requested_server_name == "orders-db.data"
  - id: shop
    allow: has(auth.workload) && auth.workload.namespace == "shop"
  - id: admin
    allow: has(source.service_account) && source.service_account == "admin"
`,
  "plain.yaml": `
weir: 1
policy: plain
match:
  protocol: tcp
  when: |
    !has(destination.namespace)
rules:
  - id: local
    allow: source.ip.inCidr("127.0.0.0/8") && client.ip == source.ip && !has(source.principal)
`,
  "web.yaml": `
weir: 1
policy: web
match:
  destinations: [data/orders-db]
default: allow
`,
};

const spiffe = (path: string): string => `spiffe://cluster.local/${path}`;
const clients: Readonly<Record<string, readonly string[]>> = {
  shop: [spiffe("ns/shop/sa/web")],
  admin: [spiffe("ns/ops/sa/admin")],
  cron: [spiffe("ns/ops/sa/cron")],
  foreign: ["spiffe://cluster.example/ns/shop/sa/web"],
  two: [spiffe("ns/shop/sa/web"), spiffe("ns/shop/sa/api")],
  nobody: [],
};

describe("a policy of connections through Envoy's network filter", () => {
  const open = new AsyncDisposableStack();
  const credentials = new Map<string, Credential>();
  let ca: string;
  let mesh: Mesh;

  before(async function () {
    const program = await need(this, "envoy");
    const authority = await createAuthority();
    ca = authority.ca;
    for (const [name, uris] of Object.entries(clients))
      credentials.set(name, await authority.issue({ uris }));
    const tlsOf = async (workload: string) => ({
      ...(await authority.issue({ uris: [spiffe(workload)] })),
      clientCa: ca,
    });
    const listeners = [
      { name: "orders-db", speaks: "tcp", check: "asked", tls: await tlsOf("ns/data/sa/orders-db") },
      { name: "users-db", speaks: "tcp", check: "asked", tls: await tlsOf("ns/data/sa/users-db") },
      { name: "plain", speaks: "tcp", check: "asked" },
    ] as const;
    const filter = { peerCertificate: "sent", tlsSession: "sent" } as const;
    mesh = await startMesh({ program, files, listeners, filter }, open);
  });
  after(() => open.disposeAsync());

  const target = (listener: string, client?: string, serverName?: string): Target => {
    const port = mesh.envoy.port(listener);
    if (client === undefined) return { port };
    const credential = credentials.get(client) ?? assert.fail(client);
    return { port, tls: { ca, ...credential, ...(serverName === undefined ? {} : { serverName }) } };
  };
  /** What weir counts of a connection; the upstream says whether it came through. */
  const outcome = async (at: Target): Promise<string> => {
    const before = await mesh.weir.metrics();
    const answer = await requestHttp1(at, {}).catch(() => undefined);
    const grown = await until(
      async () => {
        const samples = [...(await mesh.weir.metrics())];
        const names = samples.filter(
          ([name, value]) => name.startsWith("weir_checks_total{") && value > (before.get(name) ?? 0),
        );
        return names.length > 0 && names;
      },
      { what: "the check to be counted" },
    );
    assert.equal(grown.length, 1);
    const [, policy, rule, verdict] =
      /policy="(.*)",rule="(.*)",verdict="(.*)"/.exec(grown[0]?.[0] ?? "") ?? [];
    assert.equal(answer?.status, verdict === "allow" ? 200 : undefined);
    return `${String(verdict)} ${String(policy)}/${String(rule)}`;
  };

  const name = "Orders-DB.data";
  for (const { what, listener = "orders-db", client, serverName = name, expected } of [
    { what: "a workload that is named", client: "shop", expected: "allow database/shop" },
    { what: "a source that is named", client: "admin", expected: "allow database/admin" },
    { what: "a workload that is not named", client: "cron", expected: "deny database/default" },
    { what: "a foreign trust domain", client: "foreign", expected: "deny database/default" },
    { what: "two SPIFFE ids", client: "two", expected: "deny database/default" },
    { what: "a certificate without a name", client: "nobody", expected: "deny database/default" },
    {
      what: "another server name",
      client: "shop",
      serverName: "users-db.data",
      expected: "deny database/by-name",
    },
    { what: "another destination", listener: "users-db", client: "shop", expected: "deny /weir/ungoverned" },
  ]) {
    it(`answers ${what} with ${expected}`, async () => {
      assert.equal(await outcome(target(listener, client, serverName)), expected);
    });
  }

  it("closes where no server name is asked for and one is required", async () => {
    assert.equal(await outcome(target("orders-db", "shop")), "deny database/by-name");
  });

  it("lets pass what has no TLS and no principal where a policy says so", async () => {
    assert.equal(await outcome(target("plain")), "allow plain/local");
  });
});
