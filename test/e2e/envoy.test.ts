import assert from "node:assert/strict";
import { ecPair, ISSUER, jwksOf, sign } from "../identity/fixture.ts";
import type { Found } from "../servers/ensure.ts";
import { type Json, typed } from "../support/bootstrap.ts";
import { type Authority, type Credential, createAuthority } from "../support/certificates.ts";
import type { Envoy } from "../support/envoy.ts";
import { type Outgoing, requestHttp1, type Target } from "../support/http.ts";
import { ask, type Asked, type Send } from "../support/mesh.ts";
import { need } from "../support/need.ts";
import { ALL_WELL, checkWith, framed, printedFor, serveFiles, startFramed } from "../support/printed.ts";
import { startUpstream, type Upstream } from "../support/upstream.ts";

const WEB = "spiffe://cluster.local/ns/shop/sa/web";
const JWT_AUTHN = "envoy.filters.http.jwt_authn";
const pair = ecPair("one");

/** Everything of which Envoy has to be told, each read by a rule of its own. */
const EVERYTHING = {
  "orders.yaml": `
weir: 1
policy: orders
match:
  routes: [orders]
identities:
  workload: { mtls: { trustDomains: [cluster.local] } }
  user: { metadata: { namespace: ${JWT_AUTHN}, path: payload, claims: { sub: string } } }
rules:
  - id: one-role
    deny: '"x-role" in request.headers_all && size(request.headers_all["x-role"]) > 1'
  - id: small
    when: request.method == "POST"
    require: request.json.amount <= 100.0
  - id: by-name
    require: connection.requested_server_name == "orders.example.com"
  - id: signed-in
    require: has(auth.user)
    status: 401
  - id: workloads
    allow: has(auth.workload) && connection.peer_certificate.startsWith("-----BEGIN")
    request:
      set:
        x-user: \${auth.user.sub}
        x-size: '\${request.method == "POST" ? string(size(request.body)) : "none"}'
`,
  "database.yaml": `
weir: 1
policy: database
match: { protocol: tcp }
identities:
  workload: { mtls: { trustDomains: [cluster.local] } }
rules:
  - id: by-name
    require: connection.requested_server_name == "db.example.com"
  - id: shop
    allow: has(auth.workload) && auth.workload.namespace == "shop"
`,
};

/** Envoy's own filter, which leaves the claims of a good token, and lets who has none pass. */
const jwtAuthn: Json = {
  name: JWT_AUTHN,
  typed_config: typed("envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication", {
    providers: {
      idp: {
        issuer: ISSUER,
        local_jwks: { inline_string: JSON.stringify(jwksOf(pair)) },
        payload_in_metadata: "payload",
      },
    },
    rules: [
      {
        match: { prefix: "/" },
        requires: {
          requires_any: { requirements: [{ provider_name: "idp" }, { allow_missing_or_failed: {} }] },
        },
      },
    ],
  }),
};

