import assert from "node:assert/strict";
import type { CheckAnswer } from "../../src/adapter/adapter.ts";
import { granting, MISSING, NO, OURS, policy, rule, YES } from "./conditions.ts";
import {
  ask,
  askedTable,
  asking,
  allows,
  deciding,
  FAILS,
  GOLD,
  made,
  snapshotWith,
  verified,
} from "./stubs.ts";

describe("an ask", () => {
  const answered = { answers: { plans: GOLD } };
  const refused = { answers: { plans: { verdict: "deny" } as const } };
  askedTable([
    ["that allows leaves the grant to the rules", [asking()], answered, "allow a/allows", ["plans"]],
    [
      "of a policy with no allow that holds",
      [policy("a", [ask(), rule("allow", NO)])],
      answered,
      "deny a/default 403",
      [],
    ],
    ["that denies refuses", [asking()], refused, "deny a/plan 403", ["plans"]],
    ["that fails is an error", [asking()], { answers: { plans: FAILS } }, "error a/plan", ["plans"]],
    [
      "that fails with onError: deny",
      [asking({ onError: "deny" })],
      { answers: { plans: FAILS } },
      "deny a/plan 503",
      ["plans"],
    ],
    [
      "that fails with onError: allow",
      [asking({ onError: "allow" })],
      { answers: { plans: FAILS } },
      "allow a/allows",
      ["plans"],
    ],
    ["of a guard", [policy("a", [ask()]), granting], refused, "deny a/plan 403", ["plans"]],
    ["of a guard alone grants nothing", [policy("a", [ask()])], answered, "deny weir/ungoverned 403", []],
    ["is skipped where its when is false", [asking({ when: NO })], refused, "allow a/allows", []],
    ["is made where its when is UNKNOWN", [asking({ when: MISSING })], refused, "deny a/plan 403", ["plans"]],
    [
      "is made with what `with` says",
      [asking({ with: { method: "${request.method}!", count: "1 + 1" } })],
      answered,
      "allow a/allows",
      ["plans method=GET! count=2"],
    ],
    [
      "whose input is missing is not made",
      [asking({ with: { key: `\${request.headers['x-absent']}` } })],
      answered,
      "deny a/plan 400",
      [],
    ],
    [
      "whose input is missing keeps others from being made",
      [
        asking({ with: { key: `\${request.headers['x-absent']}` } }),
        policy("b", [{ id: "other", ask: "others" }]),
      ],
      answered,
      "deny a/plan 400",
      [],
    ],
    [
      "whose input failed by our fault",
      [asking({ with: { method: `\${${OURS}}` } })],
      answered,
      "error a/plan",
      [],
    ],
    [
      "for which no time is left",
      [asking()],
      { ...answered, nowMs: 1_000, askUntilMs: 1_000 },
      "error a/plan",
      [],
    ],
  ]);
});

