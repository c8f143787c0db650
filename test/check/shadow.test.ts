import assert from "node:assert/strict";
import { hasShadow, shadowOutcomes } from "../../src/check/shadow.ts";
import { granting, MISSING, NO, policy, rule, table, YES } from "./conditions.ts";
import type { Asked, File } from "./fixture.ts";
import { ask, type Circumstances, holds, jwt, made } from "./stubs.ts";

const shadow = { mode: "shadow" };

describe("shadow", () => {
  table([
    [
      "a deny in shadow refuses nothing",
      [policy("a", [rule("deny", YES, shadow)]), granting],
      "allow z/allows",
    ],
    [
      "an allow in shadow grants nothing",
      [policy("a", [rule("allow", YES, shadow)])],
      "deny weir/ungoverned 403",
    ],
    [
      "a rule in shadow faults nothing",
      [policy("a", [rule("require", MISSING, shadow)]), granting],
      "allow z/allows",
    ],
    [
      "a file in shadow does not grant",
      [policy("a", [rule("allow", YES)], shadow)],
      "deny weir/ungoverned 403",
    ],
    [
      "a file in shadow does not refuse",
      [policy("a", [rule("deny", YES)], { ...shadow, default: "deny" }), granting],
      "allow z/allows",
    ],
    [
      "a file in shadow faults nothing",
      [policy("a", [rule("deny", YES)], { ...shadow, match: { when: MISSING } }), granting],
      "allow z/allows",
    ],
  ]);
});

/** What is counted of a decision, one text an outcome. */
async function counted(files: readonly File[], asked: Asked = {}, circumstances: Circumstances = {}) {
  const { decision, backends, line } = await made(files, asked, circumstances);
  const outcomes = hasShadow(decision) ? await shadowOutcomes(decision, undefined) : [];
  const texts = outcomes.map(({ policy: id, rule: of, verdict }) => `${verdict} ${id}/${of}`);
  return { line, texts, backends };
}

describe("what is counted of shadows", () => {
  const identities = { user: jwt() };
  const alice = { findings: { "a/user": holds({ sub: "alice" }) } };
  const bad = { findings: { "a/user": { kind: "bad", reason: "" } } } as const;
  const of = (rules: readonly object[], more: object = {}) => [
    policy("a", rules, { identities, ...more }),
    granting,
  ];
  const rows: readonly (readonly [
    what: string,
    files: readonly File[],
    circumstances: Circumstances,
    counted: readonly string[],
  ])[] = [
    ["a deny that would refuse", of([rule("deny", YES, shadow)]), {}, ["deny a/denys"]],
    ["a deny that would pass", of([rule("deny", NO, shadow)]), {}, []],
    ["a require that is UNKNOWN", of([rule("require", MISSING, shadow)]), {}, ["unknown a/requires"]],
    ["an allow that would grant", of([rule("allow", YES, shadow)]), {}, ["allow a/allows"]],
    ["a rule that reads who asks", of([rule("deny", "has(auth.user)", shadow)]), alice, ["deny a/denys"]],
    ["a rule that reads who asks, of nobody", of([rule("deny", "has(auth.user)", shadow)]), {}, []],
    [
      "a rule whose credential is bad",
      of([rule("require", "has(auth.user)", shadow)]),
      bad,
      ["deny a/requires"],
    ],
    [
      "a file whose credential is bad",
      of([rule("require", "has(auth.user)")], shadow),
      bad,
      ["deny a/identity/user"],
    ],
    ["a file that would grant", of([rule("allow", "has(auth.user)")], shadow), alice, ["allow a/allows"]],
    ["a file that would not", of([rule("allow", "has(auth.user)")], shadow), {}, ["deny a/default"]],
    ["a file that does not know", of([rule("deny", MISSING)], shadow), {}, ["unknown a/denys"]],
    ["a file that would ask", of([ask(), rule("allow", YES)], shadow), {}, ["unknown a/plan"]],
    ["a file that would refuse before it asks", of([ask(), rule("deny", YES)], shadow), {}, ["deny a/denys"]],
    [
      "a file whose exception reads who asks",
      of([rule("deny", YES)], { ...shadow, except: "has(auth.user)" }),
      alice,
      [],
    ],
    [
      "a file whose exception does not hold",
      of([rule("deny", YES)], { ...shadow, except: "has(auth.user)" }),
      {},
      ["deny a/denys"],
    ],
    [
      "a file whose exception is a let that reads who asks",
      of([rule("deny", YES)], { ...shadow, except: "known", let: { known: "has(auth.user)" } }),
      alice,
      [],
    ],
    [
      "a file that a match.when leaves out",
      of([rule("deny", YES)], { ...shadow, match: { when: 'auth.user.sub == "bob"' } }),
      alice,
      [],
    ],
  ];
  for (const [what, files, circumstances, expected] of rows) {
    it(`${what}: ${expected.join() || "nothing"}`, async () => {
      const { line, texts, backends } = await counted(files, {}, circumstances);
      assert.equal(line, "allow z/allows");
      assert.deepEqual(texts, expected);
      assert.deepEqual(backends.asked, []);
    });
  }

  it("nothing against who presents a bad credential, where only a shadow reads it", async () => {
    const asked = { address: "192.0.2.7" };
    const rules: readonly (readonly [mode: object, client: string])[] = [
      [shadow, ""],
      [{}, "192.0.2.7"],
    ];
    for (const [mode, client] of rules) {
      const { backends } = await counted(of([rule("deny", "has(auth.user)", mode)]), asked, bad);
      assert.deepEqual(backends.clients, [client]);
    }
    const { backends } = await counted(of([rule("deny", "has(auth.user)")], shadow), asked, bad);
    assert.deepEqual(backends.clients, [""]);
  });

  it("the callers whom a share leaves out, and no other", async () => {
    const mode = { enforce: "50%", by: 'request.headers["x-user"]' };
    const sides = { deny: 0, allow: 0 };
    for (let index = 0; index < 20; index++) {
      const asked = { headers: { "x-user": `user-${index}` } };
      for (const files of [of([rule("deny", YES, { mode })]), of([rule("deny", YES)], { mode })]) {
        const { line, texts } = await counted(files, asked);
        const isRefused = line.startsWith("deny");
        sides[isRefused ? "deny" : "allow"] += 1;
        assert.deepEqual(texts, isRefused ? [] : ["deny a/denys"]);
      }
    }
    assert.ok(sides.deny > 0 && sides.allow > 0);
  });
});

