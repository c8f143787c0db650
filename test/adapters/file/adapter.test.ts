import assert from "node:assert/strict";
import { readFile, rename, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { file } from "../../../adapters/file/adapter.ts";
import type { Call } from "../../../src/adapter/adapter.ts";
import { createHost } from "../../../src/host/host.ts";
import { removeFolder, writeFolder } from "../../support/weir.ts";
import { createTestHost } from "../host.ts";
import { fieldRecord } from "../records.ts";

describe("the file adapter on a file system", () => {
  const open = new AsyncDisposableStack();
  after(() => open.disposeAsync());
  const call: Call = { deadlineAtMs: Number.MAX_SAFE_INTEGER, signal: new AbortController().signal };

  async function handlerAt(config: object, folder?: string) {
    const at = folder ?? open.adopt(await writeFolder({}), removeFolder);
    const handler = file.create(config, createHost({ ...createTestHost(), folder: at }));
    open.defer(() => handler.close());
    return { handler, path: join(at, "access.jsonl"), folder: at };
  }

  const linesIn = async (path: string): Promise<readonly unknown[]> =>
    (await readFile(path, "utf8"))
      .split("\n")
      .slice(0, -1)
      .map((line): unknown => JSON.parse(line));

  it("writes a line for each record, hostile ones among them", async () => {
    const { handler, path } = await handlerAt({ file: "access.jsonl" });
    await handler.start();
    const records = [{ path: "/a\nb\u2028c\u0000" }, { path: "\ud800" }, { path: "/d" }].map((one) =>
      fieldRecord(one),
    );
    assert.deepEqual(await handler.report?.(records, call), { kind: "delivered" });
    const paths = (await linesIn(path)).map((line) => (line as { path: unknown }).path);
    assert.deepEqual(paths, ["/a\nb\u2028c\u0000", "\ud800", "/d"]);
  });

  it("goes on in a new file where logrotate moves the old one away", async () => {
    const { handler, path } = await handlerAt({ file: "access.jsonl" });
    await handler.start();
    await handler.report?.([fieldRecord({ n: 1 })], call);
    await rename(path, `${path}.moved`);
    await handler.report?.([fieldRecord({ n: 2 })], call);
    assert.equal((await linesIn(path)).length, 1);
    assert.equal((await linesIn(`${path}.moved`)).length, 1);
  });

  it("does not start where there is no folder, and says so", async () => {
    const { handler } = await handlerAt({ file: "logs/access.jsonl" });
    await assert.rejects(
      handler.start(),
      /access\.jsonl cannot be written: the folder .*logs is not there: make it/,
    );
    assert.equal(handler.status().state, "starting");
  });

  it("wants records again while the disk is full, and goes on when it is not", async () => {
    const { handler, path } = await handlerAt({ file: "access.jsonl" });
    await symlink("/dev/full", path);
    await handler.start();
    const records = [fieldRecord({ n: 1 })];
    const delivery = await handler.report?.(records, call);
    assert.match(delivery?.kind === "retry" ? delivery.reason : "", /ENOSPC/);
    assert.match(handler.status().detail, /ENOSPC/);
    await rm(path);
    assert.deepEqual(await handler.report?.(records, call), { kind: "delivered" });
    assert.equal((await readFile(path, "utf8")).trim().split("\n").length, 1);
    assert.equal(handler.status().state, "ready");
  });

  it("goes on in the file of the handler before it", async () => {
    const before = await handlerAt({ file: "access.jsonl" });
    await before.handler.start();
    const after = await handlerAt({ file: "access.jsonl", keep: 9 }, before.folder);
    await after.handler.start();
    await before.handler.report?.([fieldRecord({ n: 1 })], call);
    await before.handler.close();
    await after.handler.report?.([fieldRecord({ n: 2 })], call);
    assert.deepEqual(
      (await linesIn(after.path)).map((line) => (line as { n: unknown }).n),
      [1, 2],
    );
  });

  it("refuses in a rule's `with` the names that each line has", () => {
    const complaint = (name: string): string | undefined =>
      file.inputs.report?.complaint?.({}, { preset: undefined, fields: new Map([[name, undefined]]) });
    assert.equal(complaint("team"), undefined);
    assert.equal(complaint("time"), "time is a name that each line has already: choose another");
  });
});
