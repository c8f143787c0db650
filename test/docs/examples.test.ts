import assert from "node:assert/strict";
import { CODES } from "../../src/policy/codes.ts";
import { ownFolder, run } from "../cli/fixture.ts";
import { blocksOf, pagePaths, readPage, type Block } from "./blocks.ts";

/**
 * A block that is a file of weir's configuration, or one that such a file names. The first line may say its name, as
 * `# tiers.yaml`, or that it is refused, as `# wrong: yaml-swallowed-cel`. The files of one section are one folder.
 */
interface Example {
  readonly page: string;
  readonly section: string;
  readonly line: number;
  readonly name: string;
  readonly text: string;
  readonly wrong: string | undefined;
}

const NAME = /^(?:#|\/\/) ([\w.-]*[./][\w./-]*)\n/;
const WRONG = /^# wrong: (.*)\n/;

const isExample = ({ language, text }: Block): boolean =>
  NAME.test(text) || (language === "yaml" && /^(?:#.*\n)*(?:weir: 1|domain: \w+)$/m.test(text));

/** Only YAML keeps the line with its name, which is a comment there. */
const exampleOf = (page: string, { line, section, language, text }: Block): Example => ({
  page,
  section,
  line,
  name: NAME.exec(text)?.[1] ?? `line-${line}.yaml`,
  text: language === "yaml" ? text : text.replace(NAME, ""),
  wrong: WRONG.exec(text)?.[1],
});

const blocks = pagePaths().flatMap((page) => blocksOf(readPage(page)).map((block) => ({ page, block })));
const examples = blocks.flatMap(({ page, block }) => (isExample(block) ? [exampleOf(page, block)] : []));
const good = examples.filter(({ wrong }) => wrong === undefined);
const folders = Map.groupBy(good, ({ page, section }) => `${page}, ${section}`);

describe("the examples of the documentation", () => {
  const folderOf = ownFolder();

  it("are there, with expectations", () => {
    for (const page of ["README.md", "docs/policy-language.md"]) {
      assert.ok(
        good.some((one) => one.page === page && /^tests:/m.test(one.text)),
        page,
      );
    }
  });

  it("are all of weir's YAML: what is not begins with a name of Envoy's, or with # Envoy or # Istio", () => {
    const others = blocks.filter(({ block }) => block.language === "yaml" && !isExample(block));
    const unknown = others.filter(({ block }) => !/^(?:# Envoy|# Istio|name: )/.test(block.text));
    assert.deepEqual(
      unknown.map(({ page, block }) => `${page}:${block.line}`),
      [],
    );
  });

  for (const [where, files] of folders) {
    const hasTests = files.some(({ text }) => /^tests:/m.test(text));
    const written = Object.fromEntries(files.map(({ name, text }) => [name, text]));

    it(`go live together, without a warning${hasTests ? ", and decide as their tests say" : ""}: ${where}`, async () => {
      assert.equal(Object.keys(written).length, files.length, "two files of one name");
      const folder = folderOf(written);
      const { code, printed } = await run(["validate", "--strict", folder]);
      assert.equal(code, 0, printed);
      assert.match(printed, / 0 warnings\n/);
      if (!hasTests) return;
      const tried = await run(["test", folder]);
      assert.equal(tried.code, 0, tried.printed + tried.complained);
    });
  }

  for (const { page, line, name, text, wrong } of examples) {
    if (wrong === undefined) continue;
    it(`that are wrong are refused as they say: ${page}:${line}`, async () => {
      assert.ok(wrong in CODES, wrong);
      const { code, printed } = await run(["validate", "--format", "json", folderOf({ [name]: text })]);
      assert.equal(code, 1);
      const found = Array.from(printed.matchAll(/"code": "([a-z0-9-]+)"/g), ([, one]) => one);
      assert.deepEqual([...new Set(found)], [wrong]);
    });
  }
});
