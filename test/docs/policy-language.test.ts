import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { MAX_FILES, MAX_TOTAL_BYTES } from "../../src/policy/folders.ts";
import { MAX_RULES } from "../../src/policy/policy-file.ts";
import { MAX_FILE_BYTES, MAX_LINE_LENGTH } from "../../src/policy/yaml.ts";
import { MAX_ELEMENTS, MAX_STEPS, MAX_TEXT } from "../../src/cel/meter.ts";
import { MAX_SOURCE_BYTES } from "../../src/cel/environment.ts";
import { readPage } from "./blocks.ts";

const folder = join(import.meta.dirname, "../../src/policy");

/** A section of the page, by its heading. */
function section(heading: string): string {
  const [, ...parts] = readPage("docs/policy-language.md").split(/^## /m);
  const found = parts.find((part) => part.startsWith(`${heading}\n`));
  assert.ok(found !== undefined, heading);
  return found;
}

/** The keys that the schemas refuse with `not-yet`. */
const laterKeys = (): readonly string[] =>
  readdirSync(folder).flatMap((name) =>
    Array.from(readFileSync(join(folder, name), "utf8").matchAll(/(\w+): notYet\(/g), ([, key]) => key ?? ""),
  );

describe("docs/policy-language.md", () => {
  it("lists every key that is not carried out yet", () => {
    const keys = laterKeys();
    assert.ok(keys.length > 0);
    const page = section("Not yet");
    const missing = keys.filter((key) => !new RegExp(`\`(\\w+\\.)?${key}[\`:]`).test(page));
    assert.deepEqual(missing, []);
  });

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
