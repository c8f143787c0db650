import assert from "node:assert/strict";
import { performance } from "node:perf_hooks";
import { delimiter, join } from "node:path";
import { blocksOf } from "../docs/blocks.ts";
import { readFile } from "node:fs/promises";
import { runCommand } from "../support/command.ts";
import { need } from "../support/need.ts";
import { type RunningProcess, startProcess } from "../support/process.ts";
import { until } from "../support/until.ts";
import { removeFolder, writeFolder } from "../support/weir.ts";

const root = join(import.meta.dirname, "../..");

/** What a newcomer spends at most, from the clone to the denied request, all downloads among it. */
const MOST_MS = 300_000;

/** As in a terminal that npm did not open: without this repository's programs and what npm tells its scripts. */
const outside = process.env["PATH"]
  ?.split(delimiter)
  .filter((folder) => !folder.includes("node_modules"))
  .join(delimiter);
const FORGET = "unset npm_config_local_prefix INIT_CWD NODE";

/** A line that goes on for as long as it is let: it has said all when it says how to stop it. */
const IS_UP = /^Ctrl-C stops everything\.$/m;

/** The beginning of README.md: what is to be typed, and what the last line is said to print. */
interface Beginning {
  readonly scripts: readonly string[];
  readonly printed: string;
}

async function beginningOf(clone: string): Promise<Beginning> {
  const blocks = blocksOf(await readFile(join(clone, "README.md"), "utf8"));
  const start = blocks.filter(({ section }) => section === "Start");
  const last = start.findLastIndex(({ language }) => language === "sh");
  return {
    scripts: start.filter(({ language }) => language === "sh").map(({ text }) => text),
    printed: start[last + 1]?.text ?? "",
  };
}

describe("a newcomer", function () {
  this.timeout(MOST_MS + 60_000);
  const open = new AsyncDisposableStack();
  before(async function () {
    await need(this, "envoy");
  });
  after(() => open.disposeAsync());

  it("comes from a clone to a denied request through a real Envoy by what README.md says, in 5 minutes", async function () {
    const startMs = performance.now();
    const clone = open.adopt(await writeFolder({}), removeFolder);
    const cloned = await runCommand("git", ["clone", "--quiet", root, clone]);
    assert.equal(cloned.kind, "succeeded", JSON.stringify(cloned));
    const { scripts, printed } = await beginningOf(clone);
    const [first = "", ...others] = scripts;
    assert.ok(others.length > 0, "README.md starts with what goes on, and then makes a request");

    const running = await type(clone, first, open);
    const output = await until(
      () => (IS_UP.test(running.output()) || running.ended() !== undefined) && running.output(),
      { timeoutMs: MOST_MS, what: "what README.md starts with to be up" },
    );
    if (isOffline(running)) {
      console.log("    skipped, npm reaches no registry from here");
      this.skip();
    }
    assert.match(output, IS_UP, running.errors());
    const port = /http:\/\/127\.0\.0\.1:(\d+)/.exec(output)?.[1] ?? "";
    for (const script of others) {
      // Where another program has the usual port, it is on one that it prints.
      const asked = await type(clone, script.replaceAll(":10000/", `:${port}/`), open);
      assert.equal(await asked.whenEnded, "exit code 0", asked.errors());
      if (script === others.at(-1)) assertShown(asked.output(), printed);
    }
    const tookMs = performance.now() - startMs;
    console.log(`    from a clone to a denied request in ${Math.round(tookMs / 1000)} s`);
    assert.ok(tookMs < MOST_MS, `it took ${Math.round(tookMs / 1000)} s`);

    running.signal("SIGINT");
    await running.whenEnded;
  });
});

const type = async (folder: string, script: string, open: AsyncDisposableStack): Promise<RunningProcess> =>
  open.adopt(
    await startProcess(
      "sh",
      ["-e", "-c", `${FORGET}; cd '${folder}'; ${script}`],
      { PATH: outside ?? "" },
      "group",
    ),
    (started) => started.stop(),
  );

/** A machine without network runs the other tests; a build machine has one. */
const isOffline = (running: RunningProcess): boolean =>
  process.env["CI"] !== "true" &&
  running.ended() !== undefined &&
  /npm error (?:code|network) .*(?:ENOTFOUND|EAI_AGAIN|ENETUNREACH|ECONNREFUSED)/.test(running.errors());

/** Each line that README.md shows is there, in this order; `…` is anything. */
function assertShown(output: string, shown: string): void {
  const lines = output.split(/\r?\n/);
  let at = 0;
  const expected = shown.split("\n").filter((line) => line !== "" && line !== "…");
  assert.ok(
    expected.some((line) => line.startsWith("x-weir-decision:")),
    "README.md shows a denial",
  );
  for (const line of expected) {
    const [beginning = ""] = line.split("…");
    const found = lines.findIndex((one, index) => index >= at && one.startsWith(beginning));
    assert.ok(found >= 0, `README.md shows "${line}", and this was printed:\n${output}`);
    at = found + 1;
  }
}
