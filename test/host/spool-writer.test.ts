import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCommand } from "../support/command.ts";
import { onSmallDisk } from "../support/small-disk.ts";

/** What a process has found out. */
interface Found {
  readonly counted: Readonly<Record<string, number | undefined>>;
  readonly accepted: readonly number[];
  readonly arrived: readonly number[];
  readonly perhaps: readonly number[];
  readonly logged: readonly string[];
  readonly recovered?: number;
}

const PROCESS = join(import.meta.dirname, "full-disk-process.ts");
const inOrder = (numbers: readonly number[]): readonly number[] =>
  numbers.toSorted((one, other) => one - other);

describe("a spool on a disk that is really full", function () {
  this.timeout(60_000);
  let folder: string;
  beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), "weir-full-"))));
  afterEach(() => rm(folder, { recursive: true }));

  /** Runs processes one after another, in a mount of their own: a disk of one megabyte. One may die. */
  async function foundBy(...parts: readonly string[]): Promise<readonly Found[]> {
    const script = parts.map((part) => `"$1" "$2" ${part} "$0" || [ $? = 137 ]`).join(" && ");
    const [unshare = "", ...shell] = onSmallDisk(folder);
    const run = ["sh", "-c", script, folder, process.execPath, PROCESS];
    const ended = await runCommand(unshare, [...shell, ...run]);
    assert.ok(ended.kind === "succeeded", JSON.stringify(ended));
    assert.match(ended.stderr, /^(Killed\n)?$/);
    return ended.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Found);
  }

  it("refuses and counts, takes records again by itself, and brings each that it took once", async () => {
    const [{ counted, accepted, arrived, perhaps, logged, recovered } = assert.fail()] =
      await foundBy("live");
    assert.ok(
      (recovered ?? 0) > 500 && accepted.length > (recovered ?? 0) + 200,
      `${recovered} ${accepted.length}`,
    );
    assert.ok((counted["full"] ?? 0) >= 200);
    assert.ok(perhaps.length > 0);
    assert.deepEqual(inOrder([...arrived, ...perhaps]), accepted);
    assert.equal(counted["taken"], accepted.length);
    assert.equal(counted["delivered"], arrived.length);
    assert.equal(counted["unknown"], perhaps.length);
    assert.deepEqual(
      [counted["lost"], counted["torn"], counted["refused"]],
      [undefined, undefined, undefined],
    );
    assert.match(logged.join("\n"), /cannot be written to disk.*ENOSPC[^]*can be written to disk again/);
  });

  it("has after a kill all that was on it, and delivers it from a disk that is still full", async () => {
    const [before = assert.fail(), after = assert.fail()] = await foundBy("die", "outlive");
    const unknown = after.counted["unknown"] ?? 0;
    const lost = before.accepted.length - after.arrived.length - unknown;
    // What waited in memory for a disk that took nothing.
    assert.ok(lost >= 0 && lost <= 200, `${lost} of ${before.accepted.length} lost`);
    assert.ok(after.arrived.length > 700, `${after.arrived.length} arrived`);
    assert.ok(unknown > 0, "what was under way when it died");
    assert.deepEqual(after.arrived, before.accepted.slice(unknown, unknown + after.arrived.length));
  });
});
