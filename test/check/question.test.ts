import assert from "node:assert/strict";
import { MISSING, NO, OURS, policy, rule, YES } from "./conditions.ts";
import type { File } from "./fixture.ts";
import { ask, askedTable, asking, GOLD, made } from "./stubs.ts";

describe("who is asked", () => {
  const other = (rules: readonly object[]): File => policy("b", rules);
  askedTable([
    ["nobody after a definite refusal", [asking(), other([rule("deny", YES)])], {}, "deny b/denys 403", []],
    ["nobody after a bad host", [asking()], { request: { host: "" } }, "deny weir/bad-host 400", []],
    [
      "nobody after a fault of the request",
      [asking(), other([rule("deny", MISSING)])],
      {},
      "deny b/denys 400",
      [],
    ],
    ["nobody after a fault of ours", [asking(), other([rule("deny", OURS)])], {}, "error b/denys", []],
    [
      "nobody where another policy's allows are all false",
      [asking(), other([rule("allow", NO)])],
      {},
      "deny b/default 403",
      [],
    ],
    [
      "nobody where a fault and allows that are all false meet",
      [asking(), other([rule("deny", MISSING), rule("allow", NO)])],
      {},
      "deny b/default 403",
      [],
    ],
    [
      "nobody where our fault and an allow of the request's meet",
      [policy("a", [ask(), rule("deny", OURS), rule("allow", MISSING)])],
      {},
      "deny a/allows 400",
      [],
    ],
    [
      "nobody where a rule refuses whatever is answered",
      [asking(), policy("c", [ask(), rule("deny", `plan.plan == "x" || ${YES}`)])],
      {},
      "deny c/denys 403",
      [],
    ],
    [
      "somebody where an allow waits for the answer",
      [policy("a", [ask(), rule("allow", 'plan.plan == "gold"')])],
      { answers: { plans: GOLD } },
      "allow a/allows",
      ["plans"],
    ],
    [
      "somebody where an allow of the request's own is UNKNOWN",
      [policy("a", [ask(), { id: "x", allow: MISSING }, rule("allow", 'plan.plan == "gold"')])],
      { answers: { plans: GOLD } },
      "allow a/allows",
      ["plans"],
    ],
    [
      "each once for one question",
      [asking(), other([ask()]), policy("c", [ask({ with: { method: "x" } })])],
      {},
      "allow a/allows",
      ["plans", "plans method=x"],
    ],
    [
      "each once, whatever the order of the inputs",
      [asking({ with: { method: "m", count: "1" } }), other([ask({ with: { count: "1", method: "m" } })])],
      {},
      "allow a/allows",
      ["plans method=m count=1"],
    ],
    [
      "both of two handlers with the same input",
      [asking(), other([{ id: "o", ask: "others" }])],
      {},
      "allow a/allows",
      ["plans", "others"],
    ],
  ]);

  it("is told values apart by their types", async () => {
    const files = [asking({ with: { method: "1" } }), policy("b", [ask({ with: { count: "1" } })])];
    const { backends } = await made(files);
    assert.equal(backends.asked.length, 2);
  });
});
