import assert from "node:assert/strict";
import { readBody, typedValue, valueType } from "../../src/adapter/typed-values.ts";

describe("values of an answer's JSON", () => {
  it("are of a type, or are none", () => {
    const rows: readonly (readonly [json: string, type: string, wanted: unknown])[] = [
      ["5", "int", 5n],
      ["5", "double", 5],
      ["5.5", "double", 5.5],
      ["5.5", "int", undefined],
      ["9223372036854775808", "int", undefined],
      ["9223372036854775807", "int", 2n ** 63n - 1n],
      ["9223372036854775808", "double", 2 ** 63],
      ["5", "string", undefined],
      ['"5"', "string", "5"],
      ['"5"', "int", undefined],
      ["true", "bool", true],
      ["1", "bool", undefined],
      ["[1, 2]", "list(int)", [1n, 2n]],
      ['[1, "2"]', "list(int)", undefined],
      ['[1, "2"]', "list(dyn)", [1n, "2"]],
      ['{"a": 1}', "map(string, int)", new Map([["a", 1n]])],
      ['{"__proto__": 1}', "map(string, double)", new Map([["__proto__", 1]])],
      ['{"a": "1"}', "map(string, int)", undefined],
      ["[]", "map(string, dyn)", undefined],
      ["null", "dyn", null],
    ];
    for (const [json, type, wanted] of rows) {
      const read = readBody(Buffer.from(json));
      assert.deepEqual(read.kind === "value" && typedValue(read.value, type), wanted, `${json} as ${type}`);
    }
  });

  it("have types that are known", () => {
    for (const type of ["bool", "dyn", "list(string)", "list(dyn)", "map(string, int)"])
      assert.ok(valueType().safeParse(type).success, type);
    for (const type of ["text", "list", "list(list(int))", "map(int, int)", "map(string,int)", "bytes", 5])
      assert.ok(!valueType().safeParse(type).success, String(type));
  });
});
