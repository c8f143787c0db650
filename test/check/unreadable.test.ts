import assert from "node:assert/strict";
import { granting, policy, rule } from "./conditions.ts";
import type { Asked } from "./fixture.ts";
import { made } from "./stubs.ts";

describe("a team whose files were never good", () => {
  const unloaded = [
    {
      team: "orders",
      hosts: [
        { kind: "exact", name: "orders.example.com" },
        { kind: "suffix", name: "orders.example.com" },
      ],
      destinations: ["orders/web", "shop/*"],
      domains: [],
    },
  ] as const;
  const open = [granting, policy("tcp", [rule("allow", "true")], { match: { protocol: "tcp" } })];
  const workload = (name: string): string => `spiffe://cluster.local/ns/${name.replace("/", "/sa/")}`;
  const refused = "deny weir/team-not-loaded 503";
  const rows: readonly (readonly [what: string, asked: Asked, outcome: string])[] = [
    ["its host", { host: "orders.example.com" }, refused],
    ["its host in another spelling", { host: "ORDERS.example.com:443" }, refused],
    ["a host below", { host: "a.orders.example.com" }, refused],
    ["another host", { host: "example.com" }, "allow z/allows"],
    ["its destination", { destination: workload("orders/web") }, refused],
    ["a destination of its namespace", { destination: workload("shop/any") }, refused],
    ["a namespace that begins alike", { destination: workload("shopping/any") }, "allow z/allows"],
    ["another destination", { destination: workload("orders/other") }, "allow z/allows"],
    [
      "a destination of a foreign trust domain",
      { destination: "spiffe://x/ns/orders/sa/web" },
      "allow z/allows",
    ],
    ["a connection to its destination", { kind: "connection", destination: workload("orders/web") }, refused],
    ["a connection to another", { kind: "connection", destination: workload("a/b") }, "allow tcp/allows"],
    ["a bad host, first of all", { host: "", destination: workload("orders/web") }, "deny weir/bad-host 400"],
    [
      "an ambiguous path, before it",
      { host: "orders.example.com", path: "//" },
      "deny weir/ambiguous-path 400",
    ],
  ];
  for (const [what, asked, outcome] of rows) {
    it(`${what}: ${outcome}`, async () => {
      assert.equal((await made(open, asked, { world: { unloaded } })).line, outcome);
    });
  }

  it("harms nobody while weir only observes", async () => {
    const world = { unloaded, stance: "observe" } as const;
    const { line, decision } = await made(open, { host: "orders.example.com" }, { world });
    assert.equal(line, "allow weir/observe");
    assert.deepEqual(decision.observed, { policy: "", rule: "weir/team-not-loaded" });
  });
});
