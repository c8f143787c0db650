import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Client, credentials, status } from "@grpc/grpc-js";
import { startServer, type RunningServer, type ServerOptions } from "../src/server.ts";
import { formatAddress, type ListenAddress } from "../src/std/listen-address.ts";
import { createLog } from "../src/telemetry/log.ts";
import { CheckResponse } from "../src/wire/envoy/service/auth/v3/external_auth.ts";
import { checkRequest } from "./check/fixture.ts";
import { call } from "./grpc/client.ts";
import { FINISHED, openStream } from "./grpc/stream.ts";
import { encodeMessage } from "./report/encode.ts";
import { inboundRequest, SIDECAR } from "./report/entries.ts";
import { ownFolder, policyText } from "./runtime/folder.ts";
import { requestHttp1 } from "./support/http.ts";
import { until } from "./support/until.ts";

describe("the server", () => {
  const folder = ownFolder();
  const log = createLog("silent");
  const running: RunningServer[] = [];
  afterEach(() => Promise.all(running.splice(0).map((one) => one.stop())));

  const configure = (metrics = "127.0.0.1:0"): Promise<void> =>
    writeFile(
      join(folder.path, "weir.yaml"),
      `weir: 1\nlisten:\n  grpc:\n    address: 127.0.0.1:0\n  metrics:\n    address: ${metrics}\n`,
    );

  async function start(more: Partial<ServerOptions> = {}): Promise<RunningServer> {
    const options = { folders: [folder.path], log, environment: {}, stance: "enforce", ...more } as const;
    const started = await startServer(options);
    if ("kind" in started) return assert.fail("the configuration was refused");
    running.push(started);
    return started;
  }

  const portOf = (address: ListenAddress): number =>
    address.kind === "tcp" ? address.port : assert.fail("no port");

  async function get(server: RunningServer, path: string): Promise<string> {
    const answer = await requestHttp1({ port: portOf(server.listening.metrics) }, { path });
    return `${answer.status} ${answer.body.toString().trim()}`;
  }

  async function check(server: RunningServer): Promise<number | undefined> {
    const client = new Client(formatAddress(server.listening.grpc), credentials.createInsecure());
    try {
      const method = "/envoy.service.auth.v3.Authorization/Check";
      const outcome = await call(client, method, checkRequest({}));
      return "bytes" in outcome ? CheckResponse.decode(outcome.bytes).status?.code : undefined;
    } finally {
      client.close();
    }
  }

  it("answers checks, is ready, and stops, safe twice", async () => {
    await configure();
    await writeFile(join(folder.path, "a.yaml"), policyText("a"));
    const server = await start();
    assert.equal(await check(server), 0);
    assert.equal(await get(server, "/readyz"), "200 ready");
    assert.match(
      await get(server, "/metrics"),
      /^weir_checks_total\{policy="a",rule="one",verdict="allow"\} 1$/m,
    );
    await Promise.all([server.stop(), server.stop()]);
    await assert.rejects(get(server, "/healthz"), { code: "ECONNREFUSED" });
  });

  it("takes up files that change, and keeps the last good ones", async () => {
    await configure();
    const server = await start();
    assert.equal(await check(server), 7);
    await writeFile(join(folder.path, "a.yaml"), policyText("a"));
    await until(async () => (await check(server)) === 0, { what: "the new policy to be live" });
    await writeFile(join(folder.path, "a.yaml"), "weir: 1\npolicy: a\n");
    assert.equal((await server.reload()).kind, "refused");
    assert.equal(await check(server), 0);
  });

  describe("with handlers that take records", () => {
    const clients: Client[] = [];
    afterEach(() => {
      for (const client of clients.splice(0)) client.close();
    });

    const connect = (server: RunningServer): Client => {
      const client = new Client(formatAddress(server.listening.grpc), credentials.createInsecure());
      clients.push(client);
      return client;
    };

    const STREAM = "/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs";

    /** One handler of metrics, whose key is `expireAfter`, and a policy that sends it everything. */
    async function configureReports(expireAfter = "1h", more = ""): Promise<void> {
      const handler = `mesh: { adapter: prometheus, config: { names: istio, expireAfter: ${expireAfter} }${more} }`;
      const listen = "{ grpc: { address: 127.0.0.1:0 }, metrics: { address: 127.0.0.1:0 } }";
      await writeFile(
        join(folder.path, "weir.yaml"),
        `weir: 1\nlisten: ${listen}\nhandlers:\n  ${handler}\n`,
      );
      const rules = "telemetry:\n  - { id: metrics, to: mesh, preset: istio }\n";
      await writeFile(join(folder.path, "mesh.yaml"), `weir: 1\npolicy: mesh\nmatch: everything\n${rules}`);
    }

    const entries = (count: number): Buffer =>
      encodeMessage({
        identifier: { ...SIDECAR },
        http: Array.from({ length: count }, (_, index) => inboundRequest(index)),
      });

    const requestsIn = (page: string): number =>
      Array.from(page.matchAll(/^istio_requests_total\{.*\} (\d+)/gm), ([, value]) => Number(value)).reduce(
        (sum, one) => sum + one,
        0,
      );

    const counted = (server: RunningServer, count: number): Promise<unknown> =>
      until(async () => requestsIn(await get(server, "/metrics/mesh")) === count, {
        what: `${count} requests in Istio's metrics`,
      });

    it("takes in access logs, and accounts for them", async () => {
      await configureReports();
      const server = await start();
      const stream = openStream(connect(server), STREAM);
      stream.call.write(entries(7));
      await counted(server, 7);
      const page = await get(server, "/metrics");
      for (const line of [
        'weir_report_streams{via="als_http"} 1',
        'weir_report_received_total{via="als_http"} 7',
        "weir_report_unwanted_total 0",
        'weir_report_records_total{handler="mesh",outcome="delivered"} 7',
        'weir_report_entries_unwanted_total{handler="mesh"} 0',
        'weir_report_queued_records{handler="mesh"} 0',
        'weir_report_queue_capacity_records{handler="mesh"} 10000',
      ])
        assert.ok(page.includes(`${line}\n`), line);
      assert.match(await get(server, "/metrics/other"), /^404 .*there is \/metrics\/mesh$/);
    });

    it("ends endless streams with OK when it stops, and delivers what waits", async () => {
      await configureReports();
      const server = await start();
      const streams = [1, 2, 3].map(() => openStream(connect(server), STREAM));
      for (const { call: one } of streams) one.write(entries(2));
      await counted(server, 6);
      await server.stop();
      const outcomes = await Promise.all(streams.map(({ outcome }) => outcome));
      assert.deepEqual(outcomes, [FINISHED, FINISHED, FINISHED]);
    });

    it("keeps a handler that has not changed through a reload, and loses no record when one has", async () => {
      await configureReports();
      const server = await start();
      const stream = openStream(connect(server), STREAM);
      stream.call.write(entries(5));
      await counted(server, 5);
      await configureReports("1h", ", queue: { capacity: 77, batch: 7 }");
      assert.equal((await server.reload()).kind, "live");
      assert.match(
        await get(server, "/metrics"),
        /^weir_report_queue_capacity_records\{handler="mesh"\} 77$/m,
      );
      stream.call.write(entries(5));
      await counted(server, 10);
      await configureReports("2h", ", queue: { capacity: 78, wait: 50ms }");
      stream.call.write(entries(50));
      assert.equal((await server.reload()).kind, "live");
      stream.call.write(entries(50));
      const delivered = /^weir_report_records_total\{handler="mesh",outcome="delivered"\} 110$/m;
      await until(async () => delivered.test(await get(server, "/metrics")), { what: "all records" });
    });

    it("answers those services alone that it is told to", async () => {
      await configureReports();
      const server = await start({ serves: new Set(["report"]) });
      const refused = await call(
        connect(server),
        "/envoy.service.auth.v3.Authorization/Check",
        checkRequest({}),
      );
      assert.ok("code" in refused && refused.code === status.UNIMPLEMENTED);
      const stream = openStream(connect(server), STREAM);
      stream.call.end();
      assert.deepEqual(await stream.outcome, FINISHED);
      assert.equal(await get(server, "/readyz"), "200 ready");
      const checks = await start({ serves: new Set(["check", "quota"]) });
      const unknown = await openStream(connect(checks), STREAM).outcome;
      assert.ok("code" in unknown && unknown.code === status.UNIMPLEMENTED);
    });
  });

  it("does not start with a configuration that is refused", async () => {
    await writeFile(join(folder.path, "a.yaml"), "weir: 1\npolicy: a\n");
    const refused = await startServer({ folders: [folder.path], log, environment: {}, stance: "enforce" });
    assert.ok("kind" in refused && refused.diagnostics.length > 0);
  });

  it("leaves nothing open when a listener cannot be bound", async () => {
    await configure();
    const first = await start();
    const taken = formatAddress(first.listening.metrics);
    await configure(taken);
    await assert.rejects(
      startServer({ folders: [folder.path], log, environment: {}, stance: "enforce" }),
      /cannot listen on/,
    );
    assert.equal(await get(first, "/healthz"), "200 ok");
  });
});
