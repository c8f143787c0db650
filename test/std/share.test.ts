import assert from "node:assert/strict";
import { isWithinShare, parseShare } from "../../src/std/share.ts";

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

describe("a sample", () => {
  const keys = Array.from({ length: 20_000 }, (_, index) => `d_aaaaaaaaaaa${index}`);

  it("has as many as it says, of keys that differ little", () => {
    for (const share of [0, 0.001, 0.1, 0.5, 1]) {
      const found = keys.filter((key) => isWithinShare(key, share)).length / keys.length;
      assert.ok(Math.abs(found - share) < 0.02, `${found} of ${share}`);
    }
  });

  it("has all of every smaller one", () => {
    const smaller = keys.filter((key) => isWithinShare(key, 0.1));
    assert.ok(smaller.every((key) => isWithinShare(key, 0.2)));
  });
});
