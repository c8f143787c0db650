import assert from "node:assert/strict";
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import {
  ALL,
  doubleField,
  lengthField,
  MalformedMessage,
  NOT_KEPT,
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

  it("is read in part with the same offsets, and as text of bytes", () => {
    const reader = new WireReader(Buffer.from("abcdéf"));
    const part = reader.part({ start: 2, end: 7 });
    assert.deepEqual(part.whole, { start: 2, end: 7 });
    assert.equal(part.text({ start: 2, end: 4 }), "cd");
    assert.equal(part.text({ start: 3, end: 7 }), "déf");
    assert.equal(part.binaryText({ start: 4, end: 6 }), "\u00c3\u00a9");
    assert.ok(part.is({ start: 2, end: 4 }, "cd") && !part.is({ start: 2, end: 4 }, "ce"));
    assert.ok(!part.is({ start: 2, end: 4 }, "c") && !part.is({ start: 2, end: 3 }, "cd"));
  });

  it("has values of maps by their keys: of one that comes twice the last, empty where it has none", () => {
    const entry = (key: string | undefined, value: string | undefined, isValueFirst = false): Uint8Array => {
      const parts = [
        key === undefined ? undefined : new BinaryWriter().uint32(lengthField(1)).string(key).finish(),
        value === undefined ? undefined : new BinaryWriter().uint32(lengthField(2)).string(value).finish(),
      ].filter((part) => part !== undefined);
      return Buffer.concat(isValueFirst ? parts.reverse() : parts);
    };
    const long = "k".repeat(200);
    const entries = [
      ...[entry("a", "1"), entry("b", "2"), entry("a", "3"), entry("turned", "4", true)],
      ...[entry("none", undefined), entry(undefined, "5"), entry(long, "6"), entry("é", "7")],
    ];
    const writer = new BinaryWriter();
    for (const one of entries) writer.uint32(lengthField(9)).bytes(one);
    const reader = new WireReader(Buffer.from(writer.finish()));
    const value = (key: string): string | undefined => {
      const found = reader.mapValue(reader.whole, lengthField(9), key);
      return found && reader.text(found);
    };
    const keys = ["a", "b", "turned", "none", "", long, "c", "ab"];
    assert.deepEqual(keys.map(value), ["3", "2", "4", "", "5", "6", undefined, undefined]);
  });

  it("has an outline: where what a walk passes is", () => {
    const layout = new Uint8Array([NOT_KEPT, 0, 2, 2 + ALL, 1, NOT_KEPT, 2]);
    const field = fc.oneof(
      fc.tuple(fc.nat(20), fc.nat(2 ** 32 - 1)).map(([number, value]) =>
        new BinaryWriter()
          .uint32(varintField(number + 1))
          .uint32(value)
          .finish(),
      ),
      fc
        .tuple(fc.constantFrom(1, 2, 3, 4, 5, 6, 100, 3_000), fc.uint8Array({ maxLength: 300, size: "max" }))
        .map(([number, bytes]) => new BinaryWriter().uint32(lengthField(number)).bytes(bytes).finish()),
      fc.double().map((double) => new BinaryWriter().uint32(doubleField(4)).double(double).finish()),
      fc.uint8Array({ minLength: 1, maxLength: 3 }),
    );
    fc.assert(
      fc.property(fc.array(field, { maxLength: 6 }), (fields) => {
        const bytes = Buffer.concat(fields);
        const reader = new WireReader(bytes);
        const wanted = Array<number>(14).fill(0);
        const found = Array<number>(14).fill(0);
        let fault = "";
        try {
          const walk = reader.fields(reader.whole);
          let before = 0;
          for (; walk.next(); before = walk.end) {
            const number = walk.tag >>> 3;
            const kind = layout[number] ?? NOT_KEPT;
            if ((kind & ~ALL) !== (walk.tag & 7)) continue;
            const isFirst = wanted[2 * number + 1] === 0;
            if (kind < ALL) wanted[2 * number] = walk.start;
            else if (isFirst) wanted[2 * number] = before;
            wanted[2 * number + 1] = walk.end;
          }
        } catch {
          fault = "malformed";
        }
        try {
          reader.outline(reader.whole, layout, found);
          assert.equal(fault, "");
          assert.deepEqual(found, wanted);
        } catch (error) {
          if (!(error instanceof MalformedMessage)) throw error;
          assert.equal(fault, "malformed");
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it("has numbers where a walk has passed them", () => {
    for (const number of [0, 1, 127, 128, 300, 2 ** 32, 2 ** 53 - 1]) {
      const bytes = new BinaryWriter().uint32(varintField(1)).uint64(BigInt(number)).finish();
      assert.equal(
        read(bytes, varintField(1), (reader, field) => reader.number(field.range())),
        number,
      );
    }
  });
});
