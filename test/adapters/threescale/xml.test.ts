import assert from "node:assert/strict";
import fc from "fast-check";
import { readXml, type Element } from "../../../adapters/threescale/xml.ts";
import { processorMs } from "../../support/processor-time.ts";

const shown = ({ name, attributes, children, text }: Element): string => {
  const named = Array.from(attributes, ([key, value]) => ` ${key}=${value}`).join("");
  return `${name}${named}[${children.map(shown).join(",")}${children.length === 0 ? text : ""}]`;
};

describe("XML", () => {
  for (const [source, expected] of [
    ["<a/>", "a[]"],
    ["<a></a>", "a[]"],
    ["<a>x</a>", "a[x]"],
    ['<?xml version="1.0" encoding="UTF-8"?>\n<a b="1" c=\'2\'><d/><e>f</e></a>\n', "a b=1 c=2[d[],e[f]]"],
    ["<a>&lt;&amp;&gt;&quot;&apos;&#65;&#x42;</a>", "a[<&>\"'AB]"],
    ["<a_b.c-d/>", "a_b.c-d[]"],
    ['<a\n b = "x y" />', "a b=x y[]"],
  ] as const) {
    it(`is read: ${JSON.stringify(source)}`, () => {
      const root = readXml(source);
      assert.equal(root && shown(root), expected);
    });
  }

  for (const source of [
    "",
    "text",
    "<a>",
    "</a>",
    "<a></b>",
    "<a/><b/>",
    "<a/>x",
    "x<a/>",
    "<a></a></a>",
    "<a b=c/>",
    '<a b="1" b="2"/>',
    '<a b="<"/>',
    "<a>&x;</a>",
    "<a>& b</a>",
    "<a>&#x110000;</a>",
    "<!DOCTYPE a><a/>",
    '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
    "<a><![CDATA[x]]></a>",
    "<a><!-- x --></a>",
    "<a><?php x ?></a>",
    "<a></a/>",
    '<a></a b="c">',
    "<html><body><p>502</body></html>",
    `${"<a>".repeat(50)}${"</a>".repeat(50)}`,
    `<a>${"<b/>".repeat(40_000)}</a>`,
  ]) {
    it(`is not read: ${JSON.stringify(source.slice(0, 60))}`, () => assert.equal(readXml(source), undefined));
  }

  it("never throws, and ends soon", () => {
    const text = fc.array(
      fc.constantFrom("<", ">", "/", "a", "=", '"', "&", ";", " ", "<a>", "</a>", "<a b='c'"),
    );
    fc.assert(fc.property(text, (parts) => void readXml(parts.join(""))));
    const tookMs = processorMs(() => {
      assert.equal(readXml(`<a ${'b="c" '.repeat(50_000)}`), undefined);
      assert.equal(readXml(`<a${" ".repeat(100_000)}`), undefined);
    });
    assert.ok(tookMs < 1_000, `${tookMs} ms`);
  });
});
