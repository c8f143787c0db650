import assert from "node:assert/strict";
import { LabelValues, UNKNOWN } from "../../../adapters/prometheus/label-values.ts";

describe("the values of a label", () => {
  const shown: readonly (readonly [value: string, text: string])[] = [
    ["plain", "plain"],
    ["", ""],
    ['a "quote"', String.raw`a \"quote\"`],
    ["back\\slash", String.raw`back\\slash`],
    ["two\nlines", String.raw`two\nlines`],
    ["a,b|c}\0=", "a,b|c}\0="],
    ["grün", Buffer.from("grün").toString("latin1")],
    ["half \ud800 a pair", Buffer.from("half \ufffd a pair").toString("latin1")],
  ];
  for (const [value, text] of shown) {
    it(`are shown as a page wants them: ${JSON.stringify(value)}`, () => {
      const values = new LabelValues(64);
      assert.equal(values.text(values.use(value)), text);
      assert.notEqual(values.find(value), UNKNOWN);
    });
  }

  it("are kept once, until the last label set has gone", () => {
    const values = new LabelValues(64);
    const number = values.use("a");
    assert.equal(values.use("a"), number);
    assert.notEqual(values.use("b"), number);
    values.release(number);
    assert.deepEqual([values.size, values.find("a")], [2, number]);
    values.release(number);
    assert.deepEqual([values.size, values.find("a")], [1, UNKNOWN]);
    assert.equal(values.use("c"), number, "the number is used again");
    assert.equal(values.text(number), "c");
  });

  it("are cut where they are too long, and stay different", () => {
    const values = new LabelValues(64);
    const long = "x".repeat(100);
    const texts = [long, `${long}y`, "x".repeat(64)].map((value) => values.text(values.use(value)));
    for (const text of texts) assert.equal(text.length, 64);
    assert.equal(new Set(texts).size, 3);
    assert.match(texts[0] ?? "", /^x{31}~[0-9a-f]{32}$/);
    // Who sends what another value was cut to is somebody else.
    const forged = values.use(texts[0] ?? "");
    assert.notEqual(forged, values.find(long));
    assert.notEqual(values.text(forged), texts[0]);
    assert.equal(values.find(texts[0] ?? ""), forged);
  });

  it("are well-formed where they are cut within a pair", () => {
    const values = new LabelValues(64);
    const text = Buffer.from(
      values.text(values.use(`${"x".repeat(30)}😀${"y".repeat(64)}`)),
      "latin1",
    ).toString();
    assert.match(text, /^x{30}\ufffd~[0-9a-f]{32}$/);
  });
});