describe("an override", () => {
  const nowMs = Date.UTC(2026, 0, 1);
  const overrides = (mode: string, until: string) => ({
    overrides: [{ rule: "a/denys", mode, until, reason: "INC-1" }],
  });
  const enforced = policy("a", [rule("deny", YES)]);
  const shadowed = policy("a", [rule("deny", YES, shadow)]);
  const shared = policy("a", [rule("deny", YES, { mode: { enforce: "1%", by: "request.path" } })]);
  const rows: readonly (readonly [
    what: string,
    files: readonly File[],
    outcome: string,
    counted: readonly string[],
  ])[] = [
    [
      "to shadow",
      [enforced, overrides("shadow", "2026-02-01T00:00:00Z")],
      "allow z/allows",
      ["deny a/denys"],
    ],
    [
      "to shadow that has ended",
      [enforced, overrides("shadow", "2026-01-01T00:00:00Z")],
      "deny a/denys 403",
      [],
    ],
    ["to enforce", [shadowed, overrides("enforce", "2026-02-01T00:00:00Z")], "deny a/denys 403", []],
    [
      "to enforce for all, of a share",
      [shared, overrides("enforce", "2026-02-01T00:00:00Z")],
      "deny a/denys 403",
      [],
    ],
  ];
  for (const [what, files, outcome, expected] of rows) {
    it(`${what}: ${outcome}`, async () => {
      const { line, texts } = await counted([...files, granting], {}, { world: { nowMs } });
      assert.equal(line, outcome);
      assert.deepEqual(texts, expected);
    });
  }
});

describe("while weir only observes", () => {
  const world = { stance: "observe" } as const;
  const identities = { user: jwt() };
  const rows: readonly (readonly [
    what: string,
    files: readonly File[],
    asked: Asked,
    counted: readonly string[],
  ])[] = [
    ["an ungoverned request", [], {}, ["deny /weir/ungoverned"]],
    ["a granted one", [granting], {}, ["allow z/allows"]],
    ["a refused one", [policy("a", [rule("deny", YES)]), granting], {}, ["deny a/denys", "allow z/allows"]],
    ["one whose allows are all false", [policy("a", [rule("allow", NO)])], {}, ["deny a/default"]],
    ["a bad host", [granting], { host: "" }, ["deny /weir/bad-host"]],
    ["an ambiguous path", [granting], { path: "//" }, ["deny /weir/ambiguous-path"]],
    ["one that would be asked about", [policy("a", [ask(), rule("allow", YES)])], {}, ["unknown a/plan"]],
    [
      "one with a credential",
      [policy("a", [rule("require", "has(auth.user)"), rule("allow", YES)], { identities })],
      {},
      ["deny a/requires"],
    ],
  ];
  for (const [what, files, asked, expected] of rows) {
    it(`${what} passes and is counted: ${expected.join() || "nothing"}`, async () => {
      const { line, texts, backends } = await counted(files, asked, { world });
      assert.equal(line, "allow weir/observe");
      assert.deepEqual(texts, expected);
      assert.deepEqual(backends.asked, []);
    });
  }

  it("nothing is done to what passes", async () => {
    const effects = { request: { set: { "x-a": "1" }, remove: ["x-b"] }, response: { set: { "x-c": "1" } } };
    const { decision } = await made(
      [policy("a", [rule("allow", YES, effects)])],
      { headers: { "x-a": "2" } },
      { world },
    );
    assert.ok(decision.verdict.kind === "allow");
    const { requestSet, requestRemove, responseSet } = decision.verdict;
    assert.deepEqual([requestSet, requestRemove, responseSet], [[], [], []]);
  });
});
