import assert from "node:assert/strict";
import { allQueries, withValues } from "../../grafana/src/queries.ts";
import { knownMetrics, type Known } from "./known-metrics.ts";
import { namesIn } from "./promql.ts";
import { VALUES } from "./values.ts";

/** Labels that Prometheus gives to whatever it scrapes, and the name itself. */
const GIVEN = ["job", "instance", "__name__"];

describe("the queries of dashboards and rules", () => {
  let known: Known;
  before(async () => {
    known = await knownMetrics();
  });

  const queries = ["weir_mesh_", "istio_"].flatMap((prefix) => allQueries({ ...VALUES, prefix }));

  it("are many, from every kind of place", () => {
    assert.ok(queries.length > 500, String(queries.length));
    for (const part of ["mesh: ", "service: $", "rule ", "alert ", "decisions: New configuration"])
      assert.ok(
        queries.some(({ of }) => of.startsWith(part)),
        part,
      );
  });

  it("name metrics that there are", () => {
    const names = queries.flatMap(({ of, expression }) =>
      namesIn(expression).selectors.map(({ metric }) => ({ of, metric })),
    );
    const unknown = names.filter(({ metric }) => metric !== "" && !known.has(metric));
    assert.deepEqual(unknown, []);
  });

  it("select by labels that the metrics have", () => {
    const unknown = queries.flatMap(({ of, expression }) =>
      namesIn(expression).selectors.flatMap(({ metric, matchers }) =>
        matchers
          .filter(
            ({ label }) =>
              metric !== "" && !GIVEN.includes(label) && known.get(metric)?.labels.has(label) !== true,
          )
          .map(({ label }) => `${of}: ${metric}{${label}}`),
      ),
    );
    assert.deepEqual(unknown, []);
  });

  it("group by labels that some metric in them has", () => {
    const unknown = queries.flatMap(({ of, expression }) => {
      const { selectors, grouping } = namesIn(expression);
      const labels = new Set([
        ...GIVEN,
        ...selectors.flatMap(({ metric }) => [...(known.get(metric)?.labels ?? [])]),
      ]);
      return grouping.filter((label) => !labels.has(label)).map((label) => `${of}: by ${label}`);
    });
    assert.deepEqual(unknown, []);
  });

  it("take counters by what they grow", () => {
    const BY_GROWTH = new Set(["rate", "increase"]);
    const bare = queries.flatMap(({ of, expression }) =>
      namesIn(expression)
        .selectors.filter(({ metric }) => known.get(metric)?.kind === "counter")
        .filter(({ range, within }) => range === undefined || !BY_GROWTH.has(within))
        .map(({ metric }) => `${of}: ${metric}`),
    );
    // Variables only list labels. The account adds up what there was since the process began, and alerts on first events look whether a series was there before.
    const summed =
      /^(\w+: \$\w+|adapters: Unaccounted|alert (WeirReportUnaccounted|WeirInternalErrors|WeirRecordsLost|WeirCertificateRefused|WeirSettlementsForged|WeirSeriesOverflow)): /;
    assert.deepEqual(
      bare.filter((one) => !summed.test(one)),
      [],
    );
  });

  it("have a value for every variable, or are refused", () => {
    assert.throws(
      () => allQueries({ ...VALUES, handler: undefined } as never),
      /\$handler of .* has no value/,
    );
    assert.equal(withValues("a${b}c$d ${b:regex}", { b: "1", d: "2" }), "a1c2 1");
  });
});
