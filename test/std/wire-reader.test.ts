import assert from "node:assert/strict";
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import {
  doubleField,
  lengthField,
  MalformedMessage,
  varintField,
  WireReader,
  type WireFields,
} from "../../src/std/wire-reader.ts";

/** The value of the field with the tag, once all fields have been walked through. */
function read<T>(
  bytes: Uint8Array,
  tag: number,
  value: (reader: WireReader, field: WireFields) => T,
): T | undefined {
  const reader = new WireReader(Buffer.from(bytes));
  const fields = reader.fields(reader.whole);
  let found: T | undefined;
  while (fields.next()) if (fields.tag === tag) found = value(reader, fields);
  return found;
}

describe("the wire format", () => {
  it("is read as it was written", () => {
    const fields = fc.record({
      varint: fc.nat({ max: 2 ** 32 - 1 }),
      int64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      double: fc.double(),
      text: fc.string({ unit: "binary" }).map((text) => text.toWellFormed()),
      bytes: fc.uint8Array(),
    });
    fc.assert(
      fc.property(fields, ({ varint, int64, double, text, bytes }) => {
        const message = new BinaryWriter()
          .uint32(varintField(1))
          .uint32(varint)
          .uint32(varintField(2))
          .int64(int64)
          .uint32(doubleField(3))
          .double(double)
          .uint32(lengthField(4))
          .string(text)
          .uint32(lengthField(5))
          .bytes(bytes)
          .uint32(77 * 8 + 5)
          .fixed32(7)
          .uint32(lengthField(1_000))
          .string("after")
          .finish();
        const textOf = (reader: WireReader, field: WireFields): string => reader.text(field);
        assert.equal(
          read(message, varintField(1), (_reader, field) => field.number),
          varint,
        );
        assert.equal(
          read(message, varintField(2), (_reader, field) => field.int64()),
          int64,
        );
        assert.deepEqual(
          read(message, doubleField(3), (reader, field) => reader.double(field)),
          double,
        );
        assert.equal(read(message, lengthField(4), textOf), text);
        assert.deepEqual(
          read(message, lengthField(5), (reader, field) => reader.bytes(field)),
          Buffer.from(bytes),
        );
        assert.equal(read(message, lengthField(1_000), textOf), "after");
      }),
    );
  });

  it("nests: a message in a message is a walk of its own", () => {
    const inner = new BinaryWriter()
      .uint32(varintField(1))
      .uint32(5)
      .uint32(varintField(2))
      .uint32(6)
      .finish();
    const message = new BinaryWriter()
      .uint32(lengthField(1))
      .bytes(inner)
      .uint32(varintField(3))
      .uint32(7)
      .finish();
    const innerTwo = read(message, lengthField(1), (reader, field) => {
      const within = reader.fields(field.range());
      const numbers: number[] = [];
      while (within.next()) numbers.push(within.number);
      return numbers;
    });
    assert.deepEqual(innerTwo, [5, 6]);
    assert.equal(
      read(message, varintField(3), (_reader, field) => field.number),
      7,
    );
  });

  it("is told to be ASCII only where every byte is", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20 }), fc.nat(20), fc.nat(20), (bytes, one, other) => {
        const [start, end] = [
          Math.min(one, other, bytes.length),
          Math.min(Math.max(one, other), bytes.length),
        ];
        const reader = new WireReader(Buffer.from(bytes));
        assert.equal(
          reader.asciiText({ start, end }) !== undefined,
          bytes.subarray(start, end).every((byte) => byte < 0x80),
        );
      }),
    );
  });

  const malformed: readonly (readonly [what: string, bytes: readonly number[]])[] = [
    ["a tag that is cut", [0x80]],
    ["a field number 0", [0x00, 0x00]],
    ["a field number of more than 29 bits", [0x80, 0x80, 0x80, 0x80, 0x10, 0x00]],
    ["a varint that is cut", [0x08, 0xff]],
    ["a varint of more than ten bytes", [0x08, ...Array<number>(11).fill(0x80), 0x01]],
    ["a length beyond the end", [0x0a, 0x05, 0x61]],
    ["a length that is enormous", [0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]],
    ["a fixed32 that is cut", [0x0d, 0x00, 0x00]],
    ["a fixed64 that is cut", [0x09, 0x00]],
    ["a group", [0x0b, 0x0c]],
    ["wire type 6", [0x0e]],
    ["wire type 7", [0x0f]],
  ];
  for (const [what, bytes] of malformed) {
    it(`refuses ${what}`, () => {
      assert.throws(() => read(Uint8Array.from(bytes), -1, () => undefined), MalformedMessage);
    });
  }

  it("refuses a field that reaches past the message it is in, though not past the bytes", () => {
    const reader = new WireReader(Buffer.from([0x0a, 0x02, 0x0a, 0x01, 0x61, 0x61]));
    const fields = reader.fields(reader.whole);
    assert.ok(fields.next());
    const inner = reader.fields(fields.range());
    assert.throws(() => inner.next(), MalformedMessage);
  });

  it("gives bytes that are no UTF-8 as replacement characters", () => {
    const bytes = Uint8Array.of(0x0a, 0x03, 0x61, 0xff, 0x62);
    assert.equal(
      read(bytes, lengthField(1), (reader, field) => reader.text(field)),
      "a\ufffdb",
    );
  });
});