describe("what weir envoy prints, in a real Envoy", function () {
  // Most start a weir, an Envoy and a command or two.
  this.timeout(30_000);
  const open = new AsyncDisposableStack();
  let program: Found;
  let upstream: Upstream;

  before(async function () {
    program = await need(this, "envoy");
    upstream = open.adopt(await startUpstream(), (started) => started.stop());
  });
  after(() => open.disposeAsync());

  const mesh = (envoy: Envoy) => ({ envoy, upstream });
  const send = (envoy: Envoy, outgoing: Outgoing, target: Omit<Target, "port"> = {}): Promise<Asked<never>> =>
    ask(mesh(envoy), requestHttp1 as Send<never>, { ...outgoing, to: { listener: "web", ...target } });

  describe("for policies that read everything", () => {
    let authority: Authority;
    let envoy: Envoy;
    let folder: string;
    let bootstrap: unknown;
    const clients = new Map<string, Credential>();

    before(async function () {
      this.timeout(30_000);
      authority = await createAuthority();
      clients.set("one", await authority.issue({ uris: [WEB] }));
      clients.set("two", await authority.issue({ uris: [WEB, "spiffe://cluster.local/ns/shop/sa/admin"] }));
      const served = await serveFiles(EVERYTHING, open);
      folder = served.folder;
      const printed = await printedFor(folder, { at: served.weir.checks });
      const own = await authority.issue({ uris: ["spiffe://cluster.local/ns/data/sa/db"] });
      const tls = { ...own, clientCa: authority.ca };
      bootstrap = framed({ printed, upstream, filtersBefore: [jwtAuthn], tls });
      envoy = await startFramed({ program, config: bootstrap }, open);
    });

    const claims = { sub: "ann", exp: Math.floor(Date.now() / 1000) + 600 };
    const bearer = ["authorization", `Bearer ${sign(pair, claims)}`] as const;
    const as = (client: string, serverName = "orders.example.com"): Omit<Target, "port"> => ({
      tls: { ca: authority.ca, ...(clients.get(client) ?? assert.fail(client)), serverName },
    });
    const get: Outgoing = { path: "/orders/1", headers: [bearer] };
    const post = (body: string | Buffer): Outgoing => ({ ...get, method: "POST", body });

    for (const { what, outgoing, client = "one", serverName, by } of [
      { what: "certificate, server name, claims and route arrive", outgoing: get, by: "orders/workloads" },
      { what: "a second URI in the certificate is seen", outgoing: get, client: "two", by: "orders/default" },
      {
        what: "another server name is seen",
        outgoing: get,
        serverName: "x.example.com",
        by: "orders/by-name",
      },
      { what: "claims are missed", outgoing: { path: "/orders/1" }, by: "orders/signed-in" },
      { what: "another route is another policy's", outgoing: { ...get, path: "/" }, by: "/weir/ungoverned" },
      { what: "a body is read", outgoing: post('{"amount":100}'), by: "orders/workloads" },
      { what: "a body that is too much is seen", outgoing: post('{"amount":101}'), by: "orders/small" },
      {
        what: "two lines of one header are seen",
        outgoing: { ...get, headers: [bearer, ["x-role", "user"], ["x-role", "admin"]] },
        by: "orders/one-role",
      },
      {
        what: "segments are merged before the check",
        outgoing: { ...get, path: "//orders//1" },
        by: "orders/workloads",
      },
    ] satisfies readonly {
      what: string;
      outgoing: Outgoing;
      by: string;
      client?: string;
      serverName?: string;
    }[]) {
      it(`${what}: ${by}`, async () => {
        const asked = await send(envoy, outgoing, as(client, serverName));
        assert.equal(asked.by, by);
        assert.equal(asked.received !== undefined, by === "orders/workloads");
      });
    }

    it("sends the body's bytes, and sets what policies set over what the client wrote", async () => {
      const outgoing = post('{"amount":1}');
      const headers = [...(outgoing.headers ?? []), ["x-user", "root"] as const];
      const { received } = await send(envoy, { ...outgoing, headers }, as("one"));
      assert.deepEqual([received?.headers["x-user"], received?.headers["x-size"]], ["ann", "12"]);
    });

    it("asks about TCP connections, with certificate and server name", async () => {
      const port = envoy.port("tcp");
      assert.equal((await requestHttp1({ port, ...as("one", "db.example.com") }, {})).status, 200);
      await assert.rejects(requestHttp1({ port, ...as("two", "db.example.com") }, {}));
      await assert.rejects(requestHttp1({ port, ...as("one", "x.example.com") }, {}));
    });

    it("is found without fault by weir envoy --check", async () => {
      assert.deepEqual(await checkWith(folder, bootstrap), ALL_WELL);
    });

    it("is found without fault in what the running Envoy answers to /config_dump", async () => {
      const { body } = await requestHttp1({ port: envoy.adminPort }, { path: "/config_dump" });
      const { code, said } = await checkWith(folder, JSON.parse(body.toString()));
      // Envoy shows no values of context extensions, so their names cannot be compared.
      assert.match(said, /comes-from-elsewhere .*orders[^]*\nok: 0 errors, 1 warning\n$/);
      assert.equal(code, 0);
    });
  });
});
