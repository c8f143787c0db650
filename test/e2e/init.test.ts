import assert from "node:assert/strict";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import type { Found } from "../servers/ensure.ts";
import { runCommand } from "../support/command.ts";
import { need } from "../support/need.ts";
import { startProcess } from "../support/process.ts";
import { until } from "../support/until.ts";
import { freePort, removeFolder, statusOf, writeFolder } from "../support/weir.ts";

const root = join(import.meta.dirname, "../..");

describe("what weir init prints, run line by line", function () {
  this.timeout(60_000);
  const open = new AsyncDisposableStack();
  let program: Found;
  before(async function () {
    program = await need(this, "envoy");
  });
  after(() => open.disposeAsync());

  it("validates, tests, serves, and has Envoy allow and deny", async () => {
    const top = open.adopt(await writeFolder({}), removeFolder);
    const folder = join(top, "Ann's policies");
    const environment = await withEnvoy(top, program);
    const run = async (line: string): Promise<string> => {
      const ended = await runCommand("sh", ["-c", line], { environment, timeoutMs: 30_000 });
      assert.ok(ended.kind === "succeeded", `${line} came to ${JSON.stringify(ended)}`);
      return ended.stdout;
    };
    const start = async (line: string) =>
      open.adopt(await startProcess("sh", ["-c", `exec ${line}`], environment), (started) => started.stop());

    const said = await runCommand(join(root, "bin/weir"), ["init", folder]);
    assert.ok(said.kind === "succeeded", JSON.stringify(said));
    const { port, metricsPort } = await onFreePorts(folder);
    const [, next = ""] = said.stdout.split("\nnext\n");
    const lines = next
      .split("\n")
      .filter((line) => line.startsWith("  "))
      .map((line) => line.trim().replaceAll(":10000", `:${port}`));
    const [validate, test, serve, write, envoy, allowed, denied, ...others] = lines;
    assert.deepEqual(others, []);

    assert.match(await run(validate ?? ""), /^ok: 1 policy/);
    assert.match(await run(test ?? ""), /2 of 2 rules decided by a test/);
    await start(serve ?? "");
    await until(async () => (await statusOf(metricsPort, "/readyz")) === 200, {
      timeoutMs: 20_000,
      what: "weir to be ready",
    });
    await run(write ?? "");
    // Beside other Envoys of this machine.
    const running = await start(`${envoy ?? ""} --use-dynamic-base-id --log-level warn`);
    await until(async () => (await statusOf(port, "/")) !== undefined, {
      timeoutMs: 20_000,
      what: "Envoy to listen",
    });
    const [yes, no] = [await run(`${allowed ?? ""} --silent`), await run(`${denied ?? ""} --silent`)];
    assert.match(yes, /^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nallowed\n$/, running.errors());
    assert.match(no, /^HTTP\/1\.1 403 Forbidden\r\n[^]*x-weir-decision: d_/);
  });
});

/** The environment with Envoy on the PATH. */
async function withEnvoy(top: string, program: Found): Promise<Readonly<Record<string, string>>> {
  const programs = join(top, "programs");
  await mkdir(programs);
  const found = await runCommand("sh", ["-c", `command -v '${program.binary}'`]);
  assert.ok(found.kind === "succeeded");
  await symlink(found.stdout.trim(), join(programs, "envoy"));
  return { ...program.environment, PATH: `${programs}${delimiter}${process.env["PATH"] ?? ""}` };
}

/** The ports that are printed may be taken on this machine: weir's are changed in weir.yaml, Envoy's is the one to take. */
async function onFreePorts(folder: string): Promise<{ port: number; metricsPort: number }> {
  const path = join(folder, "weir.yaml");
  const checks = await freePort();
  const admin = await freePort();
  const metricsPort = await freePort();
  const port = await freePort();
  const written = await readFile(path, "utf8");
  const changed = written
    .replace(":9191", `:${checks}`)
    .replace(":9193", `:${admin}`)
    .replace(":9194", `:${metricsPort}`);
  await writeFile(path, changed);
  return { port, metricsPort };
}
