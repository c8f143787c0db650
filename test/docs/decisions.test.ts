import assert from "node:assert/strict";
import { DECISION_FIELDS } from "../../src/policy/compile-decisions.ts";
import { parseServer } from "../../src/policy/schema.ts";
import { documentOf, wholeOf } from "../policy/parsed.ts";
import { readPage } from "./blocks.ts";

describe("docs/decisions.md", () => {
  const page = readPage("docs/decisions.md");

  it("has a row for each name that a condition may read, with its type", () => {
    const rows = Array.from(page.matchAll(/^\| `decision\.(\w+)` +\| `([^`]+)`/gm), ([, name, type]) => [
      name,
      type,
    ]);
    assert.deepEqual(Object.fromEntries(rows), DECISION_FIELDS);
  });

  it("has a weir.yaml that is read whole", () => {
    const [, text = ""] = /```yaml\n([^`]*)```/.exec(page) ?? [];
    const { decisions } = wholeOf(parseServer(documentOf(text)));
    assert.deepEqual(
      decisions?.record.map(({ share }) => share),
      [1, 0, 0.01],
    );
    assert.deepEqual(decisions.headers, ["x-tenant"]);
  });

  it("has a line that is one, and a row for each result", () => {
    const [, line = ""] = /```json\n([^`]*)```/.exec(page) ?? [];
    assert.equal((JSON.parse(line) as { kind: string }).kind, "decision");
    const results = Array.from(page.matchAll(/^\| `(written|full|late|failed)`/gm), ([, name]) => name);
    assert.deepEqual(results.sort(), ["failed", "full", "late", "written"]);
  });
});
