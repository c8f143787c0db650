import assert from "node:assert/strict";
import { policy, rule } from "../check/conditions.ts";
import { holds, jwt, made } from "../check/stubs.ts";

describe("what is claimed", () => {
  const claims = {
    sub: "string",
    level: "int",
    admin: "bool",
    scope: "list(string)",
    amr: "list(string)",
    since: "timestamp",
    roles: { path: "realm_access.roles", type: "list(string)", else: ["none"] },
    dotted: { path: ["https://example.com/team"], type: "string" },
  };
  const token = {
    ...{ sub: "alice", level: 3, admin: true, scope: "read  write", amr: "pwd", since: 0 },
    ...{ "https://example.com/team": "red", other: new Map([["deep", 1]]) },
    realm_access: new Map([["roles", ["a", "b"]]]),
  };
  const rows: readonly (readonly [condition: string, facts: object, outcome: string])[] = [
    ["auth.user.level + 1 == 4", token, "allow a/allows"],
    ["auth.user.admin", token, "allow a/allows"],
    ['"write" in auth.user.scope && size(auth.user.scope) == 2', token, "allow a/allows"],
    ['"pwd" in auth.user.amr', token, "allow a/allows"],
    ["auth.user.since == timestamp(0)", token, "allow a/allows"],
    ['auth.user.roles == ["a", "b"]', token, "allow a/allows"],
    ['auth.user.roles == ["none"]', {}, "allow a/allows"],
    ["size(auth.user.roles) > 0", { realm_access: new Map([["roles", "a"]]) }, "allow a/allows"],
    ["size(auth.user.roles) > 0", { realm_access: new Map([["roles", 5]]) }, "deny a/allows 400"],
    ['auth.user.dotted == "red"', token, "allow a/allows"],
    ['auth.user.raw["other"].deep == 1', token, "allow a/allows"],
    ['auth.user.raw["constructor"] == 1', token, "deny a/allows 400"],
    ["has(auth.user.sub)", {}, "deny a/default 403"],
    ["has(auth.user.level)", { level: 3.5 }, "deny a/default 403"],
    ["auth.user.level == 3", { level: "3" }, "deny a/allows 400"],
    ["auth.user.admin", { admin: "true" }, "deny a/allows 400"],
  ];
  for (const [condition, facts, outcome] of rows) {
    it(`${condition} of ${Object.keys(facts).join() || "nothing"}: ${outcome}`, async () => {
      const file = policy("a", [rule("allow", condition)], { identities: { user: jwt(claims) } });
      const findings = { "a/user": holds(Object.fromEntries(Object.entries(facts))) };
      assert.equal((await made([file], {}, { findings })).line, outcome);
    });
  }

  const verifiedByEnvoy = {
    user: {
      metadata: { namespace: "envoy.filters.http.jwt_authn", path: "payload", claims: { sub: "string" } },
    },
  };
  const envoys: readonly (readonly [what: string, metadata: Map<string, unknown>, outcome: string])[] = [
    [
      "claims where they should be",
      new Map([["envoy.filters.http.jwt_authn", new Map([["payload", new Map([["sub", "alice"]])]])]]),
      "allow a/allows",
    ],
    [
      "claims of another filter",
      new Map([["other", new Map([["payload", new Map([["sub", "alice"]])]])]]),
      "deny a/requires 401",
    ],
    ["no claims", new Map([["envoy.filters.http.jwt_authn", new Map()]]), "deny a/requires 401"],
    [
      "a text in place of claims",
      new Map([["envoy.filters.http.jwt_authn", new Map([["payload", "sub"]])]]),
      "deny a/requires 401",
    ],
  ];
  for (const [what, metadata, outcome] of envoys) {
    it(`in Envoy's metadata, ${what}: ${outcome}`, async () => {
      const rules = [
        rule("require", "has(auth.user)", { status: 401 }),
        rule("allow", 'auth.user.sub == "alice"'),
      ];
      const file = policy("a", rules, { identities: verifiedByEnvoy });
      const { line, backends } = await made([file], {}, { metadata: () => metadata });
      assert.equal(line, outcome);
      assert.deepEqual(backends.looked, []);
    });
  }
});
