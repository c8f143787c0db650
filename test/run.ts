import { resolve } from "node:path";
import { parseArgs } from "node:util";
import Mocha from "mocha";
import rc from "../.mocharc.json" with { type: "json" };
import { discoverTests } from "./support/discover.ts";
import { complaints, type Tally, tallyLine } from "./support/tally.ts";
import { until } from "./support/until.ts";

const usage = `usage: node test/run.ts unit|all [--grep text] [--bail] [--reporter name] [file…]

unit runs the tests that need no server, all runs every test; given files are run
instead of those. The last line tells the counts. With CI=true a skipped test makes the run fail.`;

// Standard input and output, whatever they are connected to, and file reads, which end by themselves.
const alwaysOpen = /^(TTYWrap|PipeWrap|FSReq)/;

process.exitCode = await main(process.argv.slice(2));
// What a test left open was reported; the run does not wait for it.
process.stdout.write("", () => process.exit());

async function main(parameters: readonly string[]): Promise<number> {
  const request = parse(parameters);
  if (typeof request === "string") {
    console.error(`${request}\n\n${usage}`);
    return 2;
  }
  const tally = await runMocha(request);
  const reasons = complaints(tally, process.env["CI"] === "true" ? "refused" : "allowed");
  for (const reason of reasons) console.log(reason);
  console.log(tallyLine(tally));
  return tally.failed === 0 && reasons.length === 0 ? 0 : 1;
}

interface Request {
  files: readonly string[];
  options: Mocha.MochaOptions;
}

/** The files to run and mocha's options, or what is wrong with the parameters. */
function parse(parameters: readonly string[]): Request | string {
  try {
    const { positionals, values } = parseArgs({
      args: [...parameters],
      allowPositionals: true,
      options: {
        grep: { type: "string", short: "g" },
        bail: { type: "boolean", short: "b", default: false },
        reporter: { type: "string", short: "R", default: "dot" },
      },
    });
    const [scope, ...files] = positionals;
    if (scope !== "unit" && scope !== "all") return `expected unit or all, found ${scope ?? "nothing"}`;
    const { grep, ...options } = values;
    const tests =
      files.length > 0 ? files.map((file) => resolve(file)) : discoverTests(import.meta.dirname, scope);
    return { files: tests, options: grep === undefined ? options : { ...options, grep } };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Runs the files in this process, as `npx mocha` would, and counts what became of their tests. */
async function runMocha({ files, options }: Request): Promise<Tally> {
  const mocha = new Mocha({
    forbidOnly: rc["forbid-only"],
    checkLeaks: rc["check-leaks"],
    timeout: rc.timeout,
    ...options,
  });
  for (const file of files) mocha.addFile(file);
  try {
    await mocha.loadFilesAsync();
  } catch (error) {
    console.error(error);
    return { passed: 0, failed: 1, skipped: [] };
  }
  const openBefore = openHandles().length;
  const tally = await count(mocha);
  return (await leftOpen(openBefore)) ? { ...tally, failed: tally.failed + 1 } : tally;
}

function count(mocha: Mocha): Promise<Tally> {
  const skipped: string[] = [];
  return new Promise((settle) => {
    const runner = mocha.run(() => {
      const { passes = 0, failures = 0 } = runner.stats ?? {};
      settle({ passed: passes, failed: failures, skipped });
    });
    runner.on("pending", (test: Mocha.Test) => skipped.push(test.fullTitle()));
  });
}

/** A test that leaves a socket, timer or child behind keeps a process alive that should end: that is a failure. */
async function leftOpen(allowed: number): Promise<boolean> {
  try {
    await until(() => openHandles().length <= allowed, { what: "the handles of the tests to close" });
    return false;
  } catch {
    console.log(`some test left open: ${openHandles().join(", ")}`);
    return true;
  }
}

function openHandles(): string[] {
  return process.getActiveResourcesInfo().filter((name) => !alwaysOpen.test(name));
}
