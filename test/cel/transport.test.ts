import assert from "node:assert/strict";
import fc from "fast-check";
import { isPackable, packed, unpacked } from "../../src/cel/transport.ts";
import { Duration, UnsignedInt } from "../../src/cel/types.ts";
import { Ip } from "../../src/std/ip.ts";
import { readStruct, structMessage, type StructValue } from "../../src/std/struct.ts";
import { WireReader } from "../../src/std/wire-reader.ts";
import { bytesOf } from "../../src/std/wire-writer.ts";

/** A value after its way through the bytes of a Struct. */
function travelled(value: StructValue): unknown {
  const reader = new WireReader(bytesOf(structMessage(new Map([["value", value]]))));
  return readStruct(reader, reader.whole).get("value");
}

function arrived(value: unknown, type: string): unknown {
  const sent = packed(value, type);
  assert.ok(sent !== undefined, `${type} is not packed`);
  return unpacked(travelled(sent), type);
}

const text = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string().map((one) => `=${one}`),
);
const int = fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.maxSafeInteger().map(BigInt));
const moment = fc.date({ min: new Date(0), max: new Date("9999-12-31T23:59:59Z"), noInvalidDate: true });
const scalars = {
  string: text,
  bool: fc.boolean(),
  int,
  uint: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((value) => new UnsignedInt(value)),
  double: fc.double(),
  timestamp: moment,
  duration: fc.integer().map((seconds) => new Duration(BigInt(seconds), 0)),
  ip: fc.ipV4().map((address) => Ip.parse(address)),
  bytes: fc.uint8Array(),
};

const anything = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constant(null),
    ...Object.values(scalars),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.array(fc.tuple(text, tie("value")), { maxLength: 3 }).map((entries) => new Map(entries)),
  ),
})).value;

describe("a value on its way in a Struct", () => {
  for (const [type, values] of Object.entries(scalars)) {
    it(`arrives as it was: ${type}`, () => {
      fc.assert(
        fc.property(values as fc.Arbitrary<unknown>, (value) => {
          assert.deepEqual(arrived(value, type), value);
          assert.deepEqual(arrived([value], `list(${type})`), [value]);
          assert.deepEqual(arrived(new Map([["k", value]]), `map(string, ${type})`), new Map([["k", value]]));
          assert.deepEqual(arrived(value, "dyn"), value);
        }),
      );
    });
  }

  it("arrives as it was where its type is not known", () => {
    fc.assert(fc.property(anything, (value) => assert.deepEqual(arrived(value, "dyn"), value)));
  });

  it("keeps the keys of maps", () => {
    const byNumber = new Map([[5n, "a"]]);
    assert.deepEqual(arrived(byNumber, "map(int, string)"), byNumber);
    const byBool = new Map([[true, ["a"]]]);
    assert.deepEqual(arrived(byBool, "map(bool, list(string))"), byBool);
  });

  it("is not packed where it is not of its type, nests too deep, or is half a character", () => {
    assert.equal(packed("5", "int"), undefined);
    assert.equal(packed(["a", 5n], "list(string)"), undefined);
    assert.equal(packed(new Map([[5n, "a"]]), "map(string, string)"), undefined);
    assert.equal(packed("\ud800", "string"), undefined);
    assert.equal(packed(new (class Own extends Map {})(), "dyn"), undefined);
    let deep: unknown = "a";
    for (let depth = 0; depth < 20; depth++) deep = [deep];
    assert.equal(packed(deep, "dyn"), undefined);
  });

  it("is nothing where what comes is of another type, whoever sent it", () => {
    for (const type of [
      "int",
      "uint",
      "timestamp",
      "duration",
      "ip",
      "bytes",
      "bool",
      "list(int)",
      "map(int, int)",
    ])
      for (const sent of ["x", "", new Map([["x", "y"]]), ["x"], null, "-1.5"])
        assert.ok(
          ["undefined", "object"].includes(typeof unpacked(sent, type)),
          `${type} of ${JSON.stringify(sent)}`,
        );
    assert.equal(unpacked("=int:x", "dyn"), undefined);
    assert.equal(unpacked("=nothing:x", "dyn"), undefined);
  });

  it("is of a type that travels, or is refused when files are loaded", () => {
    for (const type of [
      ...Object.keys(scalars),
      "dyn",
      "list(string)",
      "map(string, list(dyn))",
      "map(int, ip)",
    ])
      assert.ok(isPackable(type), type);
    for (const type of [
      "Workload",
      "Record_1",
      "optional(string)",
      "list(Workload)",
      "map(double, int)",
      "type",
    ])
      assert.ok(!isPackable(type), type);
  });
});
