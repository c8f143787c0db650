import assert from "node:assert/strict";
import type { Finding } from "../../src/identity/verifier.ts";
import { MISSING, NO, policy, rule, YES } from "./conditions.ts";
import type { Asked, File } from "./fixture.ts";
import { deciding, holds, jwt, made, snapshotWith } from "./stubs.ts";

const ALICE = holds({ sub: "alice" });
const BAD: Finding = { kind: "bad", reason: "a test says so" };

describe("who asks decides whether a policy applies", () => {
  const identities = { user: jwt() };
  const grants = policy("z", [rule("allow", YES)]);
  const guard = (more: object) => policy("a", [rule("deny", YES)], { identities, ...more });
  const known = { findings: { "a/user": ALICE } };
  const rows: readonly (readonly [what: string, more: object, circumstances: object, outcome: string])[] = [
    ["except holds", { except: "has(auth.user)" }, known, "allow z/allows"],
    ["except does not hold", { except: "has(auth.user)" }, {}, "deny a/denys 403"],
    ["except is UNKNOWN", { except: 'auth.user.sub == "x"' }, {}, "deny a/denys 403"],
    ["match.when holds", { match: { when: "has(auth.user)" } }, known, "deny a/denys 403"],
    ["match.when does not hold", { match: { when: "has(auth.user)" } }, {}, "allow z/allows"],
    [
      "the credential is bad",
      { match: { when: "has(auth.user)" } },
      { findings: { "a/user": BAD } },
      "allow z/allows",
    ],
  ];
  for (const [what, more, circumstances, outcome] of rows) {
    it(`${what}: ${outcome}`, async () => {
      assert.equal((await made([guard(more), grants], {}, circumstances)).line, outcome);
    });
  }

  it("match.when that reads nobody keeps anybody from being looked for", async () => {
    const file = guard({ match: { when: `${NO} && ${MISSING}` } });
    const { line, backends } = await made([file, grants]);
    assert.deepEqual([line, backends.looked], ["allow z/allows", []]);
  });
});

describe("a TCP connection", () => {
  const source = "spiffe://cluster.local/ns/shop/sa/web";
  const destination = "spiffe://cluster.local/ns/data/sa/db";
  const connection: Asked = { kind: "connection", source, destination, address: "10.0.0.1" };
  const match = { protocol: "tcp", destinations: ["data/db"] };
  const workload = { workload: { mtls: { trustDomains: ["cluster.local"] } } };
  const db = (condition: string, more: object = {}) =>
    policy("db", [rule("allow", condition)], { match, identities: workload, ...more });
  const ofShop = 'auth.workload.namespace == "shop"';
  const rows: readonly (readonly [what: string, files: readonly File[], asked: Asked, outcome: string])[] = [
    ["that a policy grants", [db(ofShop)], connection, "allow db/allows"],
    ["of somebody else", [db('auth.workload.namespace == "x"')], connection, "deny db/default 403"],
    ["by its peer's address", [db('source.ip == ip("10.0.0.1")')], connection, "allow db/allows"],
    [
      "to another destination",
      [db(ofShop)],
      { ...connection, destination: "spiffe://cluster.local/ns/data/sa/other" },
      "deny weir/ungoverned 403",
    ],
    [
      "that only `everything` matches",
      [policy("a", [rule("allow", "true")])],
      connection,
      "deny weir/ungoverned 403",
    ],
    [
      "that a guard of everything refuses is none of its business",
      [db(ofShop), policy("a", [rule("deny", YES)])],
      connection,
      "allow db/allows",
    ],
    ["where ungoverned traffic passes", [{ ungoverned: "allow" }], connection, "allow weir/ungoverned"],
    [
      "that a guard of connections refuses",
      [
        db(ofShop),
        policy("a", [rule("deny", 'source.ip == ip("10.0.0.1")')], { match: { protocol: "tcp" } }),
      ],
      connection,
      "deny a/denys 403",
    ],
    ["is no HTTP request", [db(ofShop)], { source, destination }, "deny weir/ungoverned 403"],
    ["without a name", [db(ofShop)], { ...connection, source: "" }, "deny db/allows 400"],
  ];
  for (const [what, files, asked, outcome] of rows) {
    it(`${what}: ${outcome}`, async () => {
      assert.equal((await made(files, asked)).line, outcome);
    });
  }

  it("may be asked about", async () => {
    const rules = [
      { id: "plan", ask: "plans", with: { method: "${source.namespace}" } },
      rule("allow", "true"),
    ];
    const { line, backends } = await made([policy("db", rules, { match })], connection);
    assert.deepEqual([line, backends.asked], ["allow db/allows", ["plans method=shop"]]);
  });
});

describe("a share of the requests", () => {
  const by = 'request.headers["x-user"]';
  const users = Array.from({ length: 200 }, (_, index) => `user-${index}`);
  const refusing = (enforce: string) => rule("deny", YES, { mode: { enforce, by } });
  const ofFile = (name: string, enforce: string) =>
    policy(name, [rule("deny", YES)], { mode: { enforce, by } });
  const grants = policy("z", [rule("allow", YES)]);

  /** Those whom the files refuse. */
  const refused = (files: readonly File[]): readonly string[] => {
    const snapshot = snapshotWith(files);
    return users.filter((user) => {
      const { decision } = deciding(snapshot, { headers: { "x-user": user } });
      return !(decision instanceof Promise) && decision.verdict.kind === "deny";
    });
  };

  for (const [what, files] of [
    ["a rule", (enforce: string) => [policy("a", [refusing(enforce)]), grants]],
    ["a file", (enforce: string) => [ofFile("a", enforce), grants]],
  ] as const) {
    it(`of ${what} has the same callers on the same side, and grows`, () => {
      const [tenth, half] = [refused(files("10%")), refused(files("50%"))];
      assert.deepEqual(refused(files("10%")), tenth);
      assert.ok(tenth.length > 5 && tenth.length < 40, String(tenth.length));
      assert.ok(half.length > 70 && half.length < 130, String(half.length));
      assert.ok(tenth.every((user) => half.includes(user)));
      assert.deepEqual([refused(files("0%")), refused(files("100%"))], [[], users]);
    });

    it(`of ${what} is enforced for whom nobody can tell`, async () => {
      assert.match((await made(files("10%"))).line, /^deny a\/denys/);
    });
  }

  it("of two rules falls on different callers", () => {
    const other = policy("b", [refusing("50%")]);
    assert.notDeepEqual(refused([policy("a", [refusing("50%")]), grants]), refused([other, grants]));
  });

  it("of an allow grants to these callers only", () => {
    const file = policy("a", [rule("allow", YES, { mode: { enforce: "50%", by } })]);
    const found = refused([file]);
    assert.ok(found.length > 70 && found.length < 130, String(found.length));
  });

  it("of a policy that can grant leaves the others ungoverned", async () => {
    const file = policy("a", [rule("allow", YES)], { mode: { enforce: "50%", by } });
    const lines = new Set<string>();
    for (const user of users.slice(0, 20))
      lines.add((await made([file], { headers: { "x-user": user } })).line);
    assert.deepEqual([...lines].sort(), ["allow a/allows", "deny weir/ungoverned 403"]);
  });
});
