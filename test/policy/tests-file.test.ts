import assert from "node:assert/strict";
import { parseTests } from "../../src/policy/schema.ts";
import { documentOf, wholeOf } from "./parsed.ts";

describe("a file of tests", () => {
  it("is read whole", () => {
    const text = `weir: 1
tests: orders
now: 2026-01-01T00:00:00Z
principals:
  alice: { user: { sub: alice, level: 3, admin: true, amr: [pwd, { a: b }] } }
  cart: { credentials: { spiffe: "spiffe://cluster.local/ns/shop/sa/cart" } }
  nobody: {}
requests:
  own: { host: a.example.com, path: /x, headers: { a: b, "c": [d, 5] }, source: { address: 10.0.0.1 } }
  tcp: { protocol: http, destination: { spiffe: "spiffe://x/y" }, grpc: false, context: { k: v } }
expect:
  - { as: alice, request: own, allow: owner, sets: { x-user: alice }, removes: [x-b], response: { a: "" } }
  - { as: nobody, request: tcp, deny: weir/ungoverned, status: 403, body: no, times: 3 }
`;
    const request = { context: new Map(), headers: new Map(), method: "GET", protocol: "http" };
    const expectation = {
      sets: new Map(),
      removes: [],
      response: new Map(),
      status: undefined,
      body: undefined,
      query: new Map(),
      metadata: new Map(),
      carries: new Map(),
      entry: {},
      telemetry: new Map(),
      backends: new Map(),
      times: 1,
    };
    assert.deepEqual(wholeOf(parseTests(documentOf(text))), {
      tests: "orders",
      nowMs: Date.UTC(2026, 0, 1),
      principals: new Map<string, unknown>([
        [
          "alice",
          {
            kind: "identities",
            identities: new Map([
              [
                "user",
                new Map<string, unknown>([
                  ["sub", "alice"],
                  ["level", 3],
                  ["admin", true],
                  ["amr", ["pwd", new Map([["a", "b"]])]],
                ]),
              ],
            ]),
          },
        ],
        [
          "cart",
          { kind: "credentials", spiffe: "spiffe://cluster.local/ns/shop/sa/cart", headers: new Map() },
        ],
        ["nobody", { kind: "identities", identities: new Map() }],
      ]),
      requests: new Map<string, unknown>([
        [
          "own",
          {
            ...request,
            host: "a.example.com",
            path: "/x",
            headers: new Map([
              ["a", ["b"]],
              ["c", ["d", "5"]],
            ]),
            source: { address: "10.0.0.1" },
          },
        ],
        [
          "tcp",
          {
            ...request,
            protocol: "http",
            destination: { spiffe: "spiffe://x/y" },
            grpc: false,
            context: new Map([["k", "v"]]),
          },
        ],
      ]),
      backends: new Map(),
      expect: [
        {
          ...expectation,
          index: 0,
          as: "alice",
          request: "own",
          verdict: { kind: "allow", rule: "owner" },
          sets: new Map([["x-user", "alice"]]),
          removes: ["x-b"],
          response: new Map([["a", ""]]),
        },
        {
          ...expectation,
          index: 1,
          as: "nobody",
          request: "tcp",
          verdict: { kind: "deny", rule: "weir/ungoverned" },
          status: 403,
          times: 3,
          body: "no",
        },
      ],
    });
  });
});
