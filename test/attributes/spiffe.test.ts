import assert from "node:assert/strict";
import fc from "fast-check";
import { parseSpiffeId } from "../../src/attributes/spiffe.ts";

describe("a SPIFFE id", () => {
  it("names trust domain, namespace and service account", () => {
    assert.deepEqual(parseSpiffeId("spiffe://cluster.local/ns/shop/sa/web"), {
      id: "spiffe://cluster.local/ns/shop/sa/web",
      trustDomain: "cluster.local",
      namespace: "shop",
      serviceAccount: "web",
    });
  });

  const withoutNames = [
    "spiffe://td",
    "spiffe://td/ns/a",
    "spiffe://td/ns/a/sa/b/c",
    "spiffe://td/x/ns/a/sa/b",
    "spiffe://td/NS/a/sa/b",
    "spiffe://td/sa/a/ns/b",
  ];
  for (const id of withoutNames) {
    it(`${id} names a trust domain only`, () => {
      assert.deepEqual(parseSpiffeId(id), {
        id,
        trustDomain: "td",
        namespace: undefined,
        serviceAccount: undefined,
      });
    });
  }

  const none = [
    ...[
      "",
      "td/ns/a/sa/b",
      "https://td/ns/a/sa/b",
      "SPIFFE://td/a",
      "spiffe:/td/a",
      "spiffe://",
      "spiffe:///ns/a/sa/b",
    ],
    ...[
      "spiffe://TD/ns/a/sa/b",
      "spiffe://td:443/ns/a/sa/b",
      "spiffe://u@td/ns/a/sa/b",
      "spiffe://td/ns/a/sa/b?x",
      "spiffe://td/a#b",
    ],
    ...[
      "spiffe://td/",
      "spiffe://td/ns//sa/b",
      "spiffe://td//a",
      "spiffe://td/a/",
      "spiffe://td/../a",
      "spiffe://td/ns/a/sa/..",
      "spiffe://td/.",
    ],
    ...[
      "spiffe://td/ns/a%2fb/sa/c",
      "spiffe://td/ns/a b/sa/c",
      "spiffe://td/a\n",
      " spiffe://td/a",
      "spiffe://td/a,spiffe://td/b",
    ],
    ...[
      "spiffe://td/é",
      "spiffe://t\u212a/a",
      `spiffe://${"a".repeat(256)}/a`,
      `spiffe://td/${"a".repeat(2_048)}`,
      "CN=web,O=shop",
    ],
  ];
  for (const text of none) {
    it(`${JSON.stringify(text.slice(0, 50))} is none`, () => assert.equal(parseSpiffeId(text), undefined));
  }

  it("is the text itself, whatever was sent", () => {
    const part = fc.constantFrom("spiffe://", "td", "/", "ns", "sa", "..", "a", "A", "?", "%2f", ":");
    fc.assert(
      fc.property(fc.array(part, { maxLength: 10 }), (parts) => {
        const found = parseSpiffeId(parts.join(""));
        if (found === undefined) return;
        const { trustDomain, namespace, serviceAccount } = found;
        assert.ok(parts.join("").startsWith(`spiffe://${trustDomain}`));
        if (namespace !== undefined)
          assert.equal(`spiffe://${trustDomain}/ns/${namespace}/sa/${serviceAccount}`, parts.join(""));
      }),
    );
  });
});
