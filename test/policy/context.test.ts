import assert from "node:assert/strict";
import { granting, outcome, policy, rule } from "../check/conditions.ts";

describe("a let", () => {
  // Names that an object of JavaScript may have already.
  for (const name of ["values", "size", "matches", "request_of", "x", "then", "answer", "forget"]) {
    it(`may be called ${name}`, () => {
      const file = (value: string) =>
        policy("a", [rule("allow", name)], { let: { [name]: `request.method == "${value}"` } });
      assert.equal(outcome([file("GET")]), "allow a/allows");
      assert.equal(outcome([file("POST")]), "deny a/default 403");
    });
  }

  it("may use those before it, of any type", () => {
    const file = policy("a", [rule("allow", "twice == 4 && word == 'aa' && first['a'] == 2")], {
      let: { first: "{'a': 2}", twice: "first['a'] * 2", word: "twice > 3 ? 'aa' : 'b'" },
    });
    assert.equal(outcome([file]), "allow a/allows");
  });

  it("is its own policy's alone", () => {
    const files = ["GET", "POST"].map((method, index) =>
      policy(`p${index}`, [rule("allow", "wanted")], { let: { wanted: `request.method == "${method}"` } }),
    );
    assert.equal(outcome(files, {}), "deny p1/default 403");
    assert.equal(outcome(files, { method: "POST" }), "deny p0/default 403");
  });

  it("is evaluated once a request", () => {
    // One evaluation takes more than half of a budget; the rule has a budget of its own.
    const dear = "request.path_segments.all(a, request.path_segments.all(b, a == b))";
    const path = `/${Array<string>(80).fill("a").join("/")}`;
    const file = policy("a", [rule("allow", Array<string>(8).fill("dear").join(" && "))], { let: { dear } });
    assert.equal(outcome([file], { path }), "allow a/allows");
    const without = policy("a", [rule("allow", `${dear} && ${dear}`)]);
    assert.equal(outcome([without], { path }), "deny a/weir/budget 400");
  });
});

describe("identities", () => {
  const mtls = (trustDomains: readonly string[]) => ({
    identities: { workload: { mtls: { trustDomains } } },
  });
  const web = policy(
    "a",
    [
      rule("require", "has(auth.workload)", { status: 401 }),
      rule("allow", 'auth.workload.namespace == "shop"'),
    ],
    mtls(["cluster.local"]),
  );
  const rows: readonly (readonly [source: string, outcome: string])[] = [
    ["spiffe://cluster.local/ns/shop/sa/web", "allow a/allows"],
    ["spiffe://cluster.local/ns/other/sa/web", "deny a/default 403"],
    ["spiffe://cluster.local/shop", "deny a/allows 400"],
    ["spiffe://cluster.local.evil.example/ns/shop/sa/web", "deny a/requires 401"],
    ["spiffe://CLUSTER.local/ns/shop/sa/web", "deny a/requires 401"],
    ["CN=web", "deny a/requires 401"],
    ["", "deny a/requires 401"],
  ];
  for (const [source, expected] of rows) {
    it(`${source || "nobody"}: ${expected}`, () => assert.equal(outcome([web], { source }), expected));
  }

  it("are scoped to their policy", () => {
    const partner = policy("b", [rule("allow", "has(auth.workload)")], mtls(["partner.example"]));
    const source = "spiffe://partner.example/ns/shop/sa/web";
    assert.equal(outcome([partner], { source }), "allow b/allows");
    assert.equal(outcome([partner, web], { source }), "deny a/requires 401");
  });
});

describe("names from the wire", () => {
  for (const name of ["constructor", "__proto__", "hasOwnProperty", "toString"]) {
    it(`a header named ${name} is a header like any other`, () => {
      const files = [policy("a", [rule("deny", `"${name}" in request.headers`)]), granting];
      assert.equal(outcome(files), "allow z/allows");
      const lines = [[name, "1"]] as const;
      assert.equal(outcome(files, { lines }), "deny a/denys 403");
      const value = [policy("a", [rule("allow", `request.headers["${name}"] == "1"`)])];
      assert.equal(outcome(value, { lines }), "allow a/allows");
      assert.equal(outcome(value), "deny a/allows 400");
    });
  }

  it("a header that comes twice is seen twice", () => {
    const lines = [
      ["x-role", "user"],
      ["x-role", "admin"],
    ] as const;
    const files = [
      policy("a", [
        rule("deny", '"x-role" in request.headers_all && "admin" in request.headers_all["x-role"]'),
      ]),
      granting,
    ];
    assert.equal(outcome(files, { lines }), "deny a/denys 403");
    assert.equal(outcome(files, { lines: [["x-role", "user"]] }), "allow z/allows");
    assert.equal(outcome(files, { headers: { "x-role": "user" } }), "deny a/denys 403");
  });
});
