import assert from "node:assert/strict";
import fc from "fast-check";
import { stringify } from "yaml";
import type { Document } from "../../src/policy/document.ts";
import { loadFiles } from "../../src/policy/load.ts";
import { isMapping } from "../../src/policy/tree.ts";

function documentOf(text: string): Document {
  const { documents, diagnostics } = loadFiles([{ path: "a.yaml", text }]);
  assert.deepEqual(diagnostics, []);
  const [document] = documents;
  assert.ok(document);
  return document;
}

/** The part of the file that is underlined. */
function underlined(
  document: Document,
  path: readonly (string | number)[],
  span?: { start: number; end: number },
): string {
  const { source, column, length } = document.at(path, span);
  return source.slice(column - 1, column - 1 + length);
}

describe("the place of a part of a text", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["plain", "except: request.host == wanted\n"],
    ["plain over two lines", "except: request.host ==\n    wanted\n"],
    ["in single quotes", "except: 'it''s == wanted'\n"],
    ["in single quotes over lines", "except: 'it''s ==\n\n   wanted'\n"],
    ["in double quotes", 'except: "a\\t\\u00e9\\x41\\U0001F600\\\\\\" == wanted"\n'],
    ["in double quotes with a line joined", 'except: "a == \\\n   wanted"\n'],
    ["literal", "except: |\n  a &&\n    b ==\n  wanted\n"],
    ["literal with a comment beside the bar", "except: |- # why\n  a &&\n\n  wanted\n"],
    ["literal with its own indentation", "except: |2\n    a\n   wanted\n"],
    ["folded", "except: >\n  a &&\n  b\n\n    c ==\n  wanted\n"],
    ["folded and stripped", "except: >-\n  a &&\n  wanted\n"],
    ["behind a byte order mark", "\uFEFFexcept: a == wanted\n"],
    ["behind wide characters", "except: '𝒳é' == wanted\n".replace("'𝒳é'", "𝒳é")],
  ];
  for (const [how, except] of cases) {
    for (const newline of ["\n", "\r\n"]) {
      it(`is found ${how}, lines ending with ${JSON.stringify(newline)}`, () => {
        const document = documentOf(`${except}weir: 1\npolicy: p\n`.replaceAll("\n", newline));
        assert.ok(isMapping(document.plain));
        const text = document.plain.get("except");
        assert.ok(typeof text === "string");
        const start = text.indexOf("wanted");
        assert.equal(underlined(document, ["except"], { start, end: start + 6 }), "wanted");
      });
    }
  }

  it("is at the end of the text for what is missing there", () => {
    const document = documentOf("weir: 1\npolicy: p\nexcept: 'a =='\n");
    assert.equal(document.at(["except"], { start: 4, end: 4 }).column, 14);
  });

  it("is the nearest key where the path does not exist", () => {
    const document = documentOf("weir: 1\npolicy: p\nmatch: { hosts: [a] }\n");
    assert.equal(document.at(["match", "paths", 3]).line, 3);
    assert.equal(underlined(document, ["match", "paths"]), "match");
    assert.equal(underlined(document, ["nothing"]), "weir");
    assert.equal(underlined(document, ["match", "hosts", 0]), "a");
    assert.equal(document.keyAt(["match", "hosts"]).column, 10);
  });

  it("is exact for every character that is not white space, however it is written", () => {
    const alphabet = "ab \n\t'\"\\#:&é𝒳{}".match(/./gsu) ?? [];
    const content = fc
      .array(fc.constantFrom(...alphabet), { minLength: 1, maxLength: 40 })
      .map((all) => all.join(""));
    const style = fc.constantFrom("QUOTE_DOUBLE", "QUOTE_SINGLE", "BLOCK_LITERAL", "BLOCK_FOLDED", "PLAIN");
    const width = fc.integer({ min: 12, max: 40 });
    fc.assert(
      fc.property(content, style, width, (text, defaultStringType, lineWidth) => {
        const options = {
          defaultStringType,
          defaultKeyType: "PLAIN",
          lineWidth,
          minContentWidth: 0,
        } as const;
        const yaml = stringify({ weir: 1, tests: "p", body: text }, options);
        const { documents } = loadFiles([{ path: "a.yaml", text: yaml }]);
        const [document] = documents;
        // Some of these texts are not printable in YAML as they stand; what is read is what counts.
        if (document === undefined || !isMapping(document.plain) || document.plain.get("body") !== text)
          return;
        for (const { 0: character, index } of text.matchAll(/[ab&{}]/g)) {
          assert.equal(underlined(document, ["body"], { start: index, end: index + 1 }), character, yaml);
        }
      }),
      { numRuns: 500 },
    );
  });
});
