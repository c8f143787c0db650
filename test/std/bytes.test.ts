import assert from "node:assert/strict";
import { parseBytes } from "../../src/std/bytes.ts";

describe("a number of bytes", () => {
  for (const [text, bytes] of [
    ["0", 0],
    ["65536", 65_536],
    ["64KiB", 65_536],
    ["2MiB", 2_097_152],
    ["1GiB", 1_073_741_824],
    ["64KB", undefined],
    ["64 KiB", undefined],
    ["-1", undefined],
    ["1.5MiB", undefined],
    ["999999999999GiB", undefined],
    ["", undefined],
  ] as const) {
    it(`is ${bytes ?? "nothing"} of ${JSON.stringify(text)}`, () => assert.equal(parseBytes(text), bytes));
  }
});