describe("an answer", () => {
  const answers = { plans: GOLD };
  const platform = {
    shared: "platform",
    let: { always: "true" },
    answers: { upgrade: { status: 402, message: "Buy more." } },
  };
  askedTable([
    [
      "is seen by a deny",
      [policy("a", [ask(), rule("deny", 'plan.plan == "gold"'), rule("allow", YES)])],
      { answers },
      "deny a/denys 403",
      ["plans"],
    ],
    [
      "is seen by a rule before the ask",
      [policy("a", [rule("deny", 'plan.plan == "gold"'), ask(), rule("allow", YES)])],
      { answers },
      "deny a/denys 403",
      ["plans"],
    ],
    [
      "is seen by a require with a shared answer",
      [
        platform,
        policy("a", [ask(), rule("require", "plan.limit > 5", { answer: "upgrade" }), rule("allow", YES)], {
          use: ["platform"],
        }),
      ],
      { answers },
      "deny a/requires 402",
      ["plans"],
    ],
    [
      "is seen through a let that was read before",
      [
        policy("a", [ask(), { id: "x", allow: `gold && ${NO}` }, rule("allow", "gold && platform.always")], {
          use: ["platform"],
          let: { gold: 'plan.plan == "gold"' },
        }),
        platform,
      ],
      { answers },
      "allow a/allows",
      ["plans"],
    ],
    [
      "has its types",
      [policy("a", [ask(), rule("allow", "plan.limit + 1 == 6")])],
      { answers },
      "allow a/allows",
      ["plans"],
    ],
    [
      "that lacks a value: has() is false",
      [policy("a", [ask(), rule("allow", "!has(plan.limit)")])],
      { answers: { plans: allows({ plan: "x" }) } },
      "allow a/allows",
      ["plans"],
    ],
    [
      "that lacks a value is UNKNOWN where it is read",
      [policy("a", [ask(), rule("allow", "plan.limit > 1")])],
      { answers: { plans: allows() } },
      "deny a/allows 400",
      ["plans"],
    ],
    [
      "of a skipped ask has no values",
      [policy("a", [ask({ when: NO }), rule("allow", "!has(plan.plan)")])],
      {},
      "allow a/allows",
      [],
    ],
    [
      "of a skipped ask is UNKNOWN where it is read",
      [policy("a", [ask({ when: NO }), rule("allow", 'plan.plan == "gold"')])],
      {},
      "deny a/allows 400",
      [],
    ],
    [
      "that did not come, read behind onError: allow",
      [policy("a", [ask({ onError: "allow" }), rule("deny", 'plan.plan == "x"'), rule("allow", YES)])],
      { answers: { plans: FAILS } },
      "error a/denys",
      ["plans"],
    ],
    [
      "that did not come, read by an effect",
      [
        policy("a", [
          ask({ onError: "allow" }),
          rule("allow", YES, { request: { set: { "x-plan": "${plan.plan}" } } }),
        ]),
      ],
      { answers: { plans: FAILS } },
      "error a/allows",
      ["plans"],
    ],
    [
      "that did not come loses to a rule that refuses",
      [
        policy("a", [ask(), rule("allow", YES)]),
        policy("b", [{ id: "o", ask: "others", as: "answer" }, rule("deny", 'answer.plan == "gold"')]),
      ],
      { answers: { plans: FAILS, others: GOLD } },
      "deny b/denys 403",
      ["plans", "others"],
    ],
    [
      "that did not come loses to another handler's refusal",
      [asking(), policy("b", [{ id: "o", ask: "others" }])],
      { answers: { plans: FAILS, others: { verdict: "deny" } } },
      "deny b/o 403",
      ["plans", "others"],
    ],
    [
      "that did not come loses to a fault of the request",
      [
        asking(),
        policy("b", [{ id: "o", ask: "others", as: "o" }, rule("deny", `o.plan == "gold" && ${MISSING}`)]),
      ],
      { answers: { plans: FAILS, others: GOLD } },
      "deny b/denys 400",
      ["plans", "others"],
    ],
    [
      "that did not come loses to allows that are all false then",
      [
        asking(),
        policy("b", [{ id: "o", ask: "others", as: "forget" }, rule("allow", 'forget.plan == "x"')]),
      ],
      { answers: { plans: FAILS, others: GOLD } },
      "deny b/default 403",
      ["plans", "others"],
    ],
    [
      "is of its own policy",
      [
        policy("a", [ask(), rule("allow", 'plan.plan == "gold"')]),
        policy("b", [{ id: "o", ask: "others", as: "plan" }, rule("allow", 'plan.plan == "tin"')]),
      ],
      { answers: { plans: GOLD, others: allows({ plan: "tin" }) } },
      "allow a/allows",
      ["plans", "others"],
    ],
  ]);

  it("sets what its ask says, in a policy that grants", async () => {
    const file = policy("a", [
      ask({ request: { set: { "x-plan": "${plan.plan}" }, query: { set: { limit: "${plan.limit}" } } } }),
      rule("allow", YES),
    ]);
    const { decision } = await made([file], { headers: { "x-plan": "client's" } }, { answers });
    assert.ok(decision.verdict.kind === "allow");
    assert.deepEqual(decision.verdict.requestSet, [["x-plan", "gold"]]);
    assert.deepEqual(decision.verdict.querySet, [["limit", "5"]]);
  });

  it("that did not come leaves the client's copy of a header out", async () => {
    const file = asking({ onError: "allow", request: { set: { "x-plan": "${plan.plan}" } } });
    const { decision } = await made([file], { headers: { "x-plan": "gold" } }, { answers: { plans: FAILS } });
    assert.ok(decision.verdict.kind === "allow");
    assert.deepEqual([decision.verdict.requestSet, decision.verdict.requestRemove], [[], ["x-plan"]]);
  });
});

describe("a share that is counted by an answer", () => {
  const sharing = (plan: string) =>
    made(
      [
        policy(
          "a",
          [rule("deny", YES, { mode: { enforce: "50%", by: "auth.partner.plan" } }), rule("allow", YES)],
          {
            identities: { partner: verified() },
          },
        ),
      ],
      { headers: { "x-api-key": "k" } },
      { answers: { plans: allows({ plan }) } },
    );

  it("refuses its share, which is not known before the answer", async () => {
    const lines = await Promise.all(
      Array.from({ length: 40 }, async (_, index) => (await sharing(`plan-${index}`)).line),
    );
    assert.deepEqual(new Set(lines), new Set(["deny a/denys 403", "allow a/allows"]));
  });
});

describe("questions", () => {
  it("that differ inside a list only are two", async () => {
    const waiting = (id: string, waits: string) => ({ id, ask: "plans", with: { waits } });
    const rules = [waiting("one", "[duration('1s')]"), waiting("two", "[duration('2s')]")];
    const same = [waiting("one", "[duration('3s')]"), waiting("two", "[duration('3s')]")];
    assert.equal((await made([policy("a", [...rules, rule("allow", YES)])])).backends.asked.length, 2);
    assert.equal((await made([policy("a", [...same, rule("allow", YES)])])).backends.asked.length, 1);
  });
});

describe("waiting for answers", () => {
  it("is for all of them at once", async () => {
    const waits = new Map(["plans", "others"].map((name) => [name, Promise.withResolvers<CheckAnswer>()]));
    const answers = Object.fromEntries(Array.from(waits, ([name, { promise }]) => [name, promise]));
    const files = [asking(), policy("b", [{ id: "o", ask: "others" }])];
    const { decision, backends } = deciding(snapshotWith(files), {}, { answers });
    assert.ok(decision instanceof Promise);
    assert.deepEqual(backends.asked, ["plans", "others"]);
    for (const { resolve } of waits.values()) resolve({ verdict: "allow" });
    assert.equal((await decision).verdict.kind, "allow");
  });

  it("is not needed where they are at hand", () => {
    const { decision } = deciding(snapshotWith([asking()]), {}, { answers: { plans: GOLD } });
    assert.ok(!(decision instanceof Promise));
  });
});
