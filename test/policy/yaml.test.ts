import assert from "node:assert/strict";
import fc from "fast-check";
import { printDiagnostic } from "../../src/policy/diagnostic.ts";
import { loadFiles } from "../../src/policy/load.ts";
import { MAX_FILE_BYTES, readYaml } from "../../src/policy/yaml.ts";
import { MAX_FINDINGS } from "../../src/policy/yaml-findings.ts";
import { isMapping } from "../../src/policy/tree.ts";
import { parseAny } from "./faults.ts";

const codesOf = (text: string | Uint8Array) => readYaml("a.yaml", text).diagnostics.map(({ code }) => code);

/** Everything that loading does with one file. */
function loadWhole(text: string | Uint8Array): void {
  const { documents, diagnostics } = loadFiles([{ path: "a.yaml", text }]);
  for (const one of [...diagnostics, ...documents.flatMap((document) => parseAny(document).diagnostics)]) {
    assert.ok(one.length >= 1 && one.line >= 1 && one.column >= 1);
    assert.ok(one.column - 1 + one.length <= Math.max(1, one.source.length + 1), printDiagnostic(one));
  }
}

describe("reading a file", () => {
  const policy = (rule: string) => `weir: 1\npolicy: p\nmatch: everything\nrules:\n  - id: a\n    ${rule}\n`;

  const accepted: readonly (readonly [string, string])[] = [
    ["a quoted negation", "allow: '!writes && x'"],
    ["a literal block", "allow: |\n      !writes && x # y"],
    ["a comment behind a quoted expression", "allow: 'x' # why"],
    ["a comment on a line of its own", "allow: x\n    # why"],
    ["a hash that cuts nothing", "allow: x#y"],
    ["a constant", "allow: true"],
    ["a number", "allow: 1.10"],
    ["yes, which is a text", "allow: yes"],
    ["a plain expression over lines", "allow: x &&\n      y"],
    ["a flow mapping without commas in the expression", 'response: { set: { a: b } }\n    allow: "f(a, b)"'],
    ["the key deny in a mapping of headers", "allow: x\n    response: { set: { allow: GET } } # why"],
    ["a plain value with a comment, where no expression is expected", "allow: x\n    status: 401 # why"],
  ];
  for (const [what, rule] of accepted) {
    it(`takes ${what}`, () => assert.deepEqual(codesOf(policy(rule)), []));
  }

  it("does not look for expressions in files that have none", () => {
    assert.deepEqual(codesOf("weir: 1\ntests: p\nexpect:\n  - as: a\n    allow: owner # why\n"), []);
    assert.deepEqual(codesOf("weir: 1\nlisten:\n  grpc:\n    tls:\n      key: a.pem # why\n"), []);
  });

  it("keeps the text of constants and numbers as it stands in the file", () => {
    const { root } = readYaml("a.yaml", "a: 1.10\nb: true\nc: 007\nd: 0x10\n");
    assert.ok(root !== undefined && isMapping(root.plain));
    assert.deepEqual(
      [...root.plain.values()].map((value) =>
        typeof value === "object" && "text" in value ? value.text : undefined,
      ),
      ["1.10", "true", "007", "0x10"],
    );
  });

  const refused: readonly (readonly [string, string | Uint8Array, string])[] = [
    ["more than a mebibyte", "#".repeat(MAX_FILE_BYTES + 1), "too-large"],
    ["a line without end", `a: ${"b".repeat(20_000)}`, "too-large"],
    ["a NUL", "weir: 1\0", "yaml-syntax"],
    ["an escape that steers a terminal", "weir: \u001b[2J", "yaml-syntax"],
    ["a carriage return alone", "weir: 1\rpolicy: p", "yaml-syntax"],
    ["bytes that are not UTF-8", Uint8Array.of(0x61, 0xff, 0xfe), "yaml-syntax"],
    ["UTF-16", new Uint8Array(Buffer.from("\uFEFFweir: 1", "utf16le")), "yaml-syntax"],
  ];
  for (const [what, content, code] of refused) {
    it(`refuses ${what}`, () => assert.deepEqual(codesOf(content), [code]));
  }

  it("takes a byte order mark and lines that end as on Windows", () => {
    const bytes = new TextEncoder().encode("\uFEFFweir: 1\r\npolicy: p\r\nmatch: everything\r\n");
    assert.deepEqual(codesOf(bytes), []);
    assert.equal(
      loadFiles([{ path: "a.yaml", text: bytes }]).documents[0]?.keyAt(["policy"]).source,
      "policy: p",
    );
  });

  it("never follows an alias, so that a bomb of them is a handful of diagnostics", () => {
    const levels = Array.from(
      { length: 30 },
      (_, level) => `a${level}: &a${level} [*a${level - 1}, *a${level - 1}]`,
    );
    const codes = codesOf(["weir: 1", "a-1: &a-1 x", ...levels].join("\n"));
    assert.ok(codes.length > 30 && codes.length <= MAX_FINDINGS);
    assert.deepEqual([...new Set(codes)], ["yaml-not-plain"]);
  });

  it("never throws, and says little, where a file is one fault thousands of times", function () {
    this.timeout(30_000);
    for (const piece of [
      "[",
      "{",
      "- ",
      "? ",
      ": ",
      "a: ",
      "!a ",
      "&a ",
      "*a ",
      "]",
      "\t",
      "---\n",
      "'",
      '"',
      "|\n",
      "%Y\n",
    ]) {
      const text = piece.repeat(20_000 / piece.length);
      for (const file of [
        text,
        `weir: 1\npolicy: p\nexcept: ${text}`,
        `weir: 1\npolicy: p\nrules:\n${text}`,
      ]) {
        const { documents, diagnostics } = loadFiles([{ path: "a.yaml", text: file }]);
        const all = [...diagnostics, ...documents.flatMap((document) => parseAny(document).diagnostics)];
        assert.ok(all.length >= 1 && all.length <= MAX_FINDINGS + 2, piece);
      }
    }
  });

  it("never throws, whatever the bytes are", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), loadWhole));
    fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 200 }), loadWhole));
  });

  it("never throws, whatever YAML is made of", () => {
    const words = [
      "weir: 1",
      "policy",
      "rules",
      "match",
      "let",
      "allow",
      "id",
      "response",
      "set",
      "tests",
      "expect",
      "__proto__",
    ];
    const marks = [
      ": ",
      "- ",
      "\n",
      "\n  ",
      "\n    ",
      "[",
      "]",
      "{",
      "}",
      ", ",
      "!",
      "&a",
      "*a",
      "#",
      " # ",
      "|",
      ">",
      "'",
      '"',
      "? ",
      "${",
      "\\",
      "~",
      "1",
      "true",
    ];
    const soup = fc.array(fc.constantFrom(...words, ...marks), { maxLength: 60 });
    fc.assert(
      fc.property(
        soup,
        fc.constantFrom("", "weir: 1\npolicy: p\n", "weir: 1\ntests: p\n", "weir: 1\nlisten: "),
        (pieces, start) => {
          loadWhole(start + pieces.join(""));
        },
      ),
      { numRuns: 1000 },
    );
  });
});
