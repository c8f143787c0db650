import assert from "node:assert/strict";
import { until } from "../support/until.ts";
import { startEntries, type Received } from "../support/entries.ts";
import { requestHttp1 } from "../support/http.ts";
import { need } from "../support/need.ts";
import { ALL_WELL, checkWith, framed, printedFor, serveFiles, startFramed } from "../support/printed.ts";
import { startUpstream } from "../support/upstream.ts";
import { removeFolder, serverFile, writeFolder } from "../support/weir.ts";

const FILES = {
  "weir.yaml": serverFile("127.0.0.1:9191", "handlers: { console: { adapter: stdout } }\n"),
  "mesh.yaml": `weir: 1
policy: mesh
match: everything
telemetry:
  - id: all
    to: console
    preset: access-log
    when: '!("x-kind" in request.headers) || request.headers["x-kind"] == "a"'
    with: { tls: '\${upstream.tls_version}' }
`,
};

const LINES = serverFile("127.0.0.1:0", "handlers: { console: { adapter: stdout } }\n");
const PLAIN = `weir: 1
policy: mesh
match: everything
telemetry:
  - id: all
    to: console
    with: { method: '\${request.method}', status: '\${string(response.code)}' }
`;

describe("the loggers that weir envoy prints, in a real Envoy", () => {
  const open = new AsyncDisposableStack();
  after(() => open.disposeAsync());

  const WAYS = [
    ["als", []],
    ["otlp", ["--otlp"]],
  ] as const;

  for (const [what, parameters] of WAYS) {
    it(`make weir write lines of what comes by way of ${what}`, async function () {
      const program = await need(this, "envoy");
      const upstream = open.adopt(await startUpstream(), (started) => started.stop());
      const { folder, weir } = await serveFiles({ ...FILES, "weir.yaml": LINES, "mesh.yaml": PLAIN }, open);
      const printed = await printedFor(folder, { at: weir.checks, parameters });
      const envoy = await startFramed({ program, config: framed({ printed, upstream }) }, open);
      await requestHttp1({ port: envoy.port("web") }, { path: "/orders/7?token=x" });
      const line = await until(
        () =>
          weir.process
            .output()
            .split("\n")
            .find((one) => one.includes("mesh/all")),
        {
          timeoutMs: 10_000,
          what: "a line of the request",
        },
      );
      const { method, status, time, rule } = JSON.parse(line) as Readonly<Record<string, unknown>>;
      assert.deepEqual([method, status, rule], ["GET", "200", "mesh/all"]);
      assert.ok(Math.abs(Date.parse(String(time)) - Date.now()) < 60_000);
      const via = what === "als" ? "als_http" : "otlp";
      assert.equal(await weir.metric(`weir_report_received_total{via="${via}"}`), 1);
    });
    it(`send requests and connections by way of ${what}, and nothing is found to be missing`, async function () {
      const program = await need(this, "envoy");
      const upstream = open.adopt(await startUpstream(), (started) => started.stop());
      const received: Received = { als: [], otlp: [], invalid: [] };
      const port = await startEntries(received, open);
      const folder = open.adopt(await writeFolder(FILES), removeFolder);
      const printed = await printedFor(folder, { at: { host: "127.0.0.1", port }, parameters });
      const config = framed({ printed, upstream });
      assert.deepEqual(await checkWith(folder, config), ALL_WELL);
      const envoy = await startFramed({ program, config }, open);
      await requestHttp1({ port: envoy.port("web") }, { path: "/a", headers: [["x-kind", "a"]] });
      await requestHttp1({ port: envoy.port("tcp") }, { headers: [["connection", "close"]] });
      await until(() => received[what].length === 2, { timeoutMs: 10_000, what: "both entries" });
      assert.deepEqual([received.als.length + received.otlp.length, received.invalid], [2, []]);
      const request = received[what].find(({ kind }) => kind === "http");
      assert.deepEqual([request?.responseCode, request?.requestHeader("x-kind")], [200, "a"]);
      assert.equal(request?.origin.logName, "weir-out");
      assert.ok(received[what].some(({ kind }) => kind === "tcp"));
    });
  }
});
