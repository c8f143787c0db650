import assert from "node:assert/strict";
import type { CheckAnswer } from "../../src/adapter/adapter.ts";
import type { Denied } from "../../src/check/verdict.ts";
import { granting, MISSING, NO, policy, rule, YES } from "./conditions.ts";
import { type Asked, type File, inShort, snapshotOf, verdictOn } from "./fixture.ts";
import { asking, FAILS, made } from "./stubs.ts";

describe("what a refusal says", () => {
  function denied(more: object, asked: Asked = {}, kind: "deny" | "require" = "deny"): Denied {
    const file = policy("a", [rule(kind, kind === "deny" ? YES : NO, more)], {
      match: { paths: ["/o/{owner}", "/"] },
    });
    const verdict = verdictOn(snapshotOf(file, granting), asked);
    return verdict.kind === "deny" ? verdict : assert.fail(inShort(verdict));
  }
  const plain = "text/plain; charset=utf-8";
  const rows: readonly (readonly [what: string, written: object, answer: Partial<Denied>])[] = [
    [
      "403 and its phrase, where the rule is silent",
      {},
      { status: 403, body: "Forbidden\n", contentType: plain, headers: [] },
    ],
    ["its status and the phrase of that", { status: 404 }, { status: 404, body: "Not Found\n" }],
    ["a status without a phrase", { status: 499 }, { status: 499, body: "Denied\n" }],
    [
      "its message",
      { message: "No, ${request.method}." },
      { status: 403, body: "No, GET.", contentType: plain },
    ],
    [
      "its body and type",
      { status: 401, body: '{"for":"${request.host}"}', type: "application/json" },
      { status: 401, body: '{"for":"a.example.com"}', contentType: "application/json" },
    ],
    [
      "its response headers",
      { response: { set: { "WWW-Authenticate": "Bearer" } } },
      { headers: [["www-authenticate", "Bearer"]] },
    ],
    [
      "403 all the same where its message cannot be had",
      { message: `\${${MISSING}}` },
      { status: 403, body: "Forbidden\n" },
    ],
    [
      "403 all the same where its type cannot be had",
      { body: "x", type: `\${${MISSING}}` },
      { status: 403, body: "x", contentType: plain },
    ],
    [
      "the headers that can be had",
      { response: { set: { "x-a": `\${${MISSING}}`, "x-b": "b" } } },
      { headers: [["x-b", "b"]] },
    ],
  ];
  for (const [what, written, answer] of rows) {
    for (const kind of ["deny", "require"] as const) {
      it(`${kind}: ${what}`, () => {
        const verdict = denied(written, {}, kind);
        for (const [key, value] of Object.entries(answer))
          assert.deepEqual(verdict[key as keyof Denied], value, key);
      });
    }
  }

  it("no header with CR or LF, while the body may have them", () => {
    const asked = { path: "/o/a%0d%0ab" };
    const verdict = denied(
      {
        when: "has(path.owner)",
        body: "${path.owner}",
        type: "text/${path.owner}",
        response: { set: { "x-owner": "${path.owner}" } },
      },
      asked,
    );
    assert.deepEqual([verdict.headers, verdict.contentType, verdict.body], [[], plain, "a\r\nb"]);
  });
});

describe("a handler's refusal", () => {
  const texts = { message: "Ask your team for a plan." };
  const answer = { verdict: "deny", status: 402, message: "No plan." } as const;
  const location = { redirect: "https://example.com/plans" };
  const rows: readonly (readonly [
    what: string,
    rule: object,
    answer: CheckAnswer,
    status: number,
    body: string,
  ])[] = [
    ["has its own status and message", {}, answer, 402, "No plan.\n"],
    ["has 403 and its phrase where it is silent", {}, { verdict: "deny" }, 403, "Forbidden\n"],
    ["has the rule's status and words above its own", { status: 429, ...texts }, answer, 429, texts.message],
    ["has no status that does not refuse", {}, { verdict: "deny", status: 200 }, 403, "Forbidden\n"],
    ["has no status that there is not", {}, { verdict: "deny", status: 999 }, 403, "Forbidden\n"],
    ["sends the caller elsewhere where the rule does", location, answer, 302, "No plan.\n"],
    [
      "that did not come is 503, whatever the rule says",
      { onError: "deny", status: 401, ...texts },
      FAILS,
      503,
      "what decides this cannot be asked now; try again\n",
    ],
  ];
  for (const [what, more, said, status, body] of rows) {
    it(`${what}: ${status}`, async () => {
      const { decision } = await made([asking(more)], {}, { answers: { plans: said } });
      assert.ok(decision.verdict.kind === "deny");
      assert.deepEqual([decision.verdict.status, decision.verdict.body], [status, body]);
    });
  }
});

