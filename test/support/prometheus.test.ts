import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Found } from "../servers/ensure.ts";
import { need } from "./need.ts";
import { runPromtool, startPrometheus, type RunningPrometheus } from "./prometheus.ts";

const RULES = `
groups:
  - name: doubled
    rules:
      - { record: "doubled", expr: "2 * visits_total" }
`;

describe("a Prometheus for tests", function () {
  this.timeout(60_000);
  let program: Found;
  let page: Server;
  let prometheus: RunningPrometheus;
  let text = "# HELP visits_total Visits.\n# TYPE visits_total counter\n";
  before(async function () {
    program = await need(this, "prometheus");
    page = createServer((_, response) =>
      response.setHeader("content-type", "text/plain; version=0.0.4").end(text),
    );
    page.listen(0, "127.0.0.1");
    await once(page, "listening");
    const { port } = page.address() as AddressInfo;
    prometheus = await startPrometheus(program, { scrape: { page: { port, path: "/m" } }, rules: [RULES] });
  });
  after(async () => {
    await prometheus.stop();
    page.close();
    page.closeAllConnections();
    await once(page, "close");
  });

  it("scrapes, answers queries and evaluates rules", async () => {
    text += 'visits_total{by="a"} 3\nvisits_total{by="b"} +Inf\n';
    await prometheus.scraped(2);
    const [a, b] = await prometheus.query('sort(visits_total{job="page"})');
    assert.equal(a?.labels["by"], "a");
    assert.deepEqual([a.value, b?.value], [3, Infinity]);
    assert.deepEqual(await prometheus.query("scalar(sum(doubled))"), [{ labels: {}, value: Infinity }]);
    assert.deepEqual(await prometheus.targets(), [{ job: "page", health: "up", lastError: "" }]);
    assert.deepEqual(await prometheus.exemplars("visits_total"), []);
  });

  it("says in Prometheus' words what is wrong with a query or a page", async () => {
    await assert.rejects(prometheus.query("sum("), /parse error/);
    text = "visits_total{by=a} 1\n";
    await assert.rejects(prometheus.scraped(), /page: .*expected/);
  });

  it("has promtool beside it", async () => {
    const good = await runPromtool(
      program,
      ["check", "metrics"],
      "# HELP a_total A.\n# TYPE a_total counter\na_total 1\n",
    );
    assert.equal(good.kind, "succeeded");
    const bad = await runPromtool(program, ["check", "metrics"], "# TYPE a counter\na 1\n");
    assert.ok(bad.kind === "failed" && /_total/.test(bad.stderr), JSON.stringify(bad));
  });
});
