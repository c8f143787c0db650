import assert from "node:assert/strict";
import { allQueries } from "../../grafana/src/queries.ts";
import { ISTIO_QUERIES, KIALI_QUERIES } from "./fixtures.ts";
import { knownMetrics, type Known } from "./known-metrics.ts";
import { namesIn } from "./promql.ts";
import { VALUES } from "./values.ts";

/** What of a query decides what it shows. */
interface Content {
  readonly metrics: ReadonlySet<string>;
  readonly grouping: ReadonlySet<string>;
  readonly quantile: string;
}

function contentOf(expression: string): Content {
  const { selectors, grouping } = namesIn(expression.replaceAll("$__", "__"));
  // Mixer's histograms of seconds stand beside those of milliseconds.
  const metrics = selectors.map(({ metric }) => metric).filter((metric) => !metric.includes("_seconds_"));
  const quantile = /histogram_quantile\(([\d.]+)/.exec(expression)?.[1] ?? "";
  return { metrics: new Set(metrics), grouping: new Set(grouping), quantile: String(Number(quantile)) };
}

describe("the dashboards of the mesh", () => {
  const ours = Map.groupBy(allQueries({ ...VALUES, prefix: "istio_" }), ({ of }) => of.split(":")[0] ?? "");
  const panels = ISTIO_QUERIES.filter(({ row }) => row !== "variables");

  it("are compared with all of Istio's", () => {
    assert.ok(panels.length > 140, String(panels.length));
    assert.ok(ISTIO_QUERIES.length > panels.length);
  });

  for (const [dashboard, queries] of Map.groupBy(panels, (one) => one.dashboard)) {
    it(`show whatever Istio's show: ${dashboard}`, () => {
      // Its performance dashboard is of containers, but for the bytes that pass.
      const own = (ours.get(dashboard === "performance" ? "mesh" : dashboard) ?? []).map(({ expression }) =>
        contentOf(expression),
      );
      const lacking = queries.filter(({ expression }) => {
        const wanted = contentOf(expression);
        return Array.from(wanted.metrics).some(
          (metric) =>
            !own.some(
              ({ metrics, grouping, quantile }) =>
                metrics.has(metric) && wanted.grouping.isSubsetOf(grouping) && quantile === wanted.quantile,
            ),
        );
      });
      assert.deepEqual(lacking, []);
    });
  }
});

describe("the queries of Istio's dashboards and of Kiali", () => {
  let known: Known;
  before(async () => {
    known = await knownMetrics();
  });

  // A label of the scraped target, which no metric of the mesh has.
  const OF_TARGETS = "app";

  it("name metrics and labels that the mesh has", () => {
    const unknown = [...ISTIO_QUERIES, ...KIALI_QUERIES].flatMap(({ expression }) =>
      namesIn(expression.replaceAll("$__", "__")).selectors.flatMap(({ metric, matchers }) => {
        if (metric.includes("_seconds_")) return [];
        const labels = known.get(metric)?.labels;
        if (labels === undefined) return [metric];
        return matchers
          .filter(({ label }) => label !== OF_TARGETS && !labels.has(label))
          .map(({ label }) => `${metric}{${label}}`);
      }),
    );
    assert.deepEqual(unknown, []);
  });

  it("are many", () => assert.ok(KIALI_QUERIES.length > 50, String(KIALI_QUERIES.length)));
});