describe("a redirect", () => {
  const login = "https://example.com/login?for=${request.path}";
  const rows: readonly (readonly [
    what: string,
    written: object,
    status: number,
    headers: readonly (readonly [string, string])[],
  ])[] = [
    [
      "has 302 where the rule is silent",
      { redirect: login },
      302,
      [["location", "https://example.com/login?for=/"]],
    ],
    ["has the rule's status", { redirect: "/login", status: 307 }, 307, [["location", "/login"]]],
    ["without its address is a plain refusal", { redirect: `\${${MISSING}}`, status: 307 }, 403, []],
    ["to nowhere is a plain refusal", { redirect: '${request.method == "GET" ? "" : "x"}' }, 403, []],
    ["with a line break is a plain refusal", { redirect: '${"a\\r\\nb"}' }, 403, []],
  ];
  for (const [what, written, status, headers] of rows) {
    it(`${what}: ${status}`, async () => {
      const { decision } = await made([policy("a", [rule("deny", YES, written)]), granting]);
      assert.ok(decision.verdict.kind === "deny");
      assert.deepEqual([decision.verdict.status, decision.verdict.headers], [status, headers]);
    });
  }
});

describe("a shared answer", () => {
  const platform = {
    shared: "platform",
    let: { name: "request.method + '!'" },
    answers: {
      problem: {
        status: 404,
        type: "application/problem+json",
        body: '{"for":"${name}"}',
        response: { set: { "x-a": "${name}" }, append: { vary: "x-a" } },
        metadata: { why: "${name}" },
      },
      login: { redirect: "https://example.com/login" },
    },
  };
  const use = { use: ["platform"] };
  const said: Partial<Denied> = {
    ...{ status: 404, body: '{"for":"GET!"}', contentType: "application/problem+json" },
    ...{
      headers: [
        ["x-a", "GET!"],
        ["vary", "x-a"],
      ],
      metadata: [["why", "GET!"]],
    },
  };
  const rows: readonly (readonly [where: string, file: File, by: string, said: Partial<Denied>])[] = [
    ["a deny", policy("a", [rule("deny", YES, { answer: "problem" })], use), "denys", said],
    ["a require", policy("a", [rule("require", NO, { answer: "problem" })], use), "requires", said],
    [
      "the default",
      policy("a", [rule("allow", NO)], { ...use, default: { deny: "problem" } }),
      "default",
      said,
    ],
    ["an ask", asking({ answer: "problem" }), "plan", said],
    [
      "a deny that sends elsewhere",
      policy("a", [rule("deny", YES, { answer: "login" })], use),
      "denys",
      { status: 302 },
    ],
  ];
  for (const [where, file, by, expected] of rows) {
    it(`is given by ${where}`, async () => {
      const files = [platform, { ...Object(file), ...use }, granting];
      const { decision } = await made(files, {}, { answers: { plans: { verdict: "deny", status: 402 } } });
      const { verdict } = decision;
      assert.ok(verdict.kind === "deny");
      assert.deepEqual(verdict.by, { policy: "a", rule: by });
      for (const [key, value] of Object.entries(expected))
        assert.deepEqual(verdict[key as keyof Denied], value, key);
    });
  }
});

describe("the words of a handler's refusal", () => {
  const body = { text: '{"why":"limits"}', contentType: "application/json" };
  const headers = new Map([
    ["retry-after", "7"],
    ["x-why", "limits"],
  ]);
  const refusal = async (
    answer: Omit<Extract<CheckAnswer, { verdict: "deny" }>, "verdict">,
    more: object = {},
  ): Promise<unknown> => {
    const answers = { plans: { verdict: "deny", ...answer } as const };
    const { decision } = await made([asking(more)], {}, { answers });
    assert.ok(decision.verdict.kind === "deny");
    const { status, body: text, contentType, headers: lines } = decision.verdict;
    return [status, text, contentType, ...lines];
  };
  const plain = "text/plain; charset=utf-8";

  it("are its message on a line, or its body exactly, with its headers", async () => {
    assert.deepEqual(await refusal({ status: 402, message: "pay" }), [402, "pay\n", plain]);
    assert.deepEqual(await refusal({ status: 429, message: "x", body, headers }), [
      ...[429, body.text, "application/json"],
      ...headers,
    ]);
  });

  it("stand below the rule's own", async () => {
    const rule = { message: "Come later.", response: { set: { "x-why": "plan" } } };
    assert.deepEqual(await refusal({ status: 429, body, headers }, rule), [
      ...[429, "Come later.", plain],
      ...[
        ["x-why", "plan"],
        ["retry-after", "7"],
      ],
    ]);
  });
});
