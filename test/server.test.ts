import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Client, credentials } from "@grpc/grpc-js";
import { startServer, type RunningServer } from "../src/server.ts";
import { formatAddress, type ListenAddress } from "../src/std/listen-address.ts";
import { createLog } from "../src/telemetry/log.ts";
import { CheckResponse } from "../src/wire/envoy/service/auth/v3/external_auth.ts";
import { checkRequest } from "./check/fixture.ts";
import { call } from "./grpc/client.ts";
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

  async function start(): Promise<RunningServer> {
    const started = await startServer({ folders: [folder.path], log, environment: {}, stance: "enforce" });
    if ("kind" in started) return assert.fail("the configuration was refused");
    running.push(started);
    return started;
  }

  const portOf = (address: ListenAddress): number =>
    address.kind === "tcp" ? address.port : assert.fail("no port");

  async function get(server: RunningServer, path: string): Promise<string> {
    const { status, body } = await requestHttp1({ port: portOf(server.listening.metrics) }, { path });
    return `${status} ${body.toString().trim()}`;
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
