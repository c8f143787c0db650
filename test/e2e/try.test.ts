import assert from "node:assert/strict";
import { cp, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runCommand } from "../support/command.ts";
import { need } from "../support/need.ts";
import { type RunningProcess, startProcess } from "../support/process.ts";
import { until } from "../support/until.ts";
import { removeFolder, writeFolder } from "../support/weir.ts";

const root = join(import.meta.dirname, "../..");

/** Runs a line as a reader of it would, in a shell; answers what it printed. */
async function run(line: string): Promise<string> {
  const ended = await runCommand("sh", ["-c", line], { folder: root, timeoutMs: 30_000 });
  assert.ok(ended.kind === "succeeded", `${line} came to ${JSON.stringify(ended)}`);
  return ended.stdout;
}

async function countPolicies(folder: string): Promise<number> {
  const names = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith(".yaml"));
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), "utf8")));
  return texts.filter((text) => /^policy:/m.test(text)).length;
}

describe("what a newcomer runs", () => {
  const open = new AsyncDisposableStack();
  before(async function () {
    await need(this, "envoy");
  });
  after(() => open.disposeAsync());

  /** Waits for a line of what it prints; throws when it ends before. */
  const printed = (running: RunningProcess, line: RegExp): Promise<string> =>
    until(
      () => {
        const end = running.ended();
        if (end !== undefined) throw new Error(`it ended with ${end}: ${running.errors()}`);
        return line.test(running.output()) && running.output();
      },
      { timeoutMs: 20_000, what: `${String(line)} to be printed` },
    );

  it("tries every example once, each with its verdict: npm run try -- --once", async function () {
    this.timeout(40_000);
    const lines = (await run("npm run --silent try -- --once")).trimEnd().split("\n");
    const attempts = lines.filter((line) => !line.startsWith("  "));
    assert.ok(attempts.length >= 5, lines.join("\n"));
    for (const attempt of attempts)
      assert.match(attempt, /^ok: (allowed 200|denied 4\d\d), [A-Z]+ \S+ \(.+\)$/);
    const decisions = lines.filter((line) => line.startsWith("  "));
    assert.equal(decisions.length, attempts.filter((line) => line.includes("denied")).length);
    for (const decision of decisions) assert.match(decision, /^ {4}x-weir-decision: d_[a-z2-7]{16}$/);
  });

  it("prints curl lines, each with the verdict that it gets, and stops on Ctrl-C: npm run try", async function () {
    this.timeout(40_000);
    const running = open.adopt(
      await startProcess(process.execPath, [join(root, "test/try/main.ts")]),
      (started) => started.stop(),
    );
    const output = await printed(running, /^Ctrl-C stops everything\.$/m);
    const examples = [...output.matchAll(/^# (allowed|denied), .+\n(curl .+)$/gm)];
    assert.equal(examples.length, output.match(/curl /g)?.length);
    assert.ok(examples.length >= 5);
    for (const [, verdict, line = ""] of examples) {
      const [head = "", ...body] = (await run(`${line} --silent`)).split("\r\n\r\n");
      const status = /^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1];
      const isDenied = /^x-weir-decision: d_/m.test(head);
      assert.deepEqual([status === "200", isDenied], [verdict === "allowed", verdict === "denied"], line);
      // The upstream answers with what it saw.
      assert.equal(body.join("").startsWith('{"protocol":"http1"'), verdict === "allowed", line);
    }
    running.signal("SIGINT");
    assert.equal(await running.whenEnded, "exit code 0");
  });

  for (const listener of ["a port", "a unix socket"] as const) {
    it(`prints a banner whose curl lines work, with metrics on ${listener}: bin/weir serve`, async function () {
      this.timeout(20_000);
      const folder = open.adopt(await writeFolder({}), removeFolder);
      await cp(join(root, "policies"), folder, { recursive: true });
      const metrics = listener === "a port" ? "127.0.0.1:0" : `"unix:${join(folder, "metrics.sock")}"`;
      const server = await readFile(join(folder, "weir.yaml"), "utf8");
      await writeFile(
        join(folder, "weir.yaml"),
        server
          .replaceAll(/127\.0\.0\.1:\d+/g, "127.0.0.1:0")
          .replace("metrics: { address: 127.0.0.1:0 }", `metrics: { address: ${metrics} }`),
      );
      const policies = await countPolicies(folder);
      const running = open.adopt(await startProcess(join(root, "bin/weir"), ["serve", folder]), (started) =>
        started.stop(),
      );
      const output = await printed(running, /^ {2}npm run try/m);
      assert.match(
        output,
        new RegExp(`^weir serves ${policies} policies from ${folder} \\(.+; revision \\w+\\)\n`),
      );
      const lines = output.split("\n").flatMap((line) => /^ {2}(curl .+)$/.exec(line)?.[1] ?? []);
      assert.equal(lines.length, 3);
      const [ready, counts, status] = await Promise.all(lines.map((line) => run(`${line} --silent --fail`)));
      assert.equal(ready, "ready\n");
      assert.match(counts ?? "", new RegExp(`^weir_config_policies\\{mode="enforce"\\} ${policies}$`, "m"));
      // The socket appears in the folder that is watched, so it may have been read again.
      assert.match(status ?? "", /"result": "(?:live|unchanged)"/);
      running.signal("SIGTERM");
      assert.equal(await running.whenEnded, "exit code 0");
    });
  }
});
