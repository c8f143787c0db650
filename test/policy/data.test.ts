import assert from "node:assert/strict";
import fc from "fast-check";
import { MAX_DATA_BYTES, MAX_DATA_DEPTH, MAX_DATA_VALUES, readData } from "../../src/policy/data.ts";

const read = (path: string, text: string) => readData(path, Buffer.from(text));

describe("a data file", () => {
  const nets = [
    new Map([
      ["net", "10.0.0.0/8"],
      ["why", "a, b"],
    ]),
  ];
  const cases: readonly (readonly [path: string, text: string, type: string, value: unknown])[] = [
    [
      "a.yaml",
      "gold: 5\nsilver: 0x10\n",
      "map(string, int)",
      new Map([
        ["gold", 5n],
        ["silver", 16n],
      ]),
    ],
    ["a.yml", "[a, b]", "list(string)", ["a", "b"]],
    [
      "a.yaml",
      "a: 1\nb: 1.5\n",
      "map(string, dyn)",
      new Map<string, unknown>([
        ["a", 1n],
        ["b", 1.5],
      ]),
    ],
    ["a.yaml", "9007199254740993", "int", 9007199254740993n],
    [
      "a.yaml",
      "when: yes\nrules: [{ when: x }]\n",
      "map(string, dyn)",
      new Map<string, unknown>([
        ["when", "yes"],
        ["rules", [new Map([["when", "x"]])]],
      ]),
    ],
    ["a.yaml", "__proto__: true\n", "map(string, bool)", new Map([["__proto__", true]])],
    [
      "a.yaml",
      "a: {}\nb: { c: 1 }\n",
      "map(string, map(string, int))",
      new Map([
        ["a", new Map()],
        ["b", new Map([["c", 1n]])],
      ]),
    ],
    ["a.yaml", "[]", "list(dyn)", []],
    [
      "a.json",
      '{"a": {"b": 1}, "c": {}}',
      "map(string, map(string, int))",
      new Map([
        ["a", new Map([["b", 1n]])],
        ["c", new Map()],
      ]),
    ],
    [
      "a.json",
      '{"a": 9007199254740993, "b": 1.0}',
      "map(string, dyn)",
      new Map<string, unknown>([
        ["a", 9007199254740993n],
        ["b", 1],
      ]),
    ],
    ["a.json", '{"__proto__": null}', "map(string, dyn)", new Map([["__proto__", null]])],
    ["a.JSON", "[[1], [true]]", "list(list(dyn))", [[1n], [true]]],
    ["a.csv", 'net,why\r\n\r\n10.0.0.0/8,"a, b"\r\n', "list(map(string, string))", nets],
    ["a.csv", "net,why\n", "list(map(string, string))", []],
    ["a.txt", "# nets\n 10.0.0.0/8 \r\n\n::1\n", "list(string)", ["10.0.0.0/8", "::1"]],
    ["blocked", "", "list(string)", []],
  ];
  for (const [path, text, type, value] of cases) {
    it(`${path} with ${JSON.stringify(text)} is ${type}`, () => {
      assert.deepEqual(read(path, text), { data: { value, type }, diagnostics: [] });
    });
  }

  const faults: readonly (readonly [path: string, text: string | Buffer, code: string, line: number])[] = [
    ["a.yaml", "", "data-syntax", 1],
    ["a.yaml", "a: 1\na: 2\n", "duplicate-key", 2],
    ["a.yaml", "a: 1\nb: !x 2\n", "yaml-not-plain", 2],
    ["a.yaml", "a: 1\nb: 9223372036854775808\n", "wrong-value", 2],
    ["a.yaml", "a: 1\nb: .inf\n", "wrong-value", 2],
    ["a.yaml", "a: 1\nb:\n", "null-value", 2],
    ["a.yaml", "a: 1\nweir: 1\n", "data-syntax", 2],
    ["a.yaml", `a: ${"[".repeat(20)}${"]".repeat(20)}`, "too-deep", 1],
    ["a.json", "", "data-syntax", 1],
    ["a.json", '{"a": 1,\n"a": 2}', "data-syntax", 2],
    ["a.json", "[1,\n9223372036854775808]", "data-syntax", 2],
    ["a.json", `${"[".repeat(MAX_DATA_DEPTH + 1)}${"]".repeat(MAX_DATA_DEPTH + 1)}`, "too-large", 1],
    ["a.json", `[${"1,".repeat(MAX_DATA_VALUES)}1]`, "too-large", 1],
    ["a.csv", "", "data-syntax", 1],
    ["a.csv", "a,a\n1,2\n", "data-syntax", 1],
    ["a.csv", "a,\n1,2\n", "data-syntax", 1],
    ["a.csv", "a,b\n1,2\n3\n", "data-syntax", 3],
    ["a.csv", `a\n${"1\n".repeat(MAX_DATA_VALUES)}`, "too-large", 1],
    ["a.txt", Buffer.from([0x61, 0x0a, 0xff]), "data-syntax", 2],
    ["a.txt", "1\n".repeat(MAX_DATA_VALUES), "too-large", 1],
    ["a.txt", Buffer.alloc(MAX_DATA_BYTES + 1, 0x61), "too-large", 1],
  ];
  for (const [path, text, code, line] of faults) {
    it(`${path} with ${JSON.stringify(text.toString("latin1").slice(0, 40))} is refused as ${code} on line ${line}`, () => {
      const { data, diagnostics } = readData(path, Buffer.from(text));
      assert.equal(data, undefined);
      assert.deepEqual(
        diagnostics.map((one) => [one.file, one.code, one.line]),
        [[path, code, line]],
      );
    });
  }

  it("is whole or has a diagnostic, whatever its bytes are", () => {
    const path = fc.constantFrom("a.yaml", "a.json", "a.csv", "a.txt");
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.string({ unit: "grapheme", maxLength: 100 }).map((text) => Buffer.from(text)),
      fc.json().map((text) => Buffer.from(text)),
      fc
        .string({ unit: fc.constantFrom(...Array.from("a1,:\"'-[]{}\n #&*!")), maxLength: 60 })
        .map((text) => Buffer.from(text)),
    );
    fc.assert(
      fc.property(path, bytes, (file, content) => {
        const { data, diagnostics } = readData(file, content);
        assert.equal(data === undefined, diagnostics.length > 0);
      }),
      { numRuns: 2000 },
    );
  });

  it("has the values of the JSON that it is written as", () => {
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { maxDepth: 4 },
        fc.string(),
        fc.boolean(),
        fc.integer(),
        fc.array(tie("any")),
        fc.dictionary(fc.string(), tie("any")),
      ),
    })).any;
    const expected = (one: unknown): unknown => {
      if (Array.isArray(one)) return one.map(expected);
      if (typeof one === "object" && one !== null)
        return new Map(Object.entries(one).map(([key, inner]) => [key, expected(inner)]));
      return typeof one === "number" ? BigInt(one) : one;
    };
    fc.assert(
      fc.property(value, (one) => {
        assert.deepEqual(read("a.json", JSON.stringify(one)).data?.value, expected(one));
      }),
    );
  });
});
