import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import http2 from "node:http2";
import { Client, credentials, status } from "@grpc/grpc-js";
import { CHECK_PATH, checkRequest, MEASURED } from "../bench/request.ts";
import { call } from "../grpc/client.ts";
import { withCommon } from "../report/described.ts";
import { encodeMessage, time } from "../report/encode.ts";
import { inboundRequest, SIDECAR } from "../report/entries.ts";
import { requests, startReporting, sumOf, type Reporting } from "../support/reporting.ts";
import { until } from "../support/until.ts";

/** `hosts` has a counter by host, `mesh` the preset's metrics by host; each has the requests of one method. */
const HANDLERS = `  hosts:
    adapter: prometheus
    config:
      maxSeries: 10000
      metrics:
        hosts: { kind: counter, help: Requests by host., labels: [host] }
  mesh:
    adapter: prometheus
    config: { names: istio, labels: [host] }
`;
const TELEMETRY = `  - id: hosts
    to: hosts
    when: request.method == "GET"
    with:
      metric: hosts
      host: \${request.host}
  - id: mesh
    to: mesh
    preset: istio
    when: request.method == "POST"
    with:
      host: \${request.host}
`;

/** Envoy's numbers of methods. */
const METHODS = { GET: 1, POST: 3 } as const;

/** Of `count` hosts from `first` on, a request each. */
const hosts = (method: keyof typeof METHODS, count: number, first = 0): Buffer =>
  encodeMessage({
    identifier: SIDECAR,
    http: Array.from({ length: count }, (_, index) => {
      const { request, ...whole } = inboundRequest();
      const authority = `h${first + index}.example.com`;
      return { ...whole, request: { ...request, requestMethod: METHODS[method], authority } };
    }),
  });

