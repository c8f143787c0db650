import assert from "node:assert/strict";
import { requestHttp1, requestHttp2 } from "../support/http.ts";
import { ask, type Mesh, requestGrpc, startMesh } from "../support/mesh.ts";
import { need } from "../support/need.ts";
import { until } from "../support/until.ts";
import { serverFile } from "../support/weir.ts";

const files = {
  "weir.yaml": serverFile(
    undefined,
    `  admin: { address: 127.0.0.1:0 }
outbound: { allowPrivate: [127.0.0.1] }
handlers:
  away: { adapter: list, config: { url: "http://127.0.0.1:1/list" } }
`,
  ),
  "shop.yaml": `
weir: 1
policy: shop
match:
  hosts: [shop.example.com]
identities:
  user:
    jwt:
      issuer: https://idp.example.com
      audiences: [mesh]
      jwks: http://127.0.0.1:1/certs
      claims: { sub: string }
rules:
  - id: no-writes
    deny: request.method == "PUT"
    status: 405
  - id: signed-in
    require: has(auth.user)
    status: 401
  - id: get
    allow: request.method == "GET"
    request:
      set:
        x-user: weir
`,
  "partners.yaml": `
weir: 1
policy: partners
match:
  hosts: [partners.example.com]
rules:
  - id: asked
    ask: away
    with:
      value: \${request.headers["x-partner"]}
  - id: all
    allow: "true"
`,
};

describe("weir serve --observe behind Envoy", () => {
  const open = new AsyncDisposableStack();
  let mesh: Mesh;

  before(async function () {
    const program = await need(this, "envoy");
    mesh = await startMesh({ program, files, serve: { parameters: ["--observe"] } }, open);
  });
  after(() => open.disposeAsync());

  const shop = "shop.example.com";
  const iss = Buffer.from('{"iss":"https://idp.example.com","exp":9999999999}').toString("base64url");
  for (const { what, request, shadows } of [
    {
      what: "what a rule denies",
      request: { authority: shop, method: "PUT" },
      shadows: ["shop no-writes deny"],
    },
    {
      what: "what a rule requires otherwise",
      request: { authority: shop },
      shadows: ["shop signed-in deny"],
    },
    {
      what: "a credential that cannot be verified",
      request: { authority: shop, headers: [["authorization", `Bearer e30.${iss}.e30`]] },
      shadows: ["shop identity/user deny"],
    },
    { what: "what no policy governs", request: { authority: "other.example.com" }, shadows: [] },
    { what: "a path with two readings", request: { authority: shop, path: "/a//b" }, shadows: [] },
  ] as const) {
    it(`lets ${what} pass as it came, and counts what would have been decided`, async () => {
      const before = await mesh.weir.metrics();
      const { answer, by, received } = await ask(mesh, requestHttp1, {
        ...request,
        headers: [["x-user", "client"], ...("headers" in request ? request.headers : [])],
      });
      assert.deepEqual([answer.status, by], [200, "/weir/observe"]);
      assert.equal(received?.headers["x-user"], "client");
      for (const shadow of shadows) {
        const [policy, rule, verdict] = shadow.split(" ");
        const name = `weir_shadow_decisions_total{policy="${policy}",rule="${rule}",verdict="${verdict}"}`;
        await until(async () => (await mesh.weir.metric(name)) === (before.get(name) ?? 0) + 1, {
          what: shadow,
        });
      }
    });
  }

  it("asks no handler", async () => {
    const request = { authority: "partners.example.com", headers: [["x-partner", "acme"]] as const };
    for (const send of [requestHttp1, requestHttp2])
      assert.equal((await ask(mesh, send, request)).answer.status, 200);
    const asked = [...(await mesh.weir.metrics()).keys()].filter((name) =>
      name.startsWith("weir_handler_answers_total"),
    );
    assert.deepEqual(asked, []);
  });

  it("lets gRPC pass", async () => {
    const { answer } = await ask(mesh, requestGrpc, { authority: shop, path: "/shop.Orders/List" });
    assert.equal(answer.grpcStatus, 0);
  });

  it("says so on /status, in its banner and in its metrics", async () => {
    assert.equal((await mesh.weir.status()).configuration.observes, true);
    assert.match(mesh.weir.process.output(), /OBSERVING: every request passes/);
    const samples = await mesh.weir.metrics();
    const verdicts = [...samples.keys()].filter((name) => name.startsWith("weir_checks_total{"));
    assert.ok(
      verdicts.every((name) => name.includes('verdict="allow"')),
      verdicts.join("\n"),
    );
    assert.equal(samples.get('weir_config_policies{mode="enforce"}'), 0);
  });
});
