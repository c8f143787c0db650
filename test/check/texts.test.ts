import assert from "node:assert/strict";
import fc from "fast-check";
import { UNKNOWN } from "../../src/cel/expression.ts";
import { headerText, rendered } from "../../src/check/texts.ts";

describe("the text of a header", () => {
  it("is any text without control characters, but for a tab", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 8 }), (text) => {
        const isPrintable = Array.from(text).every((one) => one === "\t" || (one >= " " && one !== "\u007f"));
        assert.equal(headerText(text), isPrintable ? text : UNKNOWN.request);
      }),
      { numRuns: 500 },
    );
    assert.equal(headerText("a\r\nb"), UNKNOWN.request);
    assert.equal(headerText("a\tb"), "a\tb");
  });

  it("is UNKNOWN by whose fault its value is", () => assert.equal(headerText(UNKNOWN.ours), UNKNOWN.ours));

  it("of a refusal is left out where it cannot be had", () => {
    const text = (value: string | typeof UNKNOWN.ours) => ({
      reads: [],
      isLiteral: false,
      render: () => value,
    });
    const named = [
      { name: "x-a", value: text("a") },
      { name: "x-b", value: text("b\n") },
      { name: "x-c", value: text(UNKNOWN.ours) },
    ];
    assert.deepEqual(rendered(named, {}), [["x-a", "a"]]);
  });
});
