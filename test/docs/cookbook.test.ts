import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { OWN_REFUSALS } from "../../src/check/denial.ts";
import { CATALOGUE } from "../../src/telemetry/catalogue.ts";
import { run } from "../cli/fixture.ts";
import { pagePaths, proseOf, readPage } from "./blocks.ts";
import { filesOn, folderOf } from "./commands.ts";

const pages = pagePaths().filter((page) => /^docs\/(?:cookbook\/[^/]+|migration)\/[^/]+\.md$/.test(page));
const recipes = pages.filter((page) => page.startsWith("docs/cookbook/"));

/** The files of a page's folder, by their paths in the repository. */
const filesBelow = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== "README.md")
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();

/** What is served together: the page's folder, or where only folders in it have files, each of those. */
function configurationsIn(folder: string): readonly string[] {
  const yaml = filesBelow(folder).filter((path) => path.endsWith(".yaml"));
  if (yaml.some((path) => dirname(path) === folder)) return [folder];
  return [...new Set(yaml.map((path) => join(folder, relative(folder, path).split("/")[0] ?? "")))];
}

/** What can decide in a folder, as pages and logs write it: `orders/signed-in`, `orders/identity/user`, `orders/default`. */
function decidersIn(folder: string): ReadonlyMap<string, ReadonlySet<string>> {
  const texts = filesBelow(folder).map((path) => readFileSync(path, "utf8"));
  const identities = texts.flatMap((text) =>
    Array.from(
      text.matchAll(/^ {2}(\w+):\n {4}(?:jwt|mtls|apiKey|metadata):/gm),
      ([, name]) => `identity/${name ?? ""}`,
    ),
  );
  const policies = texts.flatMap((text): [string, ReadonlySet<string>][] => {
    const policy = /^policy: (.*)$/m.exec(text)?.[1];
    const rules = Array.from(text.matchAll(/^ {2}- id: (.*)$/gm), ([, id]) => id ?? "");
    return policy === undefined ? [] : [[policy, new Set(["default", ...rules, ...identities])]];
  });
  return new Map([...policies, ["weir", new Set(OWN_REFUSALS.map(([id]) => id.replace("weir/", "")))]]);
}

describe("the cookbook and the pages for those who come from elsewhere", () => {
  it("are there", () => {
    assert.equal(recipes.length, 10);
    assert.ok(pages.length > recipes.length);
  });

  it("have every recipe in the list", () => {
    const linked = Array.from(
      readPage("docs/cookbook/README.md").matchAll(/^\| \[.*?\]\((.*?)\)/gm),
      ([, to]) => join("docs/cookbook", to ?? ""),
    );
    assert.deepEqual(linked.sort(), recipes);
  });

  for (const page of pages) {
    it(`show the files as they are, and all of them: ${page} (node test/docs/update-pages.ts)`, () => {
      const shown = filesOn(page);
      for (const { block, name, path } of shown)
        assert.equal(block.text, `# ${name}\n${readFileSync(path, "utf8")}`, name);
      assert.deepEqual(shown.map(({ path }) => path).sort(), filesBelow(folderOf(page)));
    });

    it(`name metrics, and in tables rules, that there are: ${page}`, () => {
      const prose = proseOf(readPage(page));
      const metrics = new Set(Object.values(CATALOGUE).map(({ name }): string => name));
      const named = Array.from(prose.matchAll(/\b(weir_[a-z_]+)/g), ([, name]) => name ?? "");
      assert.deepEqual(
        named.filter((name) => !metrics.has(name)),
        [],
      );
      const deciders = decidersIn(folderOf(page));
      const written = Array.from(prose.matchAll(/^\|.*$/gm)).flatMap(([row]) => [
        ...row.matchAll(/`([a-z-]+)\/([a-z/-]+)`/g),
      ]);
      const wrong = written.filter(([, policy = "", rule = ""]) => deciders.get(policy)?.has(rule) === false);
      assert.deepEqual(
        wrong.map(([name]) => name),
        [],
      );
    });

    for (const folder of configurationsIn(folderOf(page))) {
      it(`go live without a warning, and every rule is decided by a test: ${folder}`, async () => {
        const valid = await run(["validate", "--strict", folder]);
        assert.equal(valid.code, 0, valid.printed);
        const tried = await run(["test", "--require", "rules=100%", folder]);
        assert.equal(tried.code, 0, tried.printed + tried.complained);
      });
    }
  }
});

/** The code in a page's columns that are called `In an expression`: each second cell that is nothing else. */
const expressionsOn = (page: string): readonly string[] =>
  proseOf(readPage(page))
    .split(/\n\n+/)
    .filter((paragraph) => /^\|[^|\n]*\| In an expression +\|/.test(paragraph))
    .flatMap((table) =>
      Array.from(table.matchAll(/^\| [^|]*? \| `([^`]+)` +\|/gm), ([, code]) => code ?? ""),
    );

describe("the tables for those who come from elsewhere", () => {
  for (const { page, policy } of [
    { page: "docs/migration/authorization-policy.md", policy: "httpbin" },
    { page: "docs/migration/opa-envoy.md", policy: "people" },
  ]) {
    const expressions = expressionsOn(page);
    it(`have expressions: ${page}`, () => assert.ok(expressions.length > 10));

    for (const expression of expressions) {
      it(`have one that compiles: ${page}: ${expression}`, async () => {
        const { code, complained } = await run(["eval", expression, "--policy", policy, folderOf(page)]);
        assert.equal(code, 0, complained);
      });
    }
  }
});
