import assert from "node:assert/strict";
import type { Denied } from "../../src/check/verdict.ts";
import { granting, MISSING, NO, policy, rule, YES } from "./conditions.ts";
import { type Asked, inShort, snapshotOf, verdictOn } from "./fixture.ts";

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
