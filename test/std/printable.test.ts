import assert from "node:assert/strict";
import { isPrintable } from "../../src/std/printable.ts";

describe("text that a header can carry", () => {
  it("has a tab and no other control character", () => {
    const refused = Array.from({ length: 256 }, (_, code) => code).filter(
      (code) => !isPrintable(`a${String.fromCharCode(code)}b`),
    );
    const controls = Array.from({ length: 32 }, (_, code) => code).filter((code) => code !== 9);
    assert.deepEqual(refused, [...controls, 127]);
  });
});
