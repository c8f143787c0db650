import assert from "node:assert/strict";
import { readStruct } from "../../src/std/struct.ts";
import { WireReader } from "../../src/std/wire-reader.ts";
import { Struct, type Value } from "../../src/wire/google/protobuf/struct.ts";

function decoded(fields: Iterable<readonly [string, Value]>): Map<string, unknown> {
  const bytes = Buffer.from(Struct.encode({ fields: new Map(fields) }).finish());
  return readStruct(new WireReader(bytes), { start: 0, end: bytes.length });
}

describe("a Struct", () => {
  it("is Maps, lists and scalars", () => {
    const inner = new Map<string, Value>([["__proto__", { stringValue: "own" }]]);
    const found = decoded([
      ["null", { nullValue: 0 }],
      ["number", { numberValue: -0.5 }],
      ["text", { stringValue: "é" }],
      ["yes", { boolValue: true }],
      ["no", { boolValue: false }],
      ["constructor", { structValue: { fields: inner } }],
      ["list", { listValue: { values: [{ numberValue: 0 }, { stringValue: "" }, {}] } }],
      ["nothing", {}],
    ]);
    const expected = new Map<string, unknown>([
      ["null", null],
      ["number", -0.5],
      ["text", "é"],
      ["yes", true],
      ["no", false],
      ["constructor", new Map([["__proto__", "own"]])],
      ["list", [0, "", null]],
      ["nothing", null],
    ]);
    assert.deepEqual(found, expected);
    assert.ok(found.get("constructor") instanceof Map);
  });

  it("that nests deeper than it is read ends in null", () => {
    let value: Value = { stringValue: "bottom" };
    for (let depth = 0; depth < 90; depth++) value = { listValue: { values: [value] } };
    let found = decoded([["deep", value]]).get("deep");
    let depth = 0;
    while (Array.isArray(found)) {
      const items: readonly unknown[] = found;
      found = items[0];
      depth += 1;
    }
    assert.equal(found, null);
    assert.ok(depth >= 30 && depth <= 33, `${depth} deep`);
  });
});