describe("access logs beyond what is usual", () => {
  const open = new AsyncDisposableStack();
  let reporting: Reporting;
  /** Entries so far, with what was none. */
  let received = 0;

  before(async () => {
    reporting = await startReporting({ handlers: HANDLERS, telemetry: TELEMETRY }, open);
  });
  after(() => open.disposeAsync());

  const page = async (handler: string): Promise<string> => {
    const request = http.get({
      port: reporting.weir.metricsPort,
      host: "127.0.0.1",
      path: `/metrics/${handler}`,
    });
    const [response] = (await once(request, "response")) as [http.IncomingMessage];
    return (await response.setEncoding("latin1").toArray()).join("");
  };

  it("with 12,000 hosts are all counted, those beyond the bound together, and the label is named", async () => {
    const stream = reporting.stream();
    for (let first = 0; first < 12_000; first += 500) await stream.send(hosts("GET", 500, first));
    assert.equal(await stream.finish(), status.OK);
    await reporting.settled((received += 12_000));

    const text = await page("hosts");
    const counts = Array.from(
      text.matchAll(/^hosts_total\{host="([^"]*)"\} (\d+)$/gm),
      ([, host, count]) => [host, Number(count)] as const,
    );
    // With the one that stands for all others.
    assert.equal(counts.length, 10_001);
    assert.equal(
      counts.reduce((sum, [, count]) => sum + count, 0),
      12_000,
    );
    assert.equal(new Map(counts).get("__overflow__"), 2_000);
    const overflow = [...(await reporting.weir.metrics())].filter(([name]) =>
      name.startsWith("weir_prometheus_overflow_total{"),
    );
    assert.deepEqual(
      overflow.map(([name, count]) => [/label="(\w+)"/.exec(name)?.[1], count]),
      [["host", 2_000]],
    );
    const told = reporting.weir.log().find(({ msg }) => String(msg).startsWith("no more series"));
    assert.equal(told?.["label"], "host");
  });

  it("from clocks an hour off are counted like others, and the clocks are told of", async () => {
    const at = (offsetMs: number) => withCommon(inboundRequest(), { startTime: time(Date.now() + offsetMs) });
    const before = await page("hosts");
    const stream = reporting.stream();
    const hourMs = 3_600_000;
    await stream.send({ identifier: SIDECAR, http: [at(hourMs), at(hourMs), at(-hourMs), at(0)] });
    assert.equal(await stream.finish(), status.OK);
    await reporting.settled((received += 4));
    const countIn = (text: string): number =>
      Array.from(text.matchAll(/^hosts_total\{.*\} (\d+)$/gm), ([, count]) => Number(count)).reduce(
        (sum, one) => sum + one,
        0,
      );
    assert.equal(countIn(await page("hosts")) - countIn(before), 4);
    assert.equal(await reporting.weir.metric('weir_report_skewed_total{direction="future"}'), 2);
  });

  it("cut off in the middle of a message take nothing with them", async () => {
    const others = reporting.stream();
    await others.send(requests(10));
    await reporting.settled((received += 10));
    const whole = requests(100);
    const frame = Buffer.alloc(5);
    frame.writeUInt32BE(whole.length, 1);
    const session = http2.connect(`http://127.0.0.1:${reporting.port}`);
    const cut = session.request({
      ":method": "POST",
      ":path": "/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs",
      "content-type": "application/grpc",
      te: "trailers",
    });
    cut.on("error", () => undefined);
    cut.write(Buffer.concat([frame, whole, frame, whole.subarray(0, 700)]));
    // All of the first message is there.
    await until(async () => sumOf((await reporting.account()).received) >= received + 100, {
      what: "the first message",
    });
    session.destroy();
    await until(async () => sumOf((await reporting.account()).streams) === 1, {
      what: "the stream to be gone",
    });
    await others.send(requests(10));
    assert.equal(await others.finish(), status.OK);
    await reporting.settled((received += 110));
  });

  it("too large for one message end their stream alone, and are counted as such", async () => {
    const [large, other] = [reporting.stream(), reporting.stream()];
    await large.send(requests(10));
    await large.send(Buffer.alloc(64 * 1024 * 1024 + 1));
    assert.equal(await large.ended, status.RESOURCE_EXHAUSTED);
    await other.send(requests(10));
    assert.equal(await other.finish(), status.OK);
    const { invalid } = await reporting.settled((received += 21));
    assert.deepEqual(invalid, { "als_http too_large": 1 });
  });

  it("are taken, and checks answered, while 50 MB of metrics are scraped", async function () {
    this.timeout(60_000);
    const sets = reporting.stream();
    for (let first = 0; first < 900; first += 100) await sets.send(hosts("POST", 100, first));
    await reporting.settled((received += 900));

    const client = new Client(`127.0.0.1:${reporting.port}`, credentials.createInsecure());
    open.defer(() => client.close());
    const question = checkRequest(MEASURED);
    let phase: "scraped" | "over" = "scraped";
    const slowest = async (): Promise<{ readonly checks: number; readonly slowestMs: number }> => {
      let [checks, slowestMs] = [0, 0];
      while (phase === "scraped") {
        const begunMs = performance.now();
        const outcome = await call(client, CHECK_PATH, question, { deadline: Date.now() + 5_000 });
        slowestMs = Math.max(slowestMs, performance.now() - begunMs);
        assert.ok("bytes" in outcome && outcome.bytes[1] === 0, "an allow");
        checks++;
      }
      return { checks, slowestMs };
    };
    const message = requests(50);
    const sending = async (): Promise<number> => {
      let sent = 0;
      for (; phase === "scraped"; sent += 50) {
        await sets.send(message);
      }
      return sent;
    };
    const under = Promise.all([slowest(), sending()]);
    const text = await page("mesh");
    phase = "over";
    const [{ checks, slowestMs }, sent] = await under;
    assert.ok(text.length > 50_000_000, String(text.length));
    assert.ok(checks > 20 && slowestMs < 1_000, `${checks} checks, the slowest took ${slowestMs} ms`);
    assert.equal(await sets.finish(), status.OK);
    const { shed, handlers } = await reporting.settled((received += sent));
    assert.deepEqual([sumOf(shed), ...handlers.map(({ dropped }) => sumOf(dropped))], [0, 0, 0]);
  });
});
