import assert from "node:assert/strict";
import { join } from "node:path";
import { COMMANDS } from "../../src/cli/commands.ts";
import { ownFolder, run } from "../cli/fixture.ts";
import { proseOf, readPage } from "./blocks.ts";

/** The sections of docs/cli.md that begin `## weir <command>`, by command. */
function sections(): ReadonlyMap<string, string> {
  const [, ...parts] = readPage("docs/cli.md").split(/^## weir /m);
  return new Map(parts.map((part) => [part.split("\n", 1).join(), part]));
}

const optionsIn = (text: string): readonly string[] =>
  Array.from(new Set(Array.from(text.matchAll(/--([a-z][a-z-]*)/g), ([, name]) => name ?? ""))).sort();

describe("docs/cli.md", () => {
  const folderOf = ownFolder();

  it("has a section for every command, and for no other", () => {
    assert.deepEqual(
      [...sections().keys()],
      COMMANDS.map(({ name }) => name),
    );
  });

  for (const { name, options } of COMMANDS) {
    it(`tells every option of weir ${name}, and no other`, () => {
      const section = sections().get(name) ?? "";
      const usage = /^```sh\n([^]*?)^```/m.exec(section)?.[1] ?? "";
      assert.deepEqual(optionsIn(usage), Object.keys(options).sort(), "in the usage");
      assert.deepEqual(optionsIn(proseOf(section)), Object.keys(options).sort(), "in the text");
    });
  }

  it("shows what weir init prints", async () => {
    const folder = join(folderOf({}), "my-policies");
    const { printed } = await run(["init", folder]);
    const shown = printed.replaceAll(folder, "my-policies").replaceAll(/^ {2}weir /gm, "  bin/weir ");
    assert.ok((sections().get("init") ?? "").includes(`\`\`\`text\n${shown}\`\`\``), shown);
  });

  it("tells every exit code", () => {
    const codes = Array.from(readPage("docs/cli.md").matchAll(/^\| (\d) +\|/gm), ([, code]) => code);
    assert.deepEqual(codes, ["0", "1", "2"]);
  });
});
