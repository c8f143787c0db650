import assert from "node:assert/strict";
import {
  ENDLESS,
  granting,
  JOINED,
  MISSING,
  NO,
  outcome,
  OURS,
  policy,
  rule,
  table,
  YES,
} from "./conditions.ts";
import type { File } from "./fixture.ts";

describe("three values", () => {
  // Each condition in each place, beside a policy that grants.
  const columns = [YES, NO, MISSING, JOINED, ENDLESS, OURS];
  const refusedBy = (id: string) => [
    `deny a/${id} 400`,
    `deny a/${id} 403`,
    "deny a/weir/budget 400",
    `error a/${id}`,
  ];
  const passes = "allow z/allows";
  type Place = readonly [place: string, policyOf: (condition: string) => File, outcomes: readonly string[]];
  const places: readonly Place[] = [
    ["deny", (it) => policy("a", [rule("deny", it)]), ["deny a/denys 403", passes, ...refusedBy("denys")]],
    [
      "require",
      (it) => policy("a", [rule("require", it)]),
      [passes, "deny a/requires 403", ...refusedBy("requires")],
    ],
    [
      "allow",
      (it) => policy("a", [rule("allow", it)]),
      ["allow a/allows", "deny a/default 403", ...refusedBy("allows")],
    ],
    [
      "the when of a deny",
      (it) => policy("a", [rule("deny", YES, { when: it })]),
      [
        "deny a/denys 403",
        passes,
        "deny a/denys 403",
        "deny a/denys 403",
        "deny a/denys 403",
        "deny a/denys 403",
      ],
    ],
    [
      "the when of a deny that does not hold",
      (it) => policy("a", [rule("deny", NO, { when: it })]),
      [passes, passes, passes, passes, passes, passes],
    ],
    [
      "the when of a require",
      (it) => policy("a", [rule("require", NO, { when: it })]),
      [
        "deny a/requires 403",
        passes,
        "deny a/requires 403",
        "deny a/requires 403",
        "deny a/requires 403",
        "deny a/requires 403",
      ],
    ],
    [
      "the when of an allow",
      (it) => policy("a", [rule("allow", YES, { when: it })]),
      ["allow a/allows", ...Array<string>(5).fill("deny a/default 403")],
    ],
    [
      "match.when of a guard",
      (it) => policy("a", [rule("deny", YES)], { match: { when: it } }),
      ["deny a/denys 403", passes, ...Array<string>(4).fill("deny a/denys 403")],
    ],
    [
      "match.when of a policy that would grant",
      (it) => policy("a", [rule("allow", YES)], { match: { when: it } }),
      ["allow a/allows", passes, ...refusedBy("match")],
    ],
    [
      "except of a guard that refuses",
      (it) => policy("a", [rule("deny", YES)], { except: it }),
      [passes, ...Array<string>(5).fill("deny a/denys 403")],
    ],
    [
      "except of a policy that grants",
      (it) => policy("a", [rule("allow", YES)], { except: it }),
      [passes, ...Array<string>(5).fill("allow a/allows")],
    ],
  ];
  const values = ["true", "false", "missing", "joined headers", "over budget", "unknown by our fault"];
  for (const [place, policyOf, outcomes] of places) {
    for (const [index, condition] of columns.entries()) {
      it(`${place} is ${values[index]}: ${outcomes[index]}`, () => {
        assert.equal(outcome([policyOf(condition), granting]), outcomes[index]);
      });
    }
  }

  table([
    [
      "an exception leaves a request to others, and nothing else grants it",
      [policy("a", [rule("allow", YES)], { except: YES })],
      "deny weir/ungoverned 403",
    ],
    [
      "`||` absorbs what is missing",
      [policy("a", [rule("allow", `${MISSING} || ${YES}`)])],
      "allow a/allows",
    ],
    [
      "`&&` absorbs what is missing",
      [policy("a", [rule("deny", `${MISSING} && ${NO}`)]), granting],
      "allow z/allows",
    ],
    [
      "a let is UNKNOWN where it is used",
      [policy("a", [rule("deny", "absent")], { let: { absent: MISSING } }), granting],
      "deny a/denys 400",
    ],
    [
      "a let that nothing uses harms nobody",
      [policy("a", [rule("deny", NO)], { let: { absent: MISSING } }), granting],
      "allow z/allows",
    ],
    [
      "a let keeps whose fault it is",
      [policy("a", [rule("deny", "absent")], { let: { absent: OURS } }), granting],
      "error a/denys",
    ],
    [
      "a let keeps what was used up",
      [policy("a", [rule("deny", "long")], { let: { long: ENDLESS } }), granting],
      "deny a/weir/budget 400",
    ],
    [
      "a fault of the request among ours makes it the request's",
      [policy("a", [rule("deny", `${OURS} && ${MISSING}`)]), granting],
      "deny a/denys 400",
    ],
  ]);
});
