import assert from "node:assert/strict";
import { outcome, policy, rule, ungovernedAllowed } from "../check/conditions.ts";
import type { Asked } from "../check/fixture.ts";

describe("match", () => {
  const matched = (match: object, request: Asked): boolean =>
    outcome([policy("a", [rule("deny", "true")], { match }), ungovernedAllowed], request) ===
    "deny a/denys 403";
  const spiffe = "spiffe://cluster.local/ns/shop/sa/web";
  const rows: readonly (readonly [match: object, yes: readonly Asked[], no: readonly Asked[]])[] = [
    [
      { hosts: ["b.com", "*.c.com"] },
      [{ host: "B.com:80" }, { host: "x.c.com." }, { host: "x.y.c.com" }],
      [{ host: "c.com" }, { host: "xc.com" }, { host: "b.com.c" }],
    ],
    [
      { paths: ["/a/{x}/b"] },
      [{ path: "/a/1/b?q" }, { path: "/a/%20/b" }],
      [{ path: "/a//b" }, { path: "/a/b" }, { path: "/a/1/b/" }, { path: "/A/1/b" }],
    ],
    [
      { paths: ["/a/**", "/c"] },
      [{ path: "/a" }, { path: "/a/" }, { path: "/a/b/c" }, { path: "/c" }, { path: "/%61" }],
      [{ path: "/ab" }, { path: "/c/" }, { path: "/" }],
    ],
    [
      { paths: ["/**"] },
      [{ path: "/" }, { path: "/x" }],
      [
        { method: "OPTIONS", path: "*" },
        { method: "CONNECT", path: "a:1" },
      ],
    ],
    [
      { methods: ["GET", "OPTIONS"] },
      [{}, { method: "OPTIONS", path: "*" }],
      [{ method: "get" }, { method: "POST" }],
    ],
    [
      { grpc: ["shop.Cart/Add"] },
      [{ path: "/shop.Cart/Add" }],
      [{ path: "/shop.Cart/Drop" }, { path: "/shop.Cart/Add/x" }],
    ],
    [
      { grpc: ["shop.Cart/*"] },
      [{ path: "/shop.Cart/Add" }],
      [{ path: "/shop.Cart" }, { path: "/shop.Cart/" }, { path: "/shop.Carts/Add" }],
    ],
    [
      { destinations: ["shop/web"] },
      [{ destination: spiffe }],
      [{}, { destination: "spiffe://evil.example/ns/shop/sa/web" }, { source: spiffe }],
    ],
    [
      { routes: ["admin"] },
      [{ extensions: { "weir.route": "admin" } }],
      [{}, { extensions: { "weir.route": "Admin" } }],
    ],
    [
      { hosts: ["b.com"], methods: ["PUT"] },
      [{ host: "b.com", method: "PUT" }],
      [{ host: "b.com" }, { method: "PUT" }],
    ],
    [
      { hosts: ["b.com"], when: 'request.query == "on"' },
      [{ host: "b.com", path: "/?on" }],
      [{ host: "b.com" }, { path: "/?on" }],
    ],
  ];
  for (const [match, yes, no] of rows) {
    it(JSON.stringify(match), () => {
      for (const request of yes)
        assert.ok(matched(match, request), `does not match ${JSON.stringify(request)}`);
      for (const request of no) assert.ok(!matched(match, request), `matches ${JSON.stringify(request)}`);
    });
  }

  it("binds path segments, decoded", () => {
    const file = policy("a", [rule("allow", 'path.owner == "al ice"')], {
      match: { paths: ["/o/{owner}/**"] },
    });
    assert.equal(outcome([file], { path: "/o/al%20ice/x" }), "allow a/allows");
    assert.equal(outcome([file], { path: "/o/bob" }), "deny a/default 403");
  });

  it("binds what the first pattern that matches names", () => {
    const match = { paths: ["/o/{owner}", "/o/{owner}/i/{item}"] };
    const file = policy("a", [rule("allow", 'has(path.item) && path.item == "7"')], { match });
    assert.equal(outcome([file], { path: "/o/bob/i/7" }), "allow a/allows");
    assert.equal(outcome([file], { path: "/o/bob" }), "deny a/default 403");
  });
});
