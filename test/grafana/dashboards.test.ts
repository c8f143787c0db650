import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { dashboards } from "../../grafana/src/dashboards.ts";
import { DASHBOARD, type Dashboard, type Finding, lint, panelsOf, targetsOf } from "./lint.ts";

const folder = join(import.meta.dirname, "../../grafana/dashboards");

const read = (name: string): Dashboard =>
  DASHBOARD.parse(JSON.parse(readFileSync(join(folder, name), "utf8")));

const committed = new Map(
  readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .map((name) => [name.replace(".json", ""), read(name)]),
);

const EXCLUSIONS = z.object({
  exclusions: z.record(
    z.string(),
    z.object({
      reason: z.string(),
      entries: z.array(z.object({ dashboard: z.string(), panel: z.string().optional() })),
    }),
  ),
});

const { exclusions } = EXCLUSIONS.parse(parse(readFileSync(join(folder, ".lint"), "utf8")));

const isExcluded = (dashboard: string, { rule, panel }: Finding): boolean =>
  exclusions[rule]?.entries.some(
    (entry) => entry.dashboard === dashboard && (entry.panel ?? panel) === panel,
  ) === true;

describe("the dashboards", () => {
  it("are those that are written", () =>
    assert.deepEqual([...committed.keys()].sort(), [...dashboards().keys()].sort()));

  it("keep dashboard-linter's rules, but for what .lint excludes", () => {
    const broken = Array.from(committed.values(), (dashboard) =>
      lint(dashboard)
        .filter((finding) => !isExcluded(dashboard.title, finding))
        .map((finding) => ({ dashboard: dashboard.title, ...finding })),
    );
    assert.deepEqual(broken.flat(), []);
  });

  it("need each exclusion", () => {
    const unneeded = Object.entries(exclusions).flatMap(([rule, { entries }]) =>
      entries.filter(({ dashboard: title, panel }) => {
        const dashboard = [...committed.values()].find((one) => one.title === title);
        const findings = dashboard === undefined ? [] : lint(dashboard);
        return !findings.some((one) => one.rule === rule && (panel ?? one.panel) === one.panel);
      }),
    );
    assert.deepEqual(unneeded, []);
  });

  it("are found broken when they are", () => {
    const mesh = read("mesh.json");
    const [row, first] = structuredClone(mesh.panels);
    assert.ok(row !== undefined && first !== undefined && "targets" in first);
    const panel = {
      ...first,
      title: "",
      datasource: { uid: "p1" },
      fieldConfig: { ...first.fieldConfig, defaults: {} },
      targets: [{ expr: "rate(a_total[5m]) + b_total", refId: "A" }],
    };
    const broken = { ...mesh, editable: true, panels: [row, panel], templating: { list: [] } } as Dashboard;
    assert.deepEqual(new Set(lint(broken).map(({ rule }) => rule)), new Set(BREAKABLE));
  });

  it("have identifiers of their own, and are read-only, tagged, and in the reader's time", () => {
    const uids = Array.from(committed.values(), ({ uid }) => uid);
    assert.equal(new Set(uids).size, uids.length);
    for (const [name, dashboard] of committed) {
      assert.equal(dashboard.uid, `weir-${name}`);
      assert.deepEqual(dashboard.tags, ["weir"]);
      assert.equal(dashboard.timezone, "browser");
      assert.equal(dashboard.editable, false);
      assert.ok(dashboard.description.length > 20, name);
      assert.deepEqual(dashboard.links, [{ type: "dashboards", includeVars: true, keepTime: true }]);
    }
  });

  it("have panels that do not overlap, inside 24 columns, with numbers of their own", () => {
    for (const [name, { panels }] of committed) {
      const ids = panels.map(({ id }) => id);
      assert.equal(new Set(ids).size, ids.length, name);
      const taken = new Set<string>();
      for (const { title = "", gridPos } of panels) {
        assert.ok(gridPos !== undefined && gridPos.x + gridPos.w <= 24, `${name}: ${title}`);
        for (const cell of cellsOf(gridPos)) {
          assert.ok(!taken.has(cell), `${name}: ${title} at ${cell}`);
          taken.add(cell);
        }
      }
    }
  });

  it("fill their rows", () => {
    for (const [name, { panels }] of committed) {
      const lines = Map.groupBy(panels, ({ gridPos }) => gridPos?.y ?? -1);
      for (const [y, line] of lines) {
        const width = line.reduce((sum, { gridPos }) => sum + (gridPos?.w ?? 0), 0);
        assert.equal(width, 24, `${name}, line ${y}: ${line.map(({ title }) => title ?? "").join(", ")}`);
      }
    }
  });

  it("name what links and tables name", () => {
    const uids = new Set(Array.from(committed.values(), ({ uid }) => uid));
    for (const [name, dashboard] of committed) {
      const text = JSON.stringify(dashboard);
      for (const [, uid = ""] of text.matchAll(/"\/d\/([\w-]+)\?/g))
        assert.ok(uids.has(uid), `${name}: ${uid}`);
      for (const [, uid = "", variable = ""] of text.matchAll(/"\/d\/([\w-]+)\?[^"]*?&var-(\w+)=/g)) {
        const target = [...committed.values()].find((one) => one.uid === uid);
        assert.ok(
          target?.templating.list.some((one) => one.name === variable) === true,
          `${uid}: ${variable}`,
        );
      }
      for (const panel of panelsOf(dashboard).filter(({ type }) => type === "table")) checkTable(name, panel);
    }
  });
});

const BREAKABLE = [
  ...["uneditable-dashboard", "template-datasource-rule", "template-job-rule", "template-instance-rule"],
  ...["panel-title-description-rule", "panel-units-rule", "panel-datasource-rule", "target-job-rule"],
  ...["target-instance-rule", "target-rate-interval-rule", "target-counter-agg-rule"],
];

interface Place {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

const cellsOf = ({ x, y, w, h }: Place): readonly string[] =>
  Array.from({ length: w * h }, (_, index) => `${x + (index % w)},${y + Math.floor(index / w)}`);

/** A table's columns are labels by which all its queries group, and its queries' values, all with a heading. */
function checkTable(name: string, panel: ReturnType<typeof panelsOf>[number]): void {
  const organize = panel.transformations?.find(({ id }) => id === "organize");
  const headings = (organize?.options as { renameByName: Record<string, string> }).renameByName;
  const targets = targetsOf(panel);
  const values = Object.keys(headings).filter((column) => column.startsWith("Value"));
  const labels = Object.keys(headings).filter((column) => !column.startsWith("Value"));
  assert.equal(values.length, targets.length, `${name}: ${panel.title ?? ""}`);
  for (const { expr } of targets)
    for (const label of labels)
      assert.match(expr, new RegExp(`by \\([^)]*\\b${label}\\b`), `${name}: ${panel.title ?? ""}`);
  const overridden = panel.fieldConfig?.overrides.map(({ matcher }) => String(matcher.options)) ?? [];
  for (const heading of overridden) assert.ok(Object.values(headings).includes(heading), heading);
}
