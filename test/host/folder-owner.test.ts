import assert from "node:assert/strict";
import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { ownFolder } from "../../src/host/folder-owner.ts";
import { until } from "../support/until.ts";
import { inAWhile, Spooling } from "./spooling.ts";

type Child = ChildProcessByStdio<Writable, Readable, null>;

describe("a folder that one process has", () => {
  let children: Child[];
  beforeEach(() => (children = []));
  afterEach(() => {
    for (const child of children) child.kill("SIGKILL");
  });

  /** A process that has the folder, once it has begun to send a batch that it never ends. */
  async function owner(folder: string): Promise<Child> {
    const program = join(import.meta.dirname, "spool-process.ts");
    const child = spawn(process.execPath, [program, folder], { stdio: ["pipe", "pipe", "inherit"] });
    children.push(child);
    let said = "";
    child.stdout.on("data", (text) => (said += String(text)));
    await until(() => said.includes("sending first"), { what: "its first batch", timeoutMs: 20_000 });
    return child;
  }

  it("is refused to a second, with what to do", async () => {
    const folder = await mkdtemp(join(tmpdir(), "weir-owner-"));
    const owned = await ownFolder(folder);
    await assert.rejects(ownFolder(folder), /is used by another process: each needs a folder of its own/);
    await owned.release();
    await owned.release();
    assert.deepEqual(await readdir(folder), []);
    await (await ownFolder(folder)).release();
    await assert.rejects(ownFolder(join(folder, "missing")), /cannot be used: the system says/);
    await rm(folder, { recursive: true });
  });

  it("is the next one's when it is killed, which sends nothing that may have arrived, and all the rest", async () => {
    const spooling = await Spooling.create();
    const child = await owner(spooling.folder);
    await assert.rejects(spooling.open(), /is used by another process/);
    const batches = async (): Promise<number> =>
      (await spooling.files()).filter((state) => state === "batch").length;
    for (const [before, text] of ["second", "third"].entries()) {
      child.stdin.write(`${text}\n`);
      await until(async () => (await batches()) > before, { what: "a batch more" });
    }
    child.kill("SIGKILL");
    await once(child, "exit");
    const spool = await spooling.open();
    await until(() => spooling.count("delivered") === 2, { what: "what was left" });
    await spool.close(inAWhile());
    assert.equal(spooling.count("unknown"), 1);
    assert.deepEqual(await spooling.files(), ["unknown"]);
    assert.deepEqual(spooling.delivered, ["second", "third"]);
    await spooling.clear();
  });
});
