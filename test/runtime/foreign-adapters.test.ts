import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadFolders } from "../../src/policy/load.ts";
import { importAdapters } from "../../src/runtime/foreign-adapters.ts";
import { ownFolder } from "../cli/fixture.ts";

const BODY = `{
  id: "acme", summary: "Is ours", inputs: { report: { presets: [], plain: "taken" } }, outputs: {},
  create: () => ({}), config: { parse: (value) => value, safeParse: (data) => ({ success: true, data }) },
}`;

const weirYaml = (handler: string): string => `weir: 1\nhandlers:\n  one: { ${handler} }\n`;

describe("adapters of others", () => {
  const folderOf = ownFolder();
  const imported = async (folder: string) => importAdapters(await loadFolders([folder]));
  const one = async (folder: string) => {
    const [found] = (await imported(folder)).values();
    return found ?? assert.fail("nothing was imported");
  };

  const good: readonly (readonly [what: string, files: Readonly<Record<string, string>>])[] = [
    ["a file", { "weir.yaml": weirYaml("adapter: ./a/one.js"), "a/one.js": `export default ${BODY};` }],
    [
      "a function of what weir lends",
      {
        "weir.yaml": weirYaml("adapter: ./one.mjs"),
        "one.mjs": `export default ({ mapping }) => ({ ...${BODY}, config: mapping({}) });`,
      },
    ],
    [
      "TypeScript",
      {
        "weir.yaml": weirYaml("adapter: ./one.ts"),
        "one.ts": `const id: string = "acme"; export default { ...${BODY}, id };`,
      },
    ],
    ["CommonJS", { "weir.yaml": weirYaml("adapter: ./one.cjs"), "one.cjs": `module.exports = ${BODY};` }],
    [
      "a package",
      {
        "weir.yaml": weirYaml('package: "@acme/weir-adapter"'),
        "node_modules/@acme/weir-adapter/package.json":
          '{"name": "@acme/weir-adapter", "type": "module", "exports": "./index.js"}',
        "node_modules/@acme/weir-adapter/index.js": `export default ${BODY};`,
      },
    ],
  ];
  for (const [what, files] of good)
    it(`are imported: ${what}`, async () => {
      const found = await one(folderOf(files));
      assert.ok(found.kind === "adapter", JSON.stringify(found));
      assert.equal(found.adapter.id, "acme");
    });

  const bad: readonly (readonly [what: string, text: string | undefined, why: RegExp])[] = [
    ["is not there", undefined, /^there is no such file or folder$/],
    ["throws", 'throw new Error("no luck\\nat all");', /^importing it fails: no luck$/],
    ["is no JavaScript", "export default {", /^importing it fails: Unexpected end of input/],
    ["exports nothing by default", "export const one = 1;", /^it has no default export$/],
    [
      "exports a function that throws",
      'export default () => { throw new Error("not now"); };',
      /^importing it fails: not now$/,
    ],
    ["exports what is no adapter", "export default {};", /^id: write the name of the adapter$/],
    [
      "imports what is not there",
      'import "./nowhere.js"; export default {};',
      /^importing it fails: Cannot find module/,
    ],
  ];
  for (const [what, text, why] of bad)
    it(`are refused with the reason: a file that ${what}`, async () => {
      const files = { "weir.yaml": weirYaml("adapter: ./one.mjs") };
      const found = await one(folderOf(text === undefined ? files : { ...files, "one.mjs": text }));
      assert.ok(found.kind === "refused");
      assert.match(found.reasons[0] ?? "", why);
    });

  it("are refused where there is no such package", async () => {
    const found = await one(folderOf({ "weir.yaml": weirYaml("package: weir-adapter-away") }));
    assert.ok(found.kind === "refused");
    assert.match(found.reasons.join(), /^Cannot find module 'weir-adapter-away'$/);
  });

  it("are imported once for each content of their file, and none where weir.yaml names none", async () => {
    const folder = folderOf({
      "weir.yaml": weirYaml("adapter: ./one.mjs"),
      "one.mjs": `export default ${BODY};`,
    });
    const [first, second] = [await one(folder), await one(folder)];
    assert.ok(first.kind === "adapter" && second.kind === "adapter");
    assert.equal(first.version, second.version);
    writeFileSync(join(folder, "one.mjs"), `export default { ...${BODY}, summary: "Is newer" };`);
    const third = await one(folder);
    assert.ok(third.kind === "adapter");
    assert.notEqual(third.version, first.version);
    assert.equal(third.adapter.summary, "Is newer");
    assert.equal((await imported(folderOf({ "weir.yaml": weirYaml("adapter: stdout") }))).size, 0);
  });
});
