import assert from "node:assert/strict";
import fc from "fast-check";
import { readJson, type JsonLimits } from "../../src/std/json.ts";
import { processorMs } from "../support/processor-time.ts";

const LIMITS: JsonLimits = { maxBytes: 10_000, maxDepth: 8, maxValues: 1_000 };

const read = (text: string | Buffer) => readJson(Buffer.from(text), LIMITS);

/** What JSON.parse finds, with Maps for objects. */
const plain = (text: string): unknown =>
  JSON.parse(text, (_key, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part) ? new Map(Object.entries(part)) : part,
  );

describe("JSON", () => {
  for (const text of [
    ...[
      "null",
      "true",
      "false",
      "0",
      "-0",
      "-1.5e-3",
      "1E2",
      '""',
      "[]",
      "{}",
      " [ 1 , 2 ] ",
      '\t{"a"\r:\n1}',
    ],
    ...['"\\u00e9\\n\\/\\ud83d\\ude00"', '{"__proto__":1,"constructor":[null]}', '"\u007f\u2028é"', "5e-324"],
    "9007199254740993",
  ]) {
    it(`${JSON.stringify(text)} is read as JSON.parse reads it`, () => {
      assert.deepEqual(read(text), { kind: "value", value: plain(text) });
    });
  }

  it("agrees with JSON.parse on whatever JSON.stringify writes", () => {
    // Names that come twice, and halves of surrogate pairs, are what it refuses on purpose.
    const value = fc.jsonValue({ maxDepth: 5 });
    const space = fc.constantFrom(undefined, 1, "\t");
    fc.assert(
      fc.property(value, space, (one, indent) => {
        const text = JSON.stringify(one, undefined, indent);
        fc.pre(text.length < 2_000 && plainText(text));
        assert.deepEqual(read(text), { kind: "value", value: plain(text) });
      }),
    );
  });

  it("reads nothing that JSON.parse does not, whatever the bytes are", () => {
    const near = fc.tuple(fc.jsonValue({ maxDepth: 3 }), fc.nat(), fc.nat(255)).map(([value, at, byte]) => {
      const bytes = Buffer.from(JSON.stringify(value));
      bytes[at % bytes.length] = byte;
      return bytes;
    });
    const anyBytes = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(fc.oneof(near, anyBytes), (bytes) => {
        const found = read(bytes);
        if (found.kind === "value") assert.deepEqual(found.value, plain(bytes.toString()));
      }),
      { numRuns: 2_000 },
    );
  });

  for (const [what, text] of [
    ["nothing", ""],
    ["blanks", " \n"],
    ["two values", "1 2"],
    ["a name that comes twice", '{"a":1,"a":1}'],
    ["a name that comes twice, once escaped", '{"a":1,"\\u0061":2}'],
    ["a byte order mark", "\ufeff{}"],
    ["bytes that are not UTF-8", Buffer.from([0x22, 0xff, 0x22])],
    ["an overlong encoding", Buffer.from([0x22, 0xc0, 0xaf, 0x22])],
    ["an encoded surrogate", Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])],
    ["half an escaped pair", '"\\ud83d"'],
    ["half an escaped pair in a name", '{"\\ude00":1}'],
    ["NaN", "NaN"],
    ["Infinity", "-Infinity"],
    ["a number beyond the doubles", "1e999"],
    ["a leading zero", "01"],
    ["a plus", "+1"],
    ["a bare point", "1."],
    ["a number in hex", "0x10"],
    ["a comma at the end of a list", "[1,]"],
    ["a comma at the end of an object", '{"a":1,}'],
    ["a missing comma", "[1 2]"],
    ["a missing colon", '{"a" 1}'],
    ["a missing value", '{"a":}'],
    ["a name without quotes", "{a:1}"],
    ["single quotes", "'a'"],
    ["a comment", "1 // one"],
    ["a line break in a string", '"a\nb"'],
    ["an unknown escape", '"\\x41"'],
    ["a cut escape", '"\\u12'],
    ["a cut string", '"a'],
    ["a cut object", '{"a":1'],
    ["a cut word", "tru"],
    ["a word that goes on", "nullx"],
    ["a blank of another kind", "\u00a01"],
  ] as const) {
    it(`${what} is malformed`, () => assert.equal(read(text).kind, "malformed"));
  }

  for (const [what, within, beyond] of [
    ["deep", "[".repeat(8) + "]".repeat(8), "[".repeat(9) + "]".repeat(9)],
    ["deep in objects", '{"a":'.repeat(8) + "1" + "}".repeat(8), '{"a":'.repeat(9) + "1" + "}".repeat(9)],
    ["many", `[${Array(999).fill(1).join()}]`, `[${Array(1_000).fill(1).join()}]`],
    ["long", `"${"a".repeat(9_998)}"`, `"${"a".repeat(9_999)}"`],
  ] as const) {
    it(`may not be too ${what}`, () => {
      assert.equal(read(within).kind, "value");
      assert.equal(read(beyond).kind, "too-large");
    });
  }

  it("takes time in proportion to its length, however it nests", () => {
    const limits = { maxBytes: 1 << 20, maxDepth: 64, maxValues: 100_000 };
    const hostile = [
      "[".repeat(1 << 20),
      '{"a":'.repeat(200_000),
      '"\\'.repeat(500_000),
      "1".repeat(1 << 20),
    ];
    for (const text of hostile) {
      const bytes = Buffer.from(text);
      const tookMs = processorMs(() => assert.notEqual(readJson(bytes, limits).kind, "value"));
      assert.ok(tookMs < 500, `${tookMs} ms`);
    }
  });
});

/** No half of a surrogate pair, raw or escaped. */
const plainText = (text: string): boolean => text.isWellFormed() && !/\\ud[89a-f]/i.test(text);
