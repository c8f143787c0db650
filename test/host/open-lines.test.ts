import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { openLines } from "../../src/host/open-lines.ts";
import { removeFolder, writeFolder } from "../support/weir.ts";

describe("what handlers append lines to", () => {
  const open = new AsyncDisposableStack();
  after(() => open.disposeAsync());
  const log = { info: () => undefined, warn: () => undefined };
  const limits = { maxBytes: 1_000, keep: 1 };

  it("is a file from the folder of weir.yaml", async () => {
    const folder = open.adopt(await writeFolder({}), removeFolder);
    const target = await openLines(
      { kind: "file", path: "a.jsonl", ...limits },
      { log, nowMs: Date.now, folder },
    );
    await target.append(Buffer.from("one\n"));
    await target.close();
    assert.equal(await readFile(join(folder, "a.jsonl"), "utf8"), "one\n");
  });

  it("says in a sentence why a file cannot be opened", async () => {
    const folder = open.adopt(await writeFolder({ "a.txt": "" }), removeFolder);
    const why = async (path: string): Promise<string> => {
      const opened = openLines({ kind: "file", path, ...limits }, { log, nowMs: Date.now, folder });
      return opened.then(
        () => "it can",
        (error: unknown) => String(error).replaceAll(folder, "…"),
      );
    };
    assert.deepEqual(await Promise.all(["logs/a.jsonl", "a.txt/a.jsonl", "."].map(why)), [
      "Error: …/logs/a.jsonl cannot be written: the folder …/logs is not there: make it, or name another",
      "Error: …/a.txt/a.jsonl cannot be written: a part of …/a.txt is no folder",
      "Error: … cannot be written: it is a folder: name a file in it",
    ]);
  });
});
