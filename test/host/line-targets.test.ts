import assert from "node:assert/strict";
import { mkdir, readdir, readFile, rename, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { openFile } from "../../src/host/line-targets.ts";
import { removeFolder, writeFolder } from "../support/weir.ts";

describe("a file that lines are appended to", () => {
  const open = new AsyncDisposableStack();
  after(() => open.disposeAsync());

  async function target(limits: { maxBytes?: number; keep?: number } = {}) {
    const folder = open.adopt(await writeFolder({}), removeFolder);
    const path = join(folder, "decisions.jsonl");
    const file = await openFile({ path, maxBytes: 1_000, keep: 2, ...limits });
    open.defer(() => file.close());
    const add = (text: string): Promise<void> => file.append(Buffer.from(`${text}\n`));
    const contents = async (): Promise<Record<string, string>> => {
      const names = (await readdir(folder)).sort();
      const texts = await Promise.all(names.map((name) => readFile(join(folder, name), "utf8")));
      return Object.fromEntries(names.map((name, index) => [name, texts[index] ?? ""]));
    };
    return { folder, path, add, contents };
  }

  it("has them behind what it had", async () => {
    const { path, add, contents } = await target();
    await add("one");
    const again = await openFile({ path, maxBytes: 1_000, keep: 2 });
    await again.append(Buffer.from("two\n"));
    await again.close();
    assert.deepEqual(await contents(), { "decisions.jsonl": "one\ntwo\n" });
  });

  it("is put aside before it grows too large, and the oldest goes", async () => {
    const { add, contents } = await target({ maxBytes: 10 });
    for (const line of ["first", "second", "third", "fourth", "4th"]) await add(line);
    assert.deepEqual(await contents(), {
      "decisions.jsonl": "4th\n",
      "decisions.jsonl.1": "fourth\n",
      "decisions.jsonl.2": "third\n",
    });
  });

  it("takes a line that is larger than the bound", async () => {
    const { add, contents } = await target({ maxBytes: 10 });
    await add("a line of more than ten bytes");
    await add("b");
    assert.deepEqual(Object.values(await contents()), ["b\n", "a line of more than ten bytes\n"]);
  });

  it("is made anew where somebody moves it away", async () => {
    const { path, add, contents } = await target();
    await add("one");
    await rename(path, `${path}.moved`);
    await add("two");
    assert.deepEqual(await contents(), { "decisions.jsonl": "two\n", "decisions.jsonl.moved": "one\n" });
  });

  it("fails as long as it cannot be had, and goes on when it can", async () => {
    const { folder, add, contents } = await target();
    await rm(folder, { recursive: true });
    await assert.rejects(add("one"), /ENOENT/);
    await mkdir(folder);
    await add("two");
    assert.deepEqual(await contents(), { "decisions.jsonl": "two\n" });
  });

  it("cannot be opened where there is no folder", async () => {
    await assert.rejects(openFile({ path: "/nowhere/at/all", maxBytes: 1, keep: 1 }), /ENOENT/);
  });

  it("begins a new line where the last one may be cut off", async () => {
    const { folder, contents } = await target();
    const path = join(folder, "link");
    await symlink("/dev/full", path);
    const file = await openFile({ path, maxBytes: 1_000_000, keep: 1 });
    open.defer(() => file.close());
    await assert.rejects(file.append(Buffer.from("lost\n")), /ENOSPC/);
    await rm(path);
    await file.append(Buffer.from("next\n"));
    await file.append(Buffer.from("last\n"));
    assert.equal((await contents())["link"], "\nnext\nlast\n");
  });
});
