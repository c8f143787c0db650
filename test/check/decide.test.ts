import assert from "node:assert/strict";
import {
  granting,
  MISSING,
  NO,
  outcome,
  OURS,
  policy,
  rule,
  table,
  ungovernedAllowed,
  YES,
} from "./conditions.ts";
import { type Asked, type File, inShort, snapshotOf, verdictOn } from "./fixture.ts";
import { deciding, holds, jwt, snapshotWith } from "./stubs.ts";

describe("granting", () => {
  const open = { match: { hosts: ["a.example.com"] }, default: "allow" };
  table([
    ["a policy whose allow holds grants", [policy("a", [rule("allow", YES)])], "allow a/allows"],
    ["a policy none of whose allows holds refuses", [policy("a", [rule("allow", NO)])], "deny a/default 403"],
    [
      "default: deny is what an allowing policy has anyway",
      [policy("a", [rule("allow", NO)], { default: "deny" })],
      "deny a/default 403",
    ],
    ["default: allow grants where no rule decides", [policy("a", [], open)], "allow a/default"],
    [
      "default: allow grants where all allows are false",
      [policy("a", [rule("allow", NO)], open)],
      "allow a/default",
    ],
    [
      "default: allow does not help an UNKNOWN allow",
      [policy("a", [rule("allow", MISSING)], open)],
      "deny a/allows 400",
    ],
    [
      "a true allow beats an UNKNOWN one before it",
      [policy("a", [{ id: "first", allow: MISSING }, rule("allow", YES)])],
      "allow a/allows",
    ],
    [
      "an UNKNOWN allow is a fault, not a refusal",
      [policy("a", [rule("allow", NO), { id: "second", allow: MISSING }])],
      "deny a/second 400",
    ],
    [
      "a deny beats the policy's own allow",
      [policy("a", [rule("allow", YES), rule("deny", YES)])],
      "deny a/denys 403",
    ],
    [
      "every granting policy that matches must grant",
      [granting, policy("a", [rule("allow", NO)])],
      "deny a/default 403",
    ],
    [
      "one grant of two granting policies that both grant",
      [granting, policy("a", [rule("allow", YES)])],
      "allow a/allows",
    ],
    ["a guard never grants", [policy("a", [rule("deny", NO)])], "deny weir/ungoverned 403"],
    ["a guard leaves a grant alone", [policy("a", [rule("deny", NO)]), granting], "allow z/allows"],
    ["a guard refuses what another grants", [policy("a", [rule("deny", YES)]), granting], "deny a/denys 403"],
    [
      "a guard with default: deny refuses all it matches",
      [policy("a", [], { default: "deny" }), granting],
      "deny a/default 403",
    ],
    ["no policy at all is ungoverned", [], "deny weir/ungoverned 403"],
    ["ungoverned: allow is a grant", [ungovernedAllowed], "allow weir/ungoverned"],
    [
      "ungoverned: allow and a guard that passes",
      [ungovernedAllowed, policy("a", [rule("deny", NO)])],
      "allow weir/ungoverned",
    ],
    [
      "ungoverned: allow and a guard that refuses",
      [ungovernedAllowed, policy("a", [rule("deny", YES)])],
      "deny a/denys 403",
    ],
    [
      "ungoverned: allow and a guard that does not know",
      [ungovernedAllowed, policy("a", [rule("deny", MISSING)])],
      "deny a/denys 400",
    ],
    [
      "ungoverned: allow and a guard that does not know by our fault",
      [ungovernedAllowed, policy("a", [rule("deny", OURS)])],
      "error a/denys",
    ],
    [
      "ungoverned: allow does not help a governed request",
      [ungovernedAllowed, policy("a", [rule("allow", NO)])],
      "deny a/default 403",
    ],
  ]);

  it("a default of a policy whose match does not hold is nobody's", () => {
    const elsewhere = policy("a", [rule("deny", YES)], {
      match: { hosts: ["b.example.com"] },
      default: "deny",
    });
    assert.equal(outcome([elsewhere, granting]), "allow z/allows");
  });
});

