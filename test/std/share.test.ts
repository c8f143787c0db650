import assert from "node:assert/strict";
import { parseShare } from "../../src/std/share.ts";

describe("a share", () => {
  for (const [text, share] of [
    ["0%", 0],
    ["1%", 0.01],
    ["0.05%", 0.0005],
    ["100%", 1],
    ["100.1%", undefined],
    ["101%", undefined],
    ["-1%", undefined],
    ["1", undefined],
    [".5%", undefined],
    ["", undefined],
  ] as const) {
    it(`is ${share ?? "nothing"} of ${JSON.stringify(text)}`, () => assert.equal(parseShare(text), share));
  }
});
