import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { CASES } from "../../grafana/src/alert-cases.ts";
import { ALERTS } from "../../grafana/src/alerts.ts";
import { RECORDINGS } from "../../grafana/src/objectives.ts";
import { anchorOf } from "../../grafana/src/rule.ts";
import { namesIn } from "./promql.ts";

const root = join(import.meta.dirname, "../..");
const alerts = ALERTS.flatMap(({ rules }) => rules);
const names = alerts.map(({ name }) => name);

describe("the alerts", () => {
  it("have names of their own, and each a test of when it fires", () => {
    assert.equal(new Set(names).size, names.length);
    assert.deepEqual(CASES.map(({ alert }) => alert).toSorted(), names.toSorted());
  });

  it("have a section in the runbook each, in their order, and it has no other", () => {
    const page = readFileSync(join(root, "docs/runbook.md"), "utf8");
    const section = page.slice(page.indexOf("\n## Alerts\n"));
    const headings = Array.from(section.matchAll(/^### (.+)$/gm), ([, heading]) => heading);
    assert.deepEqual(headings, names);
  });

  it("lead to those sections", () => {
    const { groups } = parse(readFileSync(join(root, "grafana/rules/alerts.yaml"), "utf8")) as {
      groups: { rules: { alert: string; annotations: Record<string, string> }[] }[];
    };
    for (const { alert, annotations } of groups.flatMap(({ rules }) => rules)) {
      assert.equal(annotations["runbook_url"], `https://weir.invalid/docs/runbook.md#${alert.toLowerCase()}`);
    }
    assert.deepEqual(
      alerts.map(anchorOf),
      names.map((name) => name.toLowerCase()),
    );
  });

  it("say in one line what, and in a sentence what it means", () => {
    for (const { name, summary, means } of alerts) {
      assert.ok(summary.length < 160 && !summary.includes("\n"), name);
      assert.match(means, /^[A-Zw].*\.$/, name);
    }
  });
});

describe("the recorded series", () => {
  it("have the labels that they say", () => {
    for (const { record, expression, labels } of RECORDINGS.flatMap(({ rules }) => rules)) {
      assert.deepEqual(new Set(namesIn(expression).grouping), new Set(labels), record);
    }
  });

  it("are all used", () => {
    const rules = [...alerts, ...RECORDINGS.flatMap(({ rules }) => rules)];
    const used = new Set(
      rules.flatMap(({ expression }) => namesIn(expression).selectors.map(({ metric }) => metric)),
    );
    for (const { record } of RECORDINGS.flatMap(({ rules }) => rules)) assert.ok(used.has(record), record);
  });
});