describe("precedence", () => {
  const refusing = (name: string): File => policy(name, [rule("deny", YES)]);
  const faulty = (name: string): File => policy(name, [rule("deny", MISSING)]);
  const ours = (name: string): File => policy(name, [rule("deny", OURS)]);
  table([
    [
      "a definite refusal beats a fault of the request",
      [faulty("a"), refusing("b"), granting],
      "deny b/denys 403",
    ],
    ["a definite refusal beats a fault of ours", [ours("a"), refusing("b"), granting], "deny b/denys 403"],
    ["a fault of the request beats a fault of ours", [ours("a"), faulty("b"), granting], "deny b/denys 400"],
    ["a fault of ours beats a grant", [ours("b"), granting], "error b/denys"],
    [
      "an ungranted request is refused whatever a guard does not know",
      [faulty("a")],
      "deny weir/ungoverned 403",
    ],
    ["an ungranted request is refused whatever we could not know", [ours("a")], "deny weir/ungoverned 403"],
    [
      "allows that are all false beat a fault of another policy",
      [faulty("a"), policy("b", [rule("allow", NO)])],
      "deny b/default 403",
    ],
    [
      "allows that are all false beat our fault",
      [ours("a"), policy("b", [rule("allow", NO)])],
      "deny b/default 403",
    ],
    [
      "allows that are all false beat their own policy's fault",
      [policy("a", [rule("deny", OURS), rule("allow", NO)])],
      "deny a/default 403",
    ],
    [
      "our fault in an allow does not hide a later refusal",
      [policy("a", [rule("allow", OURS)]), policy("b", [rule("allow", NO)])],
      "deny b/default 403",
    ],
    [
      "our fault in one allow and the request's in another",
      [policy("a", [rule("allow", OURS)]), policy("b", [rule("allow", MISSING)])],
      "deny b/allows 400",
    ],
    [
      "our fault in one allow and the request's in another of that policy",
      [
        policy("a", [
          { id: "one", allow: OURS },
          { id: "two", allow: MISSING },
        ]),
      ],
      "deny a/two 400",
    ],
    [
      "a fault of match.when and a refusal of that policy",
      [policy("a", [rule("allow", NO)], { match: { when: OURS } })],
      "deny a/default 403",
    ],
    ["our fault alone, all else granting", [policy("a", [rule("allow", OURS)]), granting], "error a/allows"],
    ["the first by name of those that refuse", [refusing("c"), refusing("b"), granting], "deny b/denys 403"],
    ["the first by name of those that fault", [faulty("c"), faulty("b"), granting], "deny b/denys 400"],
    [
      "the first by position in one policy",
      [
        policy("a", [
          { id: "one", deny: NO },
          { id: "two", require: NO, status: 401 },
          { id: "three", deny: YES },
        ]),
      ],
      "deny a/two 401",
    ],
  ]);
});

describe("what is refused before any policy", () => {
  const open = snapshotOf({ ungoverned: "allow" });
  const rows: readonly (readonly [what: string, request: Asked, outcome: string])[] = [
    ["an empty host", { host: "" }, "deny weir/bad-host 400"],
    ["two hosts", { host: "a.example.com,b.example.com" }, "deny weir/bad-host 400"],
    ["an encoded slash", { path: "/a%2fb" }, "deny weir/ambiguous-path 400"],
    ["dot segments", { path: "/a/../b" }, "deny weir/ambiguous-path 400"],
    ["the host before the path", { host: "", path: "//" }, "deny weir/bad-host 400"],
    ["nothing else", { path: "/a%20b?c=%2f" }, "allow weir/ungoverned"],
    ["nothing of `*`", { method: "OPTIONS", path: "*" }, "allow weir/ungoverned"],
    ["nothing of CONNECT", { method: "CONNECT", path: "a.example.com:443" }, "allow weir/ungoverned"],
  ];
  for (const [what, request, expected] of rows) {
    it(`${what}: ${expected}`, () => assert.equal(inShort(verdictOn(open, request)), expected));
  }
});

describe("a decision that waits for nobody", () => {
  it("makes no promise and no timer where what is read is remembered", () => {
    const file = policy("a", [rule("require", "has(auth.user)"), rule("allow", 'auth.user.sub == "alice"')], {
      identities: { user: jwt() },
    });
    const snapshot = snapshotWith([file]);
    const { setTimeout: timer } = globalThis;
    let timers = 0;
    globalThis.setTimeout = Object.assign(
      (...given: Parameters<typeof timer>) => (timers++, timer(...given)),
      timer,
    );
    try {
      const { decision } = deciding(snapshot, {}, { findings: { "a/user": holds({ sub: "alice" }) } });
      assert.ok(!(decision instanceof Promise) && decision.verdict.kind === "allow");
    } finally {
      globalThis.setTimeout = timer;
    }
    assert.equal(timers, 0);
  });
});
