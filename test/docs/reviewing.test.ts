import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { run } from "../cli/fixture.ts";
import { type Files, GIT_ENVIRONMENT, ownRepositories } from "../support/repository.ts";
import { blocksOf, readPage } from "./blocks.ts";
import { commandsIn, shows } from "./commands.ts";

const STEPS = "docs/cookbook/shadow-roll-out";

/** The files of one step of the cookbook's roll-out, as those of `policies/`. */
const filesOf = (step: string): Files =>
  Object.fromEntries(
    readdirSync(join(import.meta.dirname, "../..", STEPS, step)).map((name) => [
      `policies/${name}`,
      readPage(join(STEPS, step, name)),
    ]),
  );

describe("docs/reviewing.md", () => {
  const repositoryWith = ownRepositories();
  const blocks = ["docs/reviewing.md", "docs/cli.md"].flatMap((page) => blocksOf(readPage(page)));
  const commands = blocks
    .filter(({ language }) => language === "console")
    .flatMap(commandsIn)
    .filter(({ args }) => args.includes("--diff"));

  it("prints what weir says of the cookbook's roll-out, as docs/cli.md does", async () => {
    const repository = await repositoryWith(filesOf("1-shadow"));
    const commit = (await repository.git("rev-parse", "HEAD")).slice(0, 12);
    await repository.write(filesOf("3-enforce"));
    const folder = join(repository.folder, "policies");
    const { code, printed } = await run(
      ["validate", "--diff", "main", folder],
      AbortSignal.abort(),
      GIT_ENVIRONMENT,
    );
    assert.equal(code, 0);
    const shown = commands.flatMap((command) => command.shown ?? []);
    assert.equal(shown.length, 2);
    // A commit has a name of its own each time it is made.
    const said = printed.replace(commit, "7a61388e36eb");
    for (const text of shown) if (!shows(text, said)) assert.equal(said, text);
  });

  it("shows commands for CI that do what it says", async () => {
    const repository = await repositoryWith(filesOf("1-shadow"));
    const origin = await repositoryWith(filesOf("1-shadow"));
    await repository.git("fetch", "--quiet", "--depth=1", origin.folder, "main");
    await repository.write(filesOf("3-enforce"));
    const lines = blocks.find(({ section, language }) => section === "In CI" && language === "sh");
    const inCi = lines === undefined ? [] : commandsIn(lines);
    assert.equal(inCi.length, 3);
    for (const { args } of inCi) {
      const here = args.map((one) => (one === "policies" ? join(repository.folder, one) : one));
      const { code, complained } = await run(here, AbortSignal.abort(), GIT_ENVIRONMENT);
      assert.equal(code, 0, complained);
    }
  });
});
