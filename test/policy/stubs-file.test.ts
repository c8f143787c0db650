import assert from "node:assert/strict";
import { parseTests } from "../../src/policy/schema.ts";
import { documentOf } from "./parsed.ts";

describe("what a test says that a handler answers", () => {
  const any = (answer: object) => ({ kind: "any", answer });
  const allow = (outputs: readonly (readonly [string, unknown])[] = []) => ({
    kind: "allow",
    outputs: new Map(outputs),
  });
  const deny = (status?: number, message?: string) => ({ kind: "deny", status, message });
  const rows: readonly (readonly [written: string, stub: object | string])[] = [
    ["allow", any(allow())],
    ["deny", any(deny())],
    ["timeout", any({ kind: "timeout" })],
    [
      "{ allow: true, plan: gold, limit: 5 }",
      any(
        allow([
          ["plan", "gold"],
          ["limit", 5],
        ]),
      ),
    ],
    ["{ deny: true, status: 402, message: No. }", any(deny(402, "No."))],
    [
      "{ alice: { allow: true }, bob: deny }",
      {
        kind: "byPrincipal",
        answers: new Map<string, object>([
          ["alice", allow()],
          ["bob", deny()],
        ]),
      },
    ],
    ["{ allow: false }", "missing-key"],
    ["{ alice: { plan: gold } }", "missing-key"],
    ["{ deny: true, status: 200 }", "wrong-value"],
    ["{ deny: true, plan: gold }", "unknown-key"],
    ["refuse", "wrong-value"],
  ];
  for (const [written, stub] of rows) {
    it(`${written}: ${typeof stub === "string" ? stub : "read"}`, () => {
      const text = `weir: 1\ntests: a\nprincipals: { alice: {} }\nrequests: { get: { path: / } }\nexpect: [{ as: alice, request: get, allow: a }]\nbackends: { plans: ${written} }\n`;
      const { value, diagnostics } = parseTests(documentOf(text));
      const codes = diagnostics.filter(({ line }) => line === 6).map(({ code }) => code);
      if (typeof stub === "string") assert.deepEqual(codes, [stub]);
      else assert.deepEqual([codes, value?.backends.get("plans")], [[], stub]);
    });
  }
});
