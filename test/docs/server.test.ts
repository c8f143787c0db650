import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { SERVER_KEYS } from "../../src/policy/kind.ts";
import { SERVER_FILE } from "../../src/policy/server-file.ts";
import { readPage } from "./blocks.ts";

const folder = join(import.meta.dirname, "../../src/policy");

/** The names in the first column of the tables of a section. */
function rowsOf(page: string, heading: string): readonly string[] {
  const [, ...parts] = readPage(page).split(/^## /m);
  const section = parts.find((part) => part.startsWith(`${heading}\n`)) ?? "";
  return Array.from(section.matchAll(/^\| `([\w-]+)`/gm), ([, name]) => name ?? "");
}

describe("docs/server.md", () => {
  it("has a row for every key of weir.yaml, and for no other", () => {
    assert.deepEqual([...rowsOf("docs/server.md", "Every key")].sort(), [...SERVER_KEYS].sort());
  });

  it("speaks of the keys that the schema reads", () => {
    for (const key of SERVER_KEYS) {
      const { error } = SERVER_FILE.safeParse(new Map([[key, "?"]]));
      assert.ok(
        error?.issues.every(({ code }) => code !== "unrecognized_keys"),
        key,
      );
    }
  });
});

describe("what validate warns of", () => {
  it("is what the sources warn of", () => {
    const codes = readdirSync(folder).flatMap((name) =>
      Array.from(
        readFileSync(join(folder, name), "utf8").matchAll(
          /warning\([^"`]*?(?:\[[^\]]*\][^"`]*?)?, "([a-z]+-[a-z-]+)"/g,
        ),
        ([, code]) => code ?? "",
      ),
    );
    const told = rowsOf("docs/policy-language.md", "What validate warns of");
    assert.deepEqual([...new Set(codes)].sort(), [...told].sort());
  });
});
