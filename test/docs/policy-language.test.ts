import assert from "node:assert/strict";
import { MAX_FILES, MAX_TOTAL_BYTES } from "../../src/policy/folders.ts";
import { MAX_RULES } from "../../src/policy/policy-file.ts";
import { MAX_FILE_BYTES, MAX_LINE_LENGTH } from "../../src/policy/yaml.ts";
import { MAX_ELEMENTS, MAX_STEPS, MAX_TEXT } from "../../src/cel/meter.ts";
import { MAX_SOURCE_BYTES } from "../../src/cel/environment.ts";
import { readPage } from "./blocks.ts";

/** A section of the page, by its heading. */
function section(heading: string): string {
  const [, ...parts] = readPage("docs/policy-language.md").split(/^## /m);
  const found = parts.find((part) => part.startsWith(`${heading}\n`));
  assert.ok(found !== undefined, heading);
  return found;
}

describe("docs/policy-language.md", () => {
  it("tells the limits as they are", () => {
    const page = section("Limits");
    const mebibytes = (bytes: number): string => `${bytes / 1024 / 1024} MiB`;
    const figures = [
      MAX_FILES,
      MAX_LINE_LENGTH,
      MAX_RULES,
      MAX_SOURCE_BYTES,
      MAX_STEPS,
      MAX_TEXT,
      MAX_ELEMENTS,
    ];
    const told = [
      ...figures.map((figure) => figure.toLocaleString("en-US")),
      mebibytes(MAX_TOTAL_BYTES),
      mebibytes(MAX_FILE_BYTES),
    ];
    assert.deepEqual(
      told.filter((figure) => !page.includes(figure)),
      [],
    );
  });
});
