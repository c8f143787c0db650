import assert from "node:assert/strict";
import { join } from "node:path";
import { FINDINGS } from "../../src/envoy/findings.ts";
import { ownFolder, run } from "../cli/fixture.ts";
import { blocksOf, readPage } from "./blocks.ts";

const page = readPage("docs/envoy.md");
const blocks = blocksOf(page);

/** The commands of a page: what stands behind `bin/weir`, without comments. */
const commandsIn = (path: string): readonly (readonly string[])[] =>
  blocksOf(readPage(path))
    .filter(({ language }) => language === "sh")
    .flatMap(({ text }) => text.split("\n"))
    .flatMap((line) => {
      const written = /^bin\/weir (envoy .*?)(?: +#.*)?$/.exec(line)?.[1];
      return written === undefined ? [] : [written.split(" ")];
    });

describe("docs/envoy.md", () => {
  const folderOf = ownFolder();
  const looked = blocks.filter(({ section }) => section === "Looking at what is there");
  const config = looked.find(({ language }) => language === "yaml")?.text ?? "";
  const expected = looked.find(({ language }) => language === "text")?.text ?? "";
  // Where the page and README.md name files of the reader's own, these are.
  const fileOf = (name: string): string => join(folderOf({ [name]: config }), name);
  const own = (argument: string): string =>
    /^(?:envoy|bootstrap)\.yaml$/.test(argument)
      ? fileOf(argument)
      : argument === "my-policies"
        ? "policies"
        : argument;

  for (const path of ["docs/envoy.md", "README.md"]) {
    const commands = commandsIn(path);

    it(`is not without commands: ${path}`, () => assert.ok(commands.length > 1));

    for (const command of commands) {
      it(`has a command that does what it says: ${path}, weir ${command.join(" ")}`, async () => {
        const { code, printed, complained } = await run(command.map(own));
        assert.equal(complained, "");
        if (!command.includes("--check")) {
          assert.equal(code, 0);
          return;
        }
        assert.equal(code, 1);
        assert.equal(printed.replaceAll(/^.*\/(?:envoy|bootstrap)\.yaml:/gm, "envoy.yaml:"), expected);
      });
    }
  }

  it("shows what docs/cli.md shows", () => assert.ok(readPage("docs/cli.md").includes(expected)));

  it("tells every finding with how bad it is, and no other", () => {
    const told = Array.from(
      page.matchAll(/^\| `([a-z0-9-]+)` +\| (error|warning) +\| (.*?) +\|$/gm),
      ([, code, severity, meaning]) => [code, [severity, meaning]],
    );
    assert.deepEqual(Object.fromEntries(told), FINDINGS);
  });
});
