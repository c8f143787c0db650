import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { pagePaths, proseOf, readPage } from "./blocks.ts";

const root = join(import.meta.dirname, "../..");

/** Where a page's links lead, inside the repository: `docs/cli.md#weir-test`. */
const targetsOf = (page: string): readonly string[] =>
  Array.from(proseOf(readPage(page)).matchAll(/\]\(([^)\s]+)\)/g), ([, target]) => target ?? "")
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => (target.startsWith("#") ? page + target : join(dirname(page), target)));

/** What a heading's anchor is called: lower case, without punctuation, hyphens for blanks. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .replaceAll(" ", "-");

const anchorsOf = (page: string): readonly string[] =>
  Array.from(proseOf(readPage(page)).matchAll(/^#+ (.*)$/gm), ([, heading]) => anchorOf(heading ?? ""));

describe("the links of the documentation", () => {
  it("are there", () => assert.ok(pagePaths().flatMap(targetsOf).length > 30));

  for (const page of pagePaths()) {
    it(`of ${page} lead somewhere`, () => {
      const broken = targetsOf(page).filter((target) => {
        const [path = "", anchor] = target.split("#");
        if (!existsSync(join(root, path))) return true;
        return anchor !== undefined && !anchorsOf(path).includes(anchor);
      });
      assert.deepEqual(broken, []);
    });
  }

  it("reach every page from README.md", () => {
    const reached = new Set<string>();
    const visit = (page: string): void => {
      if (reached.has(page)) return;
      reached.add(page);
      for (const target of targetsOf(page)) {
        const path = target.replace(/#.*$/, "").replace(/\/$/, "/README.md");
        if (path.endsWith(".md") && existsSync(join(root, path))) visit(path);
      }
    };
    visit("README.md");
    const own = pagePaths().filter((page) => !page.startsWith("protos/"));
    assert.deepEqual(
      own.filter((page) => !reached.has(page)),
      [],
    );
  });
});
