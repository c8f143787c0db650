import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ownFolder } from "../cli/fixture.ts";
import { blocksOf, pagePaths, readPage } from "./blocks.ts";
import { commandsIn, runPageCommand, shows, type ReadersOwn } from "./commands.ts";

/** What is shown and not run here, each with why and with the test that runs it. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  "bin/weir serve my-policies": "serves until it is told to end: test/e2e/serve.test.ts",
  "weir why d_e7sic2gfushhz57j": "asks a weir that runs: test/e2e/why.test.ts",
  "weir tail --verdict deny": "asks a weir that runs: test/e2e/why.test.ts",
  "weir quotas --policy search --quota per-workload": "asks a weir that runs: test/e2e/quota-admin.test.ts",
  "weir quotas reset search/per-workload shop web": "asks a weir that runs: test/e2e/quota-admin.test.ts",
  "weir validate --diff main": "needs a repository with a change: test/docs/reviewing.test.ts",
  "bin/weir validate --diff FETCH_HEAD policies": "needs a repository: test/docs/reviewing.test.ts",
};

/** What finds something wrong, and so ends with 1, and prints nothing that the page shows. */
const FINDS: ReadonlySet<string> = new Set(["bin/weir envoy my-policies --check bootstrap.yaml"]);

const pages = pagePaths().filter((path) => path === "README.md" || path.startsWith("docs/"));
const blocks = pages.flatMap((page) => blocksOf(readPage(page)).map((block) => ({ page, block })));
/** docs/cli.md has a block of usage a command, with options in brackets: test/docs/cli.test.ts compares those. */
const commands = blocks
  .filter(({ page, block }) => page !== "docs/cli.md" || block.language === "console")
  .flatMap(({ page, block }) => commandsIn(block).map((command) => ({ page, line: block.line, command })));

describe("the commands that the documentation shows", () => {
  const ownOf = ownFolder();
  let own: ReadersOwn;
  before(() => (own = readersOwn(ownOf)));

  it("are there, with what they print", () => {
    assert.ok(commands.filter(({ command }) => command.shown !== undefined).length > 20);
  });

  it("stand in blocks that are looked at", () => {
    const others = blocks.filter(
      ({ block: { language, text } }) =>
        !["sh", "console"].includes(language) && /^(?:\$ +)?(?:bin\/)?weir (?!serves )/m.test(text),
    );
    assert.deepEqual(
      others.map(({ page, block }) => `${page}:${block.line}`),
      [],
    );
  });

  it("are run elsewhere where the list says so, and are on a page", () => {
    const written = new Set(commands.map(({ command }) => command.written));
    const wrong = Object.entries(ELSEWHERE).filter(
      ([command, reason]) => !written.has(command) || !existsSync(/: (\S+)$/.exec(reason)?.[1] ?? ""),
    );
    assert.deepEqual(wrong, []);
    assert.deepEqual(
      [...FINDS].filter((command) => !written.has(command)),
      [],
    );
  });

  for (const { page, line, command } of commands.filter(
    ({ command: { written } }) => !(written in ELSEWHERE),
  )) {
    const { written, shown } = command;
    it(`${shown === undefined ? "work" : "print what is shown"}: ${page}:${line} ${written}`, async () => {
      const { code, said } = await runPageCommand(command, own);
      assert.notEqual(code, 2, said);
      if (shown === undefined) assert.equal(code, FINDS.has(written) ? 1 : 0, said);
      else if (!shows(shown, said)) assert.equal(said.trimEnd(), shown.trimEnd());
    });
  }
});

/** What stands for files of the reader's own: the README's policy and its test, docs/envoy.md's Envoy, a pepper. */
function readersOwn(ownOf: ReturnType<typeof ownFolder>): ReadersOwn {
  const yamlOf = (path: string, section: string): readonly string[] =>
    blocksOf(readPage(path))
      .filter((block) => block.section === section && block.language === "yaml")
      .map(({ text }) => text);
  const policies = yamlOf("README.md", "A policy").map((text, index) => [`${String(index)}.yaml`, text]);
  const [envoy = ""] = yamlOf("docs/envoy.md", "Looking at what is there");
  const files = ownOf({ "envoy.yaml": envoy, pepper: "a pepper of the tests alone\n" });
  return new Map([
    ["my-policies", ownOf(Object.fromEntries(policies) as Record<string, string>)],
    ["envoy.yaml", join(files, "envoy.yaml")],
    ["bootstrap.yaml", join(files, "envoy.yaml")],
    ["secrets/pepper", join(files, "pepper")],
  ]);
}

describe("what a page shows of an output", () => {
  const said = "one\n  two\nthree\nfour\n";
  for (const { shown, expected } of [
    { shown: said, expected: true },
    { shown: "one\n  two\nthree\n", expected: false },
    { shown: "one\n…\n", expected: true },
    { shown: "one\n  …\nfour\n", expected: true },
    { shown: "…\nthree\n…\n", expected: true },
    { shown: "…\nfour\n", expected: true },
    { shown: "…\nthree\n", expected: false },
    { shown: "…\nhree\n…\n", expected: false },
    { shown: "  two\n…\n", expected: false },
    { shown: "…\nfour\n…\none\n", expected: false },
  ]) {
    it(`${expected ? "fits" : "does not fit"}: ${JSON.stringify(shown)}`, () => {
      assert.equal(shows(shown, said), expected);
    });
  }
});
