import assert from "node:assert/strict";
import fc from "fast-check";
import { sanitizeUtf8 } from "../../src/std/utf8.ts";

describe("bytes that should be UTF-8", () => {
  const rows: readonly (readonly [bytes: readonly number[], text: string])[] = [
    [[], ""],
    [[0x61, 0x62], "ab"],
    [[0xc3, 0xa9], "é"],
    [[0xf0, 0x9f, 0x98, 0x80], "😀"],
    [[0xff], "!"],
    [[0x61, 0xff, 0x62], "a!b"],
    [[0xc3], "!"],
    [[0xc3, 0x61], "!a"],
    [[0xe2, 0x82], "!!"],
    [[0xc0, 0xaf], "!!"],
    [[0xed, 0xa0, 0x80], "!!!"],
    [[0xff, 0xc3, 0xa9, 0xff], "!é!"],
  ];
  for (const [bytes, text] of rows) {
    it(`${Buffer.from(bytes).toString("hex") || "nothing"} is ${JSON.stringify(text)}`, () => {
      assert.equal(sanitizeUtf8(Buffer.from(bytes)), text);
    });
  }

  it("are themselves where they are", () => {
    const text = fc.string({ unit: "binary" }).map((one) => one.toWellFormed());
    fc.assert(fc.property(text, (one) => assert.equal(sanitizeUtf8(Buffer.from(one)), one)));
  });

  it("become UTF-8 in which only the wrong bytes have changed", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const text = sanitizeUtf8(Buffer.from(bytes));
        assert.ok(text.isWellFormed() && !text.includes("\ufffd"));
        assert.equal(Buffer.byteLength(text), bytes.length);
      }),
    );
  });
});
