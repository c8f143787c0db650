import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { ownFolder, run } from "./fixture.ts";

const WRITTEN = [".weir/schema.json", "hello.yaml", "tests/hello.yaml", "weir.yaml"];

const filesBelow = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();

const committed = readFileSync(new URL("../../schema/weir.json", import.meta.url), "utf8");

describe("weir init", () => {
  const folderOf = ownFolder();

  it("writes a folder that validates strictly, and whose tests decide every rule", async () => {
    const folder = join(folderOf({}), "policies");
    const { code, printed, complained } = await run(["init", folder]);
    assert.deepEqual([code, complained], [0, ""]);
    assert.deepEqual(filesBelow(folder), WRITTEN);
    for (const name of WRITTEN) assert.ok(printed.includes(`  ${join(folder, name)}\n`), name);
    const validated = await run(["validate", "--strict", folder]);
    assert.match(validated.printed, /^ok: 1 policy, 1 file of tests, 0 warnings\n/);
    const tested = await run(["test", "--require", "rules=100%", folder]);
    assert.equal(tested.code, 0, tested.printed);
    assert.match(tested.printed, /2 of 2 rules decided by a test/);
  });

  it("begins each file with the schema, which stands where the line says", async () => {
    const folder = folderOf({});
    await run(["init", folder]);
    for (const name of WRITTEN.filter((one) => one.endsWith(".yaml"))) {
      const path = join(folder, name);
      const [, schema = ""] =
        /^# yaml-language-server: \$schema=(\S+)\n/.exec(readFileSync(path, "utf8")) ?? [];
      assert.equal(readFileSync(resolve(dirname(path), schema), "utf8"), committed, name);
    }
  });

  it("prints what to run next, with the name that it was called by and the folder in quotes where it needs them", async () => {
    const folder = join(folderOf({}), "Ann's files");
    const { printed } = await run(["init", folder]);
    assert.ok(printed.includes(`\n  weir serve '${folder.replace("'", "'\\''")}'\n`), printed);
  });

  for (const name of WRITTEN) {
    it(`writes nothing over what is there, and names it: ${name}`, async () => {
      const folder = folderOf({ [name]: "mine\n" });
      const { code, printed, complained } = await run(["init", folder]);
      assert.deepEqual([code, printed], [1, ""]);
      assert.match(complained, /^weir init: nothing is written, for this is there already:\n/);
      assert.deepEqual(complained.match(/^ {2}.*$/gm), [`  ${join(folder, name)}`]);
      assert.deepEqual(filesBelow(folder), [name]);
      assert.equal(readFileSync(join(folder, name), "utf8"), "mine\n");
    });
  }

  it("writes the schema alone with --schema, over the one that is there", async () => {
    const folder = folderOf({ ".weir/schema.json": "{}", "weir.yaml": "weir: 1\n" });
    const { code, printed, complained } = await run(["init", "--schema", folder]);
    assert.deepEqual([code, complained], [0, ""]);
    assert.match(printed, /^wrote .*\.weir\/schema\.json;/);
    assert.deepEqual(filesBelow(folder), [".weir/schema.json", "weir.yaml"]);
    assert.equal(readFileSync(join(folder, ".weir/schema.json"), "utf8"), committed);
  });

  for (const args of [["one", "two"], [""]]) {
    it(`refuses to be called with ${JSON.stringify(args)}`, async () => {
      const { code, printed, complained } = await run(["init", ...args]);
      assert.deepEqual([code, printed], [2, ""]);
      assert.match(complained, /name one folder\nSee: weir help init\n$/);
    });
  }

  it("says why it cannot write", async () => {
    const folder = join(folderOf({ file: "" }), "file");
    const { code, printed, complained } = await run(["init", folder]);
    assert.deepEqual([code, printed], [1, ""]);
    assert.match(complained, /^weir init: .*file/);
    assert.ok(!existsSync(join(folder, "weir.yaml")));
  });
});
