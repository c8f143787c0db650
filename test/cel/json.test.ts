import assert from "node:assert/strict";
import { printJson } from "../../src/cel/json.ts";
import { valueOf } from "./fixture.ts";

describe("a value as JSON", () => {
  const ROWS: readonly (readonly [source: string, wanted: string | undefined])[] = [
    ['{"a": 1, "b": [true, null, 1.5, "x"]}', '{"a":1,"b":[true,null,1.5,"x"]}'],
    ["9007199254740993", '"9007199254740993"'],
    ["5u", '"5"'],
    ['{1: {"c": 2}, true: 3}', '{"1":{"c":2},"true":3}'],
    ['{"__proto__": 1}', '{"__proto__":1}'],
    ['b"\\x00\\xff"', '"AP8="'],
    ['timestamp("2026-01-02T03:04:05Z")', '"2026-01-02T03:04:05Z"'],
    ['duration("90s")', '"90s"'],
    ['ip("192.0.2.1")', '"192.0.2.1"'],
    ['"quote \\" and line \\n"', '"quote \\" and line \\n"'],
    ["1.0 / 0.0", '"+Inf"'],
    ["optional.of(1)", undefined],
    ["[type(1)]", undefined],
  ];
  for (const [source, wanted] of ROWS) {
    it(`of ${source} is ${wanted ?? "none"}`, () => assert.equal(printJson(valueOf(source)), wanted));
  }

  it("is none of what nests without end", () => {
    const circle: unknown[] = [];
    circle.push(circle);
    assert.equal(printJson(circle), undefined);
  });
});
