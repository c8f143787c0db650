import assert from "node:assert/strict";
import { verdictDifferences, verdictLine } from "../../src/check/verdict-difference.ts";
import { failing, NO, OURS, policy, rule, YES } from "./conditions.ts";
import { type File, snapshotOf, verdictOn } from "./fixture.ts";

const verdictOf = (...files: readonly File[]) =>
  verdictOn(snapshotOf(...files), { path: "/a", headers: { "x-debug": "1" } }, failing);

const allowing = (parts: object = {}) =>
  verdictOf(policy("a", [rule("allow", YES, { id: "yes", ...parts })]));
const denying = (parts: object = {}) =>
  verdictOf(policy("a", [rule("deny", YES, { id: "no", ...parts }), rule("allow", YES, { id: "yes" })]));
const second = policy("b", [rule("allow", YES, { id: "also" })]);

describe("how two verdicts differ", () => {
  const rows = {
    "not at all": [allowing(), allowing(), []],
    "one passes, the other does not": [
      allowing({ request: { set: { "x-user": "alice" } } }),
      denying({ status: 401 }),
      ["verdict verdict: allow -> deny", "rule rule: a/yes -> a/no", "status status: undefined -> 401"],
    ],
    "a fault of ours in place of a refusal": [
      denying(),
      verdictOf(policy("a", [rule("allow", OURS, { id: "yes" })])),
      ["verdict verdict: deny -> error", "rule rule: a/no -> a/yes", "status status: 403 -> undefined"],
    ],
    "another rule": [denying(), denying({ id: "never" }), ["rule rule: a/no -> a/never"]],
    "one more grant": [
      allowing(),
      verdictOf(policy("a", [rule("allow", YES, { id: "yes" })]), second),
      ["rule rule: a/yes -> a/yes, b/also"],
    ],
    "what a caller is told": [
      denying({ status: 404, message: "Not here." }),
      denying({ status: 403, body: "No.", type: "text/html", response: { set: { "x-why": "1" } } }),
      [
        "status status: 404 -> 403",
        'effect body: "Not here." -> "No."',
        'effect content type: "text/plain; charset=utf-8" -> "text/html"',
        'effect response header x-why: undefined -> "1"',
      ],
    ],
    "what becomes of the request and the response": [
      allowing({ request: { set: { "x-user": "alice" }, remove: ["x-debug"] }, metadata: { team: "a" } }),
      allowing({
        request: { set: { "x-user": "bob" }, query: { set: { v: "2" }, remove: ["w"] } },
        response: { append: { "x-by": "weir" } },
        metadata: { team: "b" },
      }),
      [
        'effect request header x-user: "alice" -> "bob"',
        "effect request header x-debug: removed -> undefined",
        'effect metadata field team: "a" -> "b"',
        'effect query parameter v: undefined -> "2"',
        "effect query parameter w: undefined -> removed",
        'effect added response header x-by: undefined -> "weir"',
      ],
    ],
    "a value that is called removed": [
      allowing({ request: { set: { "x-user": "removed" } } }),
      allowing({ request: { remove: ["x-user"] } }),
      ['effect request header x-user: "removed" -> removed'],
    ],
    "a default in place of a rule": [
      allowing(),
      verdictOf(policy("a", [rule("allow", NO, { id: "yes" })])),
      ["verdict verdict: allow -> deny", "rule rule: a/yes -> a/default", "status status: undefined -> 403"],
    ],
  } as const;
  for (const [what, [before, after, expected]] of Object.entries(rows)) {
    it(what, () => {
      const found = verdictDifferences(before, after);
      assert.deepEqual(
        found.map((one) => `${one.part} ${one.of}: ${String(one.before)} -> ${String(one.after)}`),
        expected,
      );
      // The other way round it is the same with the sides changed.
      assert.deepEqual(
        new Set(verdictDifferences(after, before)),
        new Set(found.map((one) => ({ ...one, before: one.after, after: one.before }))),
      );
    });
  }
});

describe("a verdict on a line", () => {
  for (const [verdict, line] of [
    [allowing(), "allow a/yes"],
    [denying({ status: 404 }), "deny a/no 404"],
    [verdictOf(), "deny weir/ungoverned 403"],
    [verdictOf(policy("a", [rule("allow", OURS, { id: "yes" })])), "error a/yes"],
  ] as const) {
    it(line, () => {
      assert.equal(verdictLine(verdict), line);
    });
  }
});
