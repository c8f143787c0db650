import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { allQueries } from "../../grafana/src/queries.ts";
import { written } from "../../grafana/src/rule-files.ts";
import type { Found } from "../servers/ensure.ts";
import { need } from "../support/need.ts";
import { runPromtool } from "../support/prometheus.ts";
import { VALUES } from "./values.ts";

const rules = join(import.meta.dirname, "../../grafana/rules");

describe("the rules, to Prometheus's own tool", () => {
  let prometheus: Found;
  let folder = "";
  before(async function () {
    prometheus = await need(this, "prometheus");
    folder = await mkdtemp(join(tmpdir(), "weir-rules-"));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  for (const name of ["recording.yaml", "alerts.yaml"]) {
    it(`are well formed: ${name}`, async () => {
      const ended = await runPromtool(prometheus, ["check", "rules", join(rules, name)]);
      assert.equal(ended.kind, "succeeded", JSON.stringify(ended));
    });
  }

  it("and every query of the dashboards is", async () => {
    const queries = allQueries(VALUES);
    const path = join(folder, "queries.yaml");
    const groups = [
      {
        name: "queries",
        rules: queries.map(({ expression }, index) => ({ record: `query:${index}`, expr: expression })),
      },
    ];
    await writeFile(path, written({ groups }));
    const ended = await runPromtool(prometheus, ["check", "rules", path]);
    assert.equal(ended.kind, "succeeded", JSON.stringify(ended));
    assert.match(ended.stdout, new RegExp(`SUCCESS: ${queries.length} rules`));
  });

  for (const name of ["alerts.test.yaml", "alerts-of-days.test.yaml"]) {
    it(`fire when they should, and only then: ${name}`, async function () {
      this.timeout(300_000);
      const ended = await runPromtool(prometheus, ["test", "rules", join(rules, name)]);
      assert.equal(ended.kind, "succeeded", JSON.stringify(ended));
    });
  }
});
