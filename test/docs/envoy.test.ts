import assert from "node:assert/strict";
import { FINDINGS } from "../../src/envoy/findings.ts";
import { blocksOf, readPage } from "./blocks.ts";
import { commandsIn } from "./commands.ts";

const page = readPage("docs/envoy.md");
const blocks = blocksOf(page);

describe("docs/envoy.md", () => {
  it("shows what docs/cli.md shows", () => {
    const shown = blocks.flatMap((block) => commandsIn(block)).flatMap((command) => command.shown ?? []);
    assert.equal(shown.length, 1);
    for (const one of shown) assert.ok(readPage("docs/cli.md").includes(one));
  });

  it("tells every finding with how bad it is, and no other", () => {
    const told = Array.from(
      page.matchAll(/^\| `([a-z0-9-]+)` +\| (error|warning) +\| (.*?) +\|$/gm),
      ([, code, severity, meaning]) => [code, [severity, meaning]],
    );
    assert.deepEqual(Object.fromEntries(told), FINDINGS);
  });
});
