import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { ecPair, encode, ISSUER, jwksOf, keyServer, rsaPair, sign } from "../identity/fixture.ts";
import { type Outgoing, requestHttp1, requestHttp2, valuesOf } from "../support/http.ts";
import { ask, type Mesh, requestGrpc, startMesh } from "../support/mesh.ts";
import { need } from "../support/need.ts";
import { until } from "../support/until.ts";
import { serverFile } from "../support/weir.ts";

const files = (jwks: string): Record<string, string> => ({
  "weir.yaml": serverFile(
    undefined,
    "  admin: { address: 127.0.0.1:0 }\noutbound: { allowPrivate: [127.0.0.1] }\n",
  ),
  "shop.yaml": `
weir: 1
policy: shop
match:
  hosts: [shop.example.com]
identities:
  user:
    jwt:
      issuer: ${ISSUER}
      audiences: [mesh, shop]
      jwks: ${jwks}
      from:
        - { header: authorization, scheme: Bearer }
        - { cookie: session }
        - { query: token }
      claims:
        sub: string
        scope: list(string)
        roles: { path: realm.roles, type: list(string), else: [] }
rules:
  - id: signed-in
    require: has(auth.user)
    status: 401
    response:
      set:
        www-authenticate: Bearer realm="shop"
  - id: writers
    when: request.method == "PUT"
    require: '"write" in auth.user.scope && "editor" in auth.user.roles'
  - id: user
    allow: has(auth.user)
    request:
      set:
        x-user: \${auth.user.sub}
`,
  "lenient.yaml": `
weir: 1
policy: lenient
match:
  hosts: [lenient.example.com]
identities:
  guest:
    jwt: { issuer: ${ISSUER}, audiences: [mesh], jwks: ${jwks}, claims: { sub: string } }
    invalid: ignore
rules:
  - id: known
    allow: has(auth.guest)
  - id: unknown
    allow: "!has(auth.guest)"
`,
});

const rsa = rsaPair("rsa-1");
const ec = ecPair("ec-1");
const stranger = ecPair("ec-1");
const inSeconds = (seconds: number): number => Math.floor(Date.now() / 1000) + seconds;
const token = (claims: object = {}, header: object = {}, pair = ec): string =>
  sign(pair, { exp: inSeconds(600), ...claims }, header);
const authorization = (...values: readonly string[]): Outgoing => ({
  headers: values.map((value) => ["authorization", value] as const),
});
const bearer = (...tokens: readonly string[]): Outgoing =>
  authorization(...tokens.map((one) => `Bearer ${one}`));

/** Signed with the public key as if it were a shared secret (RFC 8725, section 2.1). */
function confused(): string {
  const claims = { iss: ISSUER, aud: "mesh", sub: "alice", exp: inSeconds(600) };
  const input = `${encode({ alg: "HS256", kid: rsa.kid })}.${encode(claims)}`;
  const secret = rsa.publicKey.export({ type: "spki", format: "pem" });
  return `${input}.${createHmac("sha256", secret).update(input).digest("base64url")}`;
}

const unsigned = (): string => `${token({}, { alg: "none" }).split(".").slice(0, 2).join(".")}.`;

const good: readonly { does: string; request: () => Outgoing; path?: string; user?: string }[] = [
  { does: "RS256", request: () => bearer(token({}, {}, rsa)) },
  { does: "ES256", request: () => bearer(token()) },
  { does: "another of its audiences", request: () => bearer(token({ aud: ["other", "shop"] })) },
  { does: "a scheme in odd case", request: () => authorization(`bEaReR  ${token()}`) },
  {
    does: "a cookie among others",
    request: () => ({ headers: [["cookie", `a=b; session=${token()}; c=d`]] }),
  },
  {
    does: "a query parameter",
    request: () => ({ path: `/?a=b&token=${token({ sub: "bob" })}` }),
    user: "bob",
  },
  {
    does: "what is signed, whatever the caller says of itself",
    request: () => ({
      headers: [
        ["x-user", "root"],
        ["authorization", `Bearer ${token()}`],
        ["X-User", "admin"],
      ],
    }),
  },
];

const bad: readonly { what: string; request: () => Outgoing }[] = [
  { what: "an expired token", request: () => bearer(token({ exp: inSeconds(-60) })) },
  { what: "a token of tomorrow", request: () => bearer(token({ nbf: inSeconds(86_400) })) },
  { what: "a token without an end", request: () => bearer(token({ exp: undefined })) },
  { what: "a token for another audience", request: () => bearer(token({ aud: "bank" })) },
  { what: "a token that nobody signed", request: () => bearer(unsigned()) },
  { what: "a token signed with the public key as a secret", request: () => bearer(confused()) },
  { what: "a token that names an unknown key", request: () => bearer(token({}, { kid: "other" })) },
  { what: "a token of a stranger's key", request: () => bearer(token({}, {}, stranger)) },
  {
    what: "a token that brings its own key",
    request: () => bearer(token({}, { jwk: jwksOf(stranger).keys[0] }, stranger)),
  },
  {
    what: "a token that was changed",
    request: () =>
      bearer(
        token().replace(
          /\.[^.]+\./,
          `.${encode({ iss: ISSUER, aud: "mesh", sub: "root", exp: inSeconds(600) })}.`,
        ),
      ),
  },
  {
    what: "a bad token in the cookie",
    request: () => ({ headers: [["cookie", `session=${token({ aud: "bank" })}`]] }),
  },
];

