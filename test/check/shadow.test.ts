import { granting, MISSING, policy, rule, table, YES } from "./conditions.ts";

describe("shadow", () => {
  const shadow = { mode: "shadow" };
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
