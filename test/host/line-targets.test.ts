import assert from "node:assert/strict";
import { mkdir, readdir, readFile, rename, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openFile } from "../../src/host/line-targets.ts";
import { until } from "../support/until.ts";
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

  it("is put aside when it is too old, and what was put aside goes when it is", async () => {
    const { folder } = await target();
    const path = join(folder, "aged.jsonl");
    let nowMs = Date.now();
    const errors: unknown[] = [];
    const time = { nowMs: () => nowMs, onError: (error: unknown) => errors.push(error), everyMs: 5 };
    const limits = { path, maxBytes: 1_000, keep: 3, maxAgeMs: 60_000, keepMs: 3_600_000 };
    const file = await openFile(limits, time);
    open.defer(() => file.close());
    const names = async (): Promise<string> =>
      (await readdir(folder))
        .filter((name) => name.startsWith("aged"))
        .sort()
        .join(" ");
    await file.append(Buffer.from("one\n"));
    assert.equal(await names(), "aged.jsonl");
    nowMs += 61_000;
    await file.append(Buffer.from("two\n"));
    assert.equal(await names(), "aged.jsonl aged.jsonl.1");
    assert.equal(await readFile(`${path}.1`, "utf8"), "one\n");
    nowMs += 61_000;
    await until(async () => (await names()) === "aged.jsonl aged.jsonl.1 aged.jsonl.2", {
      what: "the file that nobody writes to to be put aside",
    });
    assert.equal(await readFile(path, "utf8"), "");
    nowMs += 3_600_000;
    await until(async () => (await names()) === "aged.jsonl", { what: "old lines to be removed" });
    assert.deepEqual(errors, []);
  });

  it("removes at the start what grew old meanwhile, and nothing else", async () => {
    const { folder } = await target();
    const path = join(folder, "aged.jsonl");
    for (const name of ["aged.jsonl.7", "aged.jsonl.old", "aged.jsonl.1.gz", "other.jsonl.1"]) {
      await writeFile(join(folder, name), "x\n");
      await utimes(join(folder, name), 1, 1);
    }
    const file = await openFile({ path, maxBytes: 1_000, keep: 3, maxAgeMs: 60_000, keepMs: 3_600_000 });
    await file.close();
    const expected = ["aged.jsonl", "aged.jsonl.1.gz", "aged.jsonl.old", "other.jsonl.1"];
    const found = (await readdir(folder)).filter((name) => name !== "decisions.jsonl");
    assert.deepEqual(found.sort(), expected);
  });

  it("writes what is appended at once in its order", async () => {
    const { path } = await target();
    const file = await openFile({ path, maxBytes: 10, keep: 100 });
    open.defer(() => file.close());
    await Promise.all(Array.from({ length: 20 }, (_, index) => file.append(Buffer.from(`line ${index}\n`))));
    assert.equal(await readFile(path, "utf8"), "line 19\n");
    assert.equal(await readFile(`${path}.19`, "utf8"), "line 0\n");
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