const doubled: readonly { what: string; request: () => Outgoing }[] = [
  { what: "two Authorization lines", request: () => bearer(token(), token()) },
  {
    what: "an Authorization of another scheme beside",
    request: () => authorization(`Bearer ${token()}`, "Basic YTpi"),
  },
  {
    what: "one Authorization line with two tokens",
    request: () => authorization(`Bearer ${token()}, Bearer ${token()}`),
  },
  {
    what: "two session cookies",
    request: () => ({ headers: [["cookie", `session=${token()}; session=${token()}`]] }),
  },
  { what: "two query parameters", request: () => ({ path: `/?token=${token()}&token=${token()}` }) },
];

const none: readonly { what: string; request: () => Outgoing }[] = [
  { what: "nothing", request: () => ({}) },
  { what: "another scheme", request: () => authorization("Basic YTpi") },
  { what: "a token of another issuer", request: () => bearer(token({ iss: "https://other.example.com" })) },
  { what: "what is no token", request: () => authorization("Bearer hello") },
];

describe("an identity by token through Envoy", () => {
  const open = new AsyncDisposableStack();
  const authority = "shop.example.com";
  const challenge = 'Bearer realm="shop"';
  let mesh: Mesh;

  before(async function () {
    const program = await need(this, "envoy");
    const keys = open.adopt(await keyServer(() => jwksOf(rsa, ec)), (started) => started.close());
    mesh = await startMesh({ program, files: files(keys.url) }, open);
    const isReady = async (): Promise<boolean> =>
      (await mesh.weir.status()).identities.every(({ state }) => state === "ready");
    await until(isReady, { what: "the keys to be read" });
  });
  after(() => open.disposeAsync());

  const checks = (rule: string, verdict: string): Promise<number> =>
    mesh.weir.metric(`weir_checks_total{policy="shop",rule="${rule}",verdict="${verdict}"}`);
  const findings = (finding: string): Promise<number> =>
    mesh.weir.metric(`weir_identity_findings_total{identity="shop/user",finding="${finding}"}`);

  for (const [protocol, send] of [
    ["HTTP/1.1", requestHttp1],
    ["HTTP/2", requestHttp2],
  ] as const) {
    for (const { does, request, user = "alice" } of good) {
      it(`takes ${does}, and tells the upstream who it is, over ${protocol}`, async () => {
        const headers = request().headers?.map(([name, value]) => [name.toLowerCase(), value] as const);
        const outgoing = { ...request(), ...(headers && { headers }), authority };
        const { answer, by, received } = await ask(mesh, send, outgoing);
        assert.deepEqual([answer.status, by], [200, "shop/user"]);
        assert.equal(received?.headers["x-user"], user);
      });
    }
  }

  for (const { what, request } of bad) {
    it(`refuses ${what} as the identity's own rule, and counts it`, async () => {
      const before = [await checks("identity/user", "deny"), await findings("bad")];
      const { answer, by, logged, received } = await ask(mesh, requestHttp1, { ...request(), authority });
      assert.deepEqual([answer.status, by], [401, "shop/identity/user"]);
      assert.deepEqual(valuesOf(answer.headers, "x-weir-decision"), [logged.decision]);
      assert.equal(received, undefined);
      const after = [await checks("identity/user", "deny"), await findings("bad")];
      assert.deepEqual(
        after,
        before.map((count) => count + 1),
      );
    });
  }

  for (const { what, request } of doubled) {
    it(`refuses ${what} as ambiguous`, async () => {
      const { answer, by } = await ask(mesh, requestHttp1, { ...request(), authority });
      assert.deepEqual([answer.status, by], [400, "shop/identity/user"]);
    });
  }

  for (const { what, request } of none) {
    it(`leaves ${what} to the rules`, async () => {
      const { answer, by } = await ask(mesh, requestHttp1, { ...request(), authority });
      assert.deepEqual([answer.status, by], [401, "shop/signed-in"]);
      assert.deepEqual(valuesOf(answer.headers, "www-authenticate"), [challenge]);
    });
  }

  for (const { what, claims, status, rule } of [
    {
      what: "scope and role",
      claims: { scope: "read write", realm: { roles: ["editor"] } },
      status: 200,
      rule: "user",
    },
    { what: "the scope alone", claims: { scope: "read write" }, status: 403, rule: "writers" },
    {
      what: "a word that only contains it",
      claims: { scope: "rewrite", realm: { roles: ["editor"] } },
      status: 403,
      rule: "writers",
    },
    { what: "no scope at all", claims: { realm: { roles: ["editor"] } }, status: 400, rule: "writers" },
  ]) {
    it(`reads typed claims: a PUT with ${what} is ${status}`, async () => {
      const { answer, by } = await ask(mesh, requestHttp1, {
        ...bearer(token(claims)),
        method: "PUT",
        authority,
      });
      assert.deepEqual([answer.status, by], [status, `shop/${rule}`]);
    });
  }

  it("tells gRPC clients that they are not signed in, in gRPC's words", async () => {
    const outgoing = { ...bearer(token({ aud: "bank" })), path: "/shop.Orders/List", authority };
    const { answer, by } = await ask(mesh, requestGrpc, outgoing);
    assert.deepEqual([answer.status, answer.grpcStatus, by], [200, 16, "shop/identity/user"]);
  });

  it("takes a bad token for none where the identity says so", async () => {
    for (const [sent, rule] of [
      [token(), "known"],
      [token({ aud: "bank" }), "unknown"],
    ] as const) {
      const { answer, by } = await ask(mesh, requestHttp1, {
        ...bearer(sent),
        authority: "lenient.example.com",
      });
      assert.deepEqual([answer.status, by], [200, `lenient/${rule}`]);
    }
  });

  it("logs no part of a token", () => {
    const said = mesh.weir.process.errors() + mesh.weir.process.output();
    assert.doesNotMatch(said, /eyJ/);
  });
});
