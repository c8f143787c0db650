import assert from "node:assert/strict";
import fc from "fast-check";
import { keysOf, MAX_KEYS_BYTES, readingKeys } from "../../src/policy/keys-file.ts";
import { beginsAsKeys, readingPlainKeys } from "../../src/policy/keys-lines.ts";
import { SourceText } from "../../src/policy/source.ts";
import { MAX_FILE_BYTES, readYaml } from "../../src/policy/yaml.ts";
import { finish } from "../../src/std/steps.ts";

const read = (text: Uint8Array | string) => finish(readingKeys("keys.yaml", text));
const digest = (number: number): string => number.toString(16).padStart(64, "0");

describe("a keys file", () => {
  const whole = new Map([
    [digest(1), { id: "acme", plan: "gold", notAfterMs: Date.UTC(2027, 0, 1) }],
    [digest(2), { id: "other", plan: undefined, notAfterMs: undefined }],
  ]);
  const forms = {
    "a field a line": `weir: 1\n# keys\nkeys:\n  - id: acme # a comment\n    plan: "gold"\n    digest: ${digest(1)}\n    notAfter: 2027-01-01T00:00:00Z\n\n  - digest: ${digest(2)}\n    id: 'other'\n`,
    "a key a line": `weir: 1\nkeys:\n- { id: acme, plan: gold, digest: "${digest(1)}", notAfter: 2027-01-01T00:00:00Z }\n- { id: other, digest: "${digest(2)}" }\n`,
  };
  for (const [form, text] of Object.entries(forms)) {
    it(`is read with ${form}`, () => {
      assert.deepEqual(read(text), { keys: whole, diagnostics: [] });
      assert.deepEqual(read(Buffer.from(`\uFEFF${text.replaceAll("\n", "\r\n")}`)), {
        keys: whole,
        diagnostics: [],
      });
    });
  }

  const many = (count: number): string =>
    `weir: 1\nkeys:\n${Array.from({ length: count }, (_, index) => `  - id: key-${index}\n    digest: ${digest(index)}\n`).join("")}`;

  it("may be larger than other files when it has a field a line", () => {
    const text = many(20_000);
    assert.ok(text.length > MAX_FILE_BYTES && beginsAsKeys(text));
    assert.equal(read(text).keys?.size, 20_000);
  });

  it("is refused when it is large and not of that form, at the line that is not", () => {
    const { keys, diagnostics } = read(`${many(20_000)}  - { id: last, digest: "${digest(20_000)}" }\n`);
    assert.equal(keys, undefined);
    assert.deepEqual(
      diagnostics.map(({ code, line }) => [code, line]),
      [["too-large", 40_003]],
    );
    assert.deepEqual(
      read(Buffer.alloc(MAX_KEYS_BYTES + 1, 0x20)).diagnostics.map(({ code }) => code),
      ["too-large"],
    );
  });

  it("is told by its first lines", () => {
    assert.ok(beginsAsKeys("# ours\n\nweir: 1\n# keys\nkeys:\n"));
    for (const text of ["", "weir: 1\npolicy: x\n", "keys:\nweir: 1\n", "weir: 1\nkeys: [x]\n"]) {
      assert.equal(beginsAsKeys(text), false, text);
    }
  });

  it("says the same read line by line as it does as YAML", () => {
    const value = fc.constantFrom(
      "acme",
      "a",
      "null",
      "1",
      "0x1f",
      "1e3",
      "true",
      "a@b",
      "a.b-c",
      '"q"',
      "'q'",
      "~",
      "a:",
      "-",
      "",
    );
    const key = fc.constantFrom("id", "plan", "digest", "notAfter", "other");
    const valueOf = (name: string) =>
      name === "digest"
        ? fc.oneof({ weight: 9, arbitrary: fc.nat(3).map(digest) }, { weight: 1, arbitrary: value })
        : name === "notAfter"
          ? fc.constantFrom(
              "2027-01-01T00:00:00Z",
              "2027-02-31T00:00:00Z",
              "2027-01-01T00:00:00+01:00",
              "soon",
            )
          : value;
    const field = key.chain((name) => valueOf(name).map((one) => `${name}: ${one}`));
    const line = fc.tuple(
      fc.constantFrom("  - ", "    ", "    ", "   ", "- ", "  # "),
      field,
      fc.constantFrom("", "", " ", " # x", "#x"),
    );
    const good = fc
      .tuple(fc.nat(50), fc.nat(50))
      .map(([id, one]) => [`  - id: k${id}`, `    digest: ${digest(one)}`]);
    const lines = fc
      .array(
        fc.oneof(
          good,
          line.map((parts) => [parts.join("")]),
        ),
        { maxLength: 8 },
      )
      .map((all) => all.flat());
    let plainly = 0;
    fc.assert(
      fc.property(lines, (all) => {
        const text = `weir: 1\nkeys:\n${all.join("\n")}\n`;
        const plain = finish(readingPlainKeys(new SourceText("a.yaml", text)));
        if (typeof plain === "number") return;
        plainly++;
        assert.deepEqual(plain.keys, keysOf(readYaml("a.yaml", text)).keys, text);
      }),
      { numRuns: 3000 },
    );
    assert.ok(plainly > 100);
  });

  it("is whole or has a diagnostic, whatever its bytes are", () => {
    const rest = fc.oneof(
      fc.uint8Array({ maxLength: 100 }),
      fc.string({ unit: "grapheme" }).map((text) => Buffer.from(text)),
    );
    fc.assert(
      fc.property(
        fc.constantFrom("", "weir: 1\nkeys:\n", `weir: 1\nkeys:\n  - id: a\n    digest: ${digest(1)}\n`),
        rest,
        (start, bytes) => {
          const { keys, diagnostics } = read(Buffer.concat([Buffer.from(start), bytes]));
          assert.equal(keys === undefined, diagnostics.length > 0);
        },
      ),
      { numRuns: 1000 },
    );
  });
});
