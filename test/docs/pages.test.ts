import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generatePages, stalePages, writePages, type Pages } from "../../scripts/docs.ts";
import { ADAPTERS } from "../../adapters/index.ts";
import { VOCABULARY } from "../../src/attributes/vocabulary.ts";
import { FUNCTIONS } from "../../src/cel/functions.ts";
import { CODES } from "../../src/policy/codes.ts";
import { CATALOGUE } from "../../src/telemetry/catalogue.ts";
import { judgeAll } from "../cel/official/judge.ts";
import { CASES } from "../security/corpus.ts";
import { ELSEWHERE, LOAD_CASES } from "../security/corpus-loads.ts";

describe("the generated pages", () => {
  let pages: Pages;
  before(async () => {
    pages = await generatePages();
  });

  const expected: Readonly<Record<string, readonly string[]>> = {
    "adapters.md": ADAPTERS.flatMap(({ id, outputs }) => [id, ...Object.keys(outputs)]),
    "attributes.md": VOCABULARY.map(({ name }) => name),
    "cel-conformance.md": judgeAll()
      .judged.filter(({ outcome }) => outcome.kind !== "passed")
      .map(({ path }) => path),
    "diagnostics.md": Object.keys(CODES),
    "functions.md": FUNCTIONS.map(({ signature }) => signature),
    "metrics.md": Object.values(CATALOGUE).map(({ name }) => name),
    "security-cases.md": [...CASES, ...LOAD_CASES, ...ELSEWHERE].map(({ id }) => id),
  };

  it("are these", () => assert.deepEqual([...pages.keys()].sort(), Object.keys(expected)));

  for (const [name, rows] of Object.entries(expected)) {
    it(`have a row for everything in the table: ${name}`, () => {
      const page = pages.get(name) ?? "";
      const missing = rows.filter((row) => !page.includes(`\`${row}\``));
      assert.deepEqual(missing, []);
    });

    it(`say how they are generated: ${name}`, () => {
      const mark = name === "adapters.md" ? /^<!-- The table is generated/m : /^<!-- Generated/;
      assert.match(pages.get(name) ?? "", mark);
    });
  }

  it("are stale in a folder that lacks or changes one, and not after they are written", async () => {
    const folder = await mkdtemp(join(tmpdir(), "weir-docs-"));
    try {
      assert.deepEqual(await stalePages(folder, pages), [...pages.keys()]);
      await writePages(folder, pages);
      assert.deepEqual(await stalePages(folder, pages), []);
      const page = join(folder, "metrics.md");
      await writeFile(page, `${await readFile(page, "utf8")}\n`);
      assert.deepEqual(await stalePages(folder, pages), ["metrics.md"]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
