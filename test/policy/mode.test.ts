import assert from "node:assert/strict";
import { parsePolicy } from "../../src/policy/schema.ts";
import { documentOf } from "./parsed.ts";

describe("the mode of a rule", () => {
  const by = "by: request.path";
  const share = (percent: number, untilMs?: number) => ({
    kind: "share",
    percent,
    by: "request.path",
    untilMs,
  });
  const rows: readonly (readonly [written: string, mode: object | string])[] = [
    ["enforce", { kind: "enforce" }],
    ["shadow", { kind: "shadow", untilMs: undefined }],
    [`{ enforce: 10%, ${by} }`, share(10)],
    [`{ enforce: 10%, ${by}, until: 2027-01-15 }`, share(10, Date.UTC(2027, 0, 15))],
    [`{ enforce: 10%, ${by}, until: 2027-01-15T12:00:00+02:00 }`, share(10, Date.UTC(2027, 0, 15, 10))],
    [`{ enforce: 100%, ${by} }`, { kind: "enforce" }],
    [`{ enforce: 0%, ${by} }`, { kind: "shadow", untilMs: undefined }],
    ["{ enforce: 10% }", "missing-key"],
    [`{ ${by} }`, "missing-key"],
    [`{ enforce: 101%, ${by} }`, "wrong-value"],
    [`{ enforce: 0.5%, ${by} }`, "wrong-value"],
    [`{ enforce: 10, ${by} }`, "wrong-type"],
    [`{ enforce: -1%, ${by} }`, "wrong-value"],
    [`{ enforce: 10%, ${by}, until: tomorrow }`, "wrong-value"],
    [`{ enforce: 10%, ${by}, until: 2027-02-31 }`, "wrong-value"],
    ["dry-run", "wrong-value"],
  ];
  for (const [written, mode] of rows) {
    it(`${written}: ${typeof mode === "string" ? mode : JSON.stringify(mode)}`, () => {
      const text = `weir: 1\npolicy: p\nmatch: everything\nrules:\n  - { id: a, deny: request.path, mode: ${written} }\n`;
      const { value, diagnostics } = parsePolicy(documentOf(text));
      if (typeof mode === "string")
        assert.deepEqual(
          diagnostics.map(({ code }) => code),
          [mode],
        );
      else assert.deepEqual(value?.rules[0]?.mode, mode);
    });
  }
});
