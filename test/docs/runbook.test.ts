import assert from "node:assert/strict";
import { OWN_REFUSALS } from "../../src/check/denial.ts";
import { CATALOGUE } from "../../src/telemetry/catalogue.ts";
import { readPage } from "./blocks.ts";

describe("docs/runbook.md", () => {
  const page = readPage("docs/runbook.md");

  it("has a row for each refusal of weir's own, with its status, and for no other", () => {
    const rows = Array.from(page.matchAll(/^\| `(weir\/[a-z-]+)` +\| +(\d+) \|/gm), ([, id, status]) => [
      id,
      Number(status),
    ]);
    // The one that is decided by a policy's expression.
    const all = [...OWN_REFUSALS, ["weir/budget", 400]];
    assert.deepEqual(new Map(rows as [string, number][]), new Map(all as [string, number][]));
  });

  it("names metrics that there are", () => {
    const known = new Set(Object.values(CATALOGUE).map(({ name }): string => name));
    const named = Array.from(page.matchAll(/`(weir_[a-z_]+)/g), ([, name]) => name ?? "");
    assert.ok(named.length > 4);
    assert.deepEqual(
      named.filter((name) => !known.has(name)),
      [],
    );
  });
});
