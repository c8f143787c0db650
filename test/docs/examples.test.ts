import assert from "node:assert/strict";
import { nameOf, tryExpectation } from "../../src/check/expectation.ts";
import { compileConfiguration, type Configuration } from "../../src/policy/compile.ts";
import { CODES } from "../../src/policy/codes.ts";
import { printDiagnostic } from "../../src/policy/diagnostic.ts";
import { loadFiles, type SourceFile } from "../../src/policy/load.ts";
import { blocksOf, pagePaths, readPage } from "./blocks.ts";

/** A file of policies that a page shows; `wrong` is the code that its first line says it is refused with. */
interface Example extends SourceFile {
  readonly page: string;
  readonly wrong: string | undefined;
}

const examples: readonly Example[] = pagePaths().flatMap((page) =>
  blocksOf(readPage(page))
    .filter(({ language, text }) => language === "yaml" && /^(# wrong: .*\n)?weir: 1$/m.test(text))
    .map(({ line, text }) => ({
      page,
      path: `${page}:${line}.yaml`,
      text,
      wrong: /^# wrong: (.*)\n/.exec(text)?.[1],
    })),
);

const compile = (files: readonly SourceFile[]): Configuration =>
  compileConfiguration(loadFiles(files), "docs");

const pages = Map.groupBy(examples, ({ page }) => page);

describe("the examples of the documentation", () => {
  it("are there", () => {
    for (const page of ["README.md", "docs/policy-language.md"]) assert.ok(pages.has(page), page);
  });

  for (const [page, all] of pages) {
    // The files that a page shows as good are one folder: its tests speak of its policies.
    const { snapshot, tests, diagnostics } = compile(all.filter(({ wrong }) => wrong === undefined));

    it(`of ${page} go live together, without a warning`, () => {
      assert.deepEqual(diagnostics.map(printDiagnostic), []);
      assert.ok(snapshot);
    });

    it(`of ${page} decide as their tests say`, () => {
      assert.ok(snapshot);
      const outcomes = tests.flatMap(({ file }) =>
        file.expect.map((one) => tryExpectation(snapshot, file, one, 0)),
      );
      assert.ok(outcomes.length > 0, "the page shows no expectation");
      for (const { differences, verdict } of outcomes) assert.deepEqual(differences, [], nameOf(verdict.by));
    });
  }

  for (const { path, text, wrong } of examples) {
    if (wrong === undefined) continue;
    it(`that are wrong are refused as they say: ${path}`, () => {
      assert.ok(wrong in CODES, wrong);
      const { snapshot, diagnostics } = compile([{ path, text }]);
      assert.equal(snapshot, undefined);
      assert.deepEqual([...new Set(diagnostics.map(({ code }) => code))], [wrong]);
    });
  }
});
