import assert from "node:assert/strict";
import { measured, SMALL } from "./families.ts";
import { created, page, reported } from "./scraping.ts";

const TRACE = { traceId: "4bf92f3577b34da6a3ce929d0e0e4736", spanId: "00f067aa0ba902b7" };
const OPENMETRICS = "application/openmetrics-text; version=1.0.0";

const subjectWith = (config: object = {}): ReturnType<typeof created> => {
  const subject = created({ metrics: { size_of: { kind: "counter", help: "X." } }, ...config });
  reported(
    subject,
    measured({ labels: ['a"\\\n', "ü"], values: [1, 0.25], trace: TRACE, observedAtMs: 1_700_000_000_001 }),
    measured({ labels: ['a"\\\n', "ü"], values: [1e21, 5], observedAtMs: 1_700_000_005_000 }),
    measured({ labels: ["", ""], values: [0, undefined] }),
    measured({ labels: ["", "1"], values: [undefined, 1e300] }),
  );
  return subject;
};

describe("the lines of a page", () => {
  it("are Prometheus' text format", async () => {
    assert.deepEqual((await page(subjectWith())).split("\n"), [
      "# HELP weir_mesh_visits_total Visits.",
      "# TYPE weir_mesh_visits_total counter",
      'weir_mesh_visits_total{a="a\\"\\\\\\n",b="ü"} 1e+21',
      "weir_mesh_visits_total{} 0",
      '# HELP weir_mesh_size_bytes Sizes: "all"\\nof \\\\ them.',
      "# TYPE weir_mesh_size_bytes histogram",
      'weir_mesh_size_bytes_bucket{a="a\\"\\\\\\n",b="ü",le="1"} 1',
      'weir_mesh_size_bytes_bucket{a="a\\"\\\\\\n",b="ü",le="10"} 2',
      'weir_mesh_size_bytes_bucket{a="a\\"\\\\\\n",b="ü",le="+Inf"} 2',
      'weir_mesh_size_bytes_sum{a="a\\"\\\\\\n",b="ü"} 5.25',
      'weir_mesh_size_bytes_count{a="a\\"\\\\\\n",b="ü"} 2',
      'weir_mesh_size_bytes_bucket{b="1",le="1"} 0',
      'weir_mesh_size_bytes_bucket{b="1",le="10"} 0',
      'weir_mesh_size_bytes_bucket{b="1",le="+Inf"} 1',
      'weir_mesh_size_bytes_sum{b="1"} 1e+300',
      'weir_mesh_size_bytes_count{b="1"} 1',
      "",
    ]);
  });

  it("are OpenMetrics, with the requests to see a number by", async () => {
    const exemplar = `# {trace_id="${TRACE.traceId}",span_id="${TRACE.spanId}"}`;
    assert.deepEqual((await page(subjectWith(), OPENMETRICS)).split("\n"), [
      "# HELP weir_mesh_visits Visits.",
      "# TYPE weir_mesh_visits counter",
      `weir_mesh_visits_total{a="a\\"\\\\\\n",b="ü"} 1e+21 ${exemplar} 1 1700000000.001`,
      "weir_mesh_visits_total{} 0",
      '# HELP weir_mesh_size_bytes Sizes: \\"all\\"\\nof \\\\ them.',
      "# TYPE weir_mesh_size_bytes histogram",
      `weir_mesh_size_bytes_bucket{a="a\\"\\\\\\n",b="ü",le="1.0"} 1 ${exemplar} 0.25 1700000000.001`,
      'weir_mesh_size_bytes_bucket{a="a\\"\\\\\\n",b="ü",le="10.0"} 2',
      'weir_mesh_size_bytes_bucket{a="a\\"\\\\\\n",b="ü",le="+Inf"} 2',
      'weir_mesh_size_bytes_sum{a="a\\"\\\\\\n",b="ü"} 5.25',
      'weir_mesh_size_bytes_count{a="a\\"\\\\\\n",b="ü"} 2',
      'weir_mesh_size_bytes_bucket{b="1",le="1.0"} 0',
      'weir_mesh_size_bytes_bucket{b="1",le="10.0"} 0',
      'weir_mesh_size_bytes_bucket{b="1",le="+Inf"} 1',
      'weir_mesh_size_bytes_sum{b="1"} 1e+300',
      'weir_mesh_size_bytes_count{b="1"} 1',
      "# EOF",
      "",
    ]);
    assert.doesNotMatch(await page(subjectWith({ exemplars: false }), OPENMETRICS), /trace_id/);
  });

  it("have OpenMetrics' bounds as Go writes floats", async () => {
    const subject = created();
    const bounds = [0.00005, 0.5, 1, 250, 100_000, 3_600_000, 1e21];
    const family = { ...SMALL, metrics: [{ name: "x", help: "X.", kind: "histogram" as const, bounds }] };
    reported(subject, measured({ family, values: [1] }));
    const les = async (accept: string): Promise<readonly (string | undefined)[]> =>
      Array.from((await page(subject, accept)).matchAll(/le="([^"]*)"/g), ([, le]) => le);
    assert.deepEqual(await les(OPENMETRICS), [
      "5e-05",
      "0.5",
      "1.0",
      "250.0",
      "100000.0",
      "3.6e+06",
      "1e+21",
      "+Inf",
    ]);
    assert.deepEqual(await les(""), ["0.00005", "0.5", "1", "250", "100000", "3600000", "1e+21", "+Inf"]);
  });

  it("say what a metric is once, though two families have it", async () => {
    const subject = created();
    const other = { ...SMALL, id: "other", labels: ["c"] };
    reported(subject, measured({}), measured({ family: other, labels: ["z"] }));
    const text = await page(subject);
    assert.equal(text.match(/# TYPE weir_mesh_visits_total/g)?.length, 1);
    assert.match(
      text,
      /counter\nweir_mesh_visits_total\{a="x",b="y"\} 1\nweir_mesh_visits_total\{c="z"\} 1\n#/,
    );
  });

  it("are none where nothing was counted", async () => {
    assert.equal(await page(created()), "");
    assert.equal(await page(created(), OPENMETRICS), "# EOF\n");
  });
});
