import assert from "node:assert/strict";
import { ecPair, ISSUER, jwksOf, sign } from "../identity/fixture.ts";
import { type Json, typed } from "../support/bootstrap.ts";
import { type Outgoing, requestHttp1 } from "../support/http.ts";
import { ask, type Mesh, startAskingEnvoy, startMesh } from "../support/mesh.ts";
import { need } from "../support/need.ts";
import type { Envoy } from "../support/envoy.ts";

const filter = "envoy.filters.http.jwt_authn";

const files = {
  "shop.yaml": `
weir: 1
policy: shop
match:
  hosts: [shop.example.com]
identities:
  verified:
    metadata:
      namespace: ${filter}
      path: payload
      claims:
        sub: string
        scope: list(string)
        amr: { path: realm.amr, type: list(string), else: [] }
rules:
  - id: signed-in
    require: has(auth.verified)
    status: 401
  - id: mfa
    when: request.method == "PUT"
    require: '"mfa" in auth.verified.amr'
  - id: reader
    allow: '"read" in auth.verified.scope'
    request:
      set:
        x-user: \${auth.verified.sub}
        x-team: \${auth.verified.raw["team"]}
`,
};

const pair = ecPair("one");
const stranger = ecPair("one");
const exp = Math.floor(Date.now() / 1000) + 600;
const bearer = (claims: object, more: Outgoing = {}, signer = pair): Outgoing => ({
  ...more,
  authority: "shop.example.com",
  headers: [["authorization", `Bearer ${sign(signer, { exp, ...claims })}`], ...(more.headers ?? [])],
});

/** Envoy's own filter, which lets who has no token or a bad one pass and leaves the claims of a good one. */
const jwtAuthn: Json = typed("envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication", {
  providers: {
    idp: {
      issuer: ISSUER,
      audiences: ["mesh"],
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
});

describe("an identity that Envoy's own filter has verified", () => {
  const open = new AsyncDisposableStack();
  let mesh: Mesh;
  let silent: Envoy;

  before(async function () {
    const program = await need(this, "envoy");
    const filtersBefore = [{ name: filter, typed_config: jwtAuthn }];
    mesh = await startMesh({ program, files, filtersBefore, filter: { metadata: [filter] } }, open);
    silent = await startAskingEnvoy({ ...mesh, program, filtersBefore }, open);
  });
  after(() => open.disposeAsync());

  const good = { sub: "alice", scope: "read write", team: "a" };
  for (const { what, request, status, rule } of [
    { what: "a good token", request: bearer(good), status: 200, rule: "reader" },
    {
      what: "a scope that is a list",
      request: bearer({ ...good, scope: ["read"] }),
      status: 200,
      rule: "reader",
    },
    { what: "another scope", request: bearer({ ...good, scope: "write" }), status: 403, rule: "default" },
    {
      what: "a claim within a claim",
      request: bearer({ ...good, realm: { amr: ["mfa"] } }, { method: "PUT" }),
      status: 200,
      rule: "reader",
    },
    {
      what: "a claim that is missing and has an else",
      request: bearer(good, { method: "PUT" }),
      status: 403,
      rule: "mfa",
    },
    { what: "a claim of another type", request: bearer({ ...good, scope: 5 }), status: 400, rule: "reader" },
    {
      what: "a claim that is missing",
      request: bearer({ sub: "alice", team: "a" }),
      status: 400,
      rule: "reader",
    },
    { what: "no token", request: { authority: "shop.example.com" }, status: 401, rule: "signed-in" },
    { what: "a forged token", request: bearer(good, {}, stranger), status: 401, rule: "signed-in" },
    { what: "an expired token", request: bearer({ ...good, exp: 1 }), status: 401, rule: "signed-in" },
    { what: "a token for others", request: bearer({ ...good, aud: "bank" }), status: 401, rule: "signed-in" },
  ]) {
    it(`answers ${what} with ${status} of ${rule}`, async () => {
      const { answer, by, received } = await ask(mesh, requestHttp1, request);
      assert.deepEqual([answer.status, by], [status, `shop/${rule}`]);
      const passed = received && [received.headers["x-user"], received.headers["x-team"]];
      assert.deepEqual(passed, status === 200 ? ["alice", "a"] : undefined);
    });
  }

  it("is absent where Envoy does not send the filter's metadata, whatever headers say", async () => {
    const payload = Buffer.from(JSON.stringify(good)).toString("base64url");
    const headers = [
      ["x-jwt-payload", payload],
      [filter, payload],
    ] as const;
    const asked = await ask({ ...mesh, envoy: silent }, requestHttp1, bearer(good, { headers }));
    assert.deepEqual([asked.answer.status, asked.by], [401, "shop/signed-in"]);
  });
});
