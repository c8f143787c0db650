import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { sendSlices } from "../../src/http/slices.ts";
import { HTTP, httpLabels, measured, SMALL } from "../adapters/prometheus/families.ts";
import { created, page, reported, type Subject } from "../adapters/prometheus/scraping.ts";
import type { Found } from "../servers/ensure.ts";
import { need } from "../support/need.ts";
import { runPromtool, startPrometheus, type RunningPrometheus } from "../support/prometheus.ts";

/** Labels that a page has to be careful with; Prometheus keeps none that is empty. */
const STRANGE = [
  "a,b|c",
  'a"b\\c\nd',
  "grün 😀",
  "half \ud800 a pair",
  '{le="1"} 5 # {}',
  "tab\tnul\0bell\x07",
  "\x7f\u2028",
];
const TRACE = { traceId: "4bf92f3577b34da6a3ce929d0e0e4736", spanId: "00f067aa0ba902b7" };

describe("the prometheus handler's page in a real Prometheus", function () {
  this.timeout(60_000);
  let program: Found;
  let server: Server;
  let prometheus: RunningPrometheus;
  let subject: Subject;
  let asked: readonly (readonly [type: string, encoding: string])[] = [];

  before(async function () {
    program = await need(this, "prometheus");
    subject = created({ names: "istio", maxSeries: 50 });
    const observedAtMs = Date.now();
    for (const [index, a] of STRANGE.entries()) {
      reported(subject, measured({ labels: [a, ""], values: [index + 1, 5], trace: TRACE, observedAtMs }));
    }
    for (let index = 0; index < 100; index++) {
      const values = [1, 12.5, 700, 3_000_000, undefined, 2];
      reported(subject, measured({ family: HTTP, labels: httpLabels(index), values }));
    }
    server = createServer((request, response) => {
      const accept = request.url === "/text" ? "" : (request.headers.accept ?? "");
      const acceptEncoding = request.url === "/text" ? "" : String(request.headers["accept-encoding"]);
      const exposition = subject.handler.expose?.({ accept, acceptEncoding });
      assert.ok(exposition !== undefined);
      asked = [...asked.slice(-10), [exposition.contentType.split(";")[0] ?? "", exposition.contentEncoding]];
      response.setHeader("content-type", exposition.contentType);
      if (exposition.contentEncoding !== "")
        response.setHeader("content-encoding", exposition.contentEncoding);
      sendSlices(response, exposition.slices).catch(() => undefined);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    prometheus = await startPrometheus(program, {
      scrape: { openmetrics: { port, path: "/metrics" }, text: { port, path: "/text" } },
    });
    await prometheus.scraped();
  });
  after(async () => {
    await prometheus.stop();
    server.close();
    server.closeAllConnections();
    await once(server, "close");
  });

  it("is taken in both formats, compressed and not", () => {
    assert.ok(
      asked.some(([type, encoding]) => type === "application/openmetrics-text" && encoding === "gzip"),
    );
    assert.ok(asked.some(([type, encoding]) => type === "text/plain" && encoding === ""));
    assert.doesNotMatch(prometheus.logs(), /duplicate|out-of-order|Error on ingesting/i);
  });

  for (const job of ["openmetrics", "text"]) {
    it(`keeps every label as it was, from ${job}`, async () => {
      const samples = await prometheus.query(`sum by (a) (istio_visits_total{job="${job}"})`);
      const found = new Map(samples.map(({ labels, value }) => [labels["a"], value]));
      assert.deepEqual(found, new Map(STRANGE.map((a, index) => [a.toWellFormed(), index + 1])));
    });

    it(`has exact totals, with what had no place in the overflow, from ${job}`, async () => {
      const one = async (query: string): Promise<number | undefined> =>
        (await prometheus.query(query))[0]?.value;
      assert.equal(await one(`sum(istio_requests_total{job="${job}"})`), 100);
      assert.equal(await one(`sum(istio_response_messages_total{job="${job}"})`), 200);
      const overflow = `istio_requests_total{job="${job}",destination_service="__overflow__",reporter="destination",response_code="200"}`;
      assert.equal(await one(overflow), 100 - (50 - STRANGE.length));
      assert.equal(await one(`sum(istio_request_duration_milliseconds_sum{job="${job}"})`), 1_250);
      assert.equal(
        await one(
          `histogram_quantile(0.5, sum by (le) (istio_request_duration_milliseconds_bucket{job="${job}"}))`,
        ),
        17.5,
      );
      assert.equal(await one(`count(istio_request_messages_total{job="${job}"})`), undefined);
      assert.equal(
        await one(`count(istio_request_bytes_bucket{job="${job}",le="+Inf"})`),
        51 - STRANGE.length,
      );
    });
  }

  it("brings the requests to see numbers by", async () => {
    const exemplars = await prometheus.exemplars("istio_size_bytes_bucket");
    assert.equal(exemplars.length, STRANGE.length);
    for (const { labels, value, series } of exemplars) {
      assert.deepEqual([labels, value], [{ trace_id: TRACE.traceId, span_id: TRACE.spanId }, 5]);
      assert.equal(series["le"], "10.0");
    }
    assert.equal((await prometheus.exemplars("istio_visits_total")).length, STRANGE.length);
  });

  it("has nothing that promtool complains of but Istio's milliseconds", async () => {
    const small = created();
    reported(small, measured({}), measured({ family: { ...SMALL, id: "b", labels: [] }, labels: [] }));
    assert.deepEqual((await runPromtool(program, ["check", "metrics"], await page(small))).kind, "succeeded");
    const checked = await runPromtool(program, ["check", "metrics"], await page(subject));
    assert.ok(checked.kind === "failed" && checked.code === 3, JSON.stringify(checked));
    assert.match(
      checked.stderr.trim(),
      /^istio_request_duration_milliseconds use base unit "seconds"[^\n]*$/,
    );
  });
});
