import assert from "node:assert/strict";
import { parseOverrides, parseShared } from "../../src/policy/schema.ts";
import type { WrittenIdentity } from "../../src/policy/identity-file.ts";
import { documentOf, wholeOf } from "./parsed.ts";

const identitiesOf = (text: string): ReadonlyMap<string, WrittenIdentity> =>
  wholeOf(parseShared(documentOf(`weir: 1\nshared: platform\nidentities:\n${text}`))).identities;

describe("a shared file", () => {
  it("has its parts by name, in the order of the file", () => {
    const file = wholeOf(
      parseShared(
        documentOf(`weir: 1
shared: platform
let:
  b: "true"
  a: b
data: { tiers: lists/tiers.csv }
answers:
  problem:
    status: 403
    type: application/problem+json
    body: '{"title":"Forbidden"}'
    response: { append: { set-cookie: a=b } }
  login: { redirect: "https://example.com/login?to=\${request.host}" }
`),
      ),
    );
    assert.equal(file.shared, "platform");
    assert.deepEqual(
      [...file.let],
      [
        ["b", "true"],
        ["a", "b"],
      ],
    );
    assert.deepEqual([...file.data], [["tiers", "lists/tiers.csv"]]);
    const problem = file.answers.get("problem");
    assert.equal(problem?.status, 403);
    assert.equal(problem.denial?.key, "body");
    assert.deepEqual([...problem.responseAppend.keys()], ["set-cookie"]);
    const login = file.answers.get("login");
    assert.equal(login?.status, undefined);
    assert.deepEqual(
      login?.redirect?.map(({ kind }) => kind),
      ["text", "cel"],
    );
  });

  it("has defaults where an identity is silent", () => {
    const all = identitiesOf(`  user:
    jwt: { issuer: "https://idp.example.com", audiences: [mesh], jwks: https://idp.example.com/certs }
  workload:
    mtls: { trustDomains: [cluster.local] }
`);
    assert.deepEqual(all.get("user"), {
      kind: "jwt",
      invalid: "refuse",
      issuer: "https://idp.example.com",
      audiences: ["mesh"],
      jwks: { kind: "url", url: "https://idp.example.com/certs" },
      algorithms: ["RS256", "ES256"],
      from: [{ header: "authorization", scheme: "Bearer" }],
      claims: new Map(),
      leewayMs: undefined,
      refreshMs: undefined,
      maxStaleMs: undefined,
    });
    assert.deepEqual(all.get("workload"), {
      kind: "mtls",
      invalid: "refuse",
      trustDomains: ["cluster.local"],
    });
  });

  it("has everything that an identity can say", () => {
    const all = identitiesOf(`  user:
    jwt:
      issuer: i
      audiences: [a]
      jwks:
        keys:
          - { kty: OKP, crv: Ed25519, kid: 007, x: abc, key_ops: [verify] }
      algorithms: [EdDSA]
      from: [{ header: X-Token }, { cookie: session }, { query: token }]
      leeway: 5s
      refresh: 10m
      maxStale: 1h
      claims:
        sub: string
        level: { type: int, else: 0 }
        share: { type: double, else: 1 }
        zip: { type: string, else: 01234 }
        since: { type: timestamp, else: 2026-01-01T00:00:00Z }
        roles: { path: realm_access.roles, type: list(string), else: [] }
        groups: { path: ["https://example.com/groups"], type: "map(string, dyn)", else: { __proto__: 1 } }
    invalid: ignore
  local:
    jwt: { issuer: i, audiences: [a], jwks: { file: certs.json } }
  verified:
    metadata: { namespace: envoy.filters.http.jwt_authn, path: payload.user, claims: { sub: string } }
  partner:
    apiKey: { header: Authorization, scheme: Key, verify: plans, with: { tier: '"gold"' } }
  other:
    apiKey: { query: key, keys: keys.yaml }
`);
    const user = all.get("user");
    assert.ok(user?.kind === "jwt" && user.invalid === "ignore");
    assert.deepEqual(user.from, [{ header: "x-token" }, { cookie: "session" }, { query: "token" }]);
    assert.deepEqual([user.leewayMs, user.refreshMs, user.maxStaleMs], [5_000, 600_000, 3_600_000]);
    const key = new Map<string, unknown>([
      ["kty", "OKP"],
      ["crv", "Ed25519"],
      ["kid", "007"],
      ["x", "abc"],
      ["key_ops", ["verify"]],
    ]);
    assert.deepEqual(user.jwks, { kind: "keys", keys: [key] });
    assert.deepEqual(
      Array.from(user.claims, ([name, claim]) => [name, claim.path, claim.type, claim.else]),
      [
        ["sub", ["sub"], "string", undefined],
        ["level", ["level"], "int", 0n],
        ["share", ["share"], "double", 1],
        ["zip", ["zip"], "string", "01234"],
        ["since", ["since"], "timestamp", new Date("2026-01-01T00:00:00Z")],
        ["roles", ["realm_access", "roles"], "list(string)", []],
        ["groups", ["https://example.com/groups"], "map(string, dyn)", new Map([["__proto__", 1n]])],
      ],
    );
    const local = all.get("local");
    assert.deepEqual(local?.kind === "jwt" && local.jwks, { kind: "file", path: "certs.json" });
    const verified = all.get("verified");
    assert.deepEqual(verified?.kind === "metadata" && verified.path, ["payload", "user"]);
    const partner = all.get("partner");
    assert.deepEqual(partner, {
      kind: "apiKey",
      invalid: "refuse",
      place: { header: "authorization", scheme: "Key" },
      proof: { kind: "verify", handler: "plans", with: new Map([["tier", '"gold"']]) },
    });
    const other = all.get("other");
    assert.ok(other?.kind === "apiKey");
    assert.deepEqual([other.place, other.proof], [{ query: "key" }, { kind: "keys", path: "keys.yaml" }]);
  });
});

describe("a file of overrides", () => {
  it("names a rule, what it is for a time, and why", () => {
    const text =
      "weir: 1\noverrides:\n  - { rule: orders/mfa, mode: shadow, until: 2027-01-01T00:00:00Z, reason: INC-123 }\n";
    assert.deepEqual(wholeOf(parseOverrides(documentOf(text))).overrides, [
      {
        index: 0,
        policy: "orders",
        rule: "mfa",
        mode: "shadow",
        untilMs: Date.UTC(2027, 0, 1),
        reason: "INC-123",
      },
    ]);
  });
});
