import assert from "node:assert/strict";
import fc from "fast-check";
import { alternativeNames, namesOf } from "../../src/grpc/caller.ts";

describe("the names of a certificate", () => {
  const edge = "spiffe://cluster.local/ns/edge/sa/envoy";
  const cases: readonly (readonly [
    text: string | undefined,
    principal: string | undefined,
    dns: readonly string[],
  ])[] = [
    [undefined, undefined, []],
    [`URI:${edge}`, edge, []],
    [`URI:${edge}, DNS:A.example.com, DNS:b`, edge, ["a.example.com", "b"]],
    [`URI:${edge}, URI:${edge}`, undefined, []],
    [`URI:"${edge}, URI:x"`, undefined, []],
    [`DNS:"a, URI:${edge}"`, undefined, [`a, uri:${edge}`]],
    [`DNS:a, URI:"${edge}`, undefined, []],
    [`IP Address:10.0.0.1, email:a@b, URI:${edge}`, edge, []],
    ["URI:https://example.com/", undefined, []],
  ];
  for (const [text, principal, dns] of cases) {
    it(`${text ?? "none"}: ${principal ?? "no principal"}`, () => {
      assert.deepEqual(namesOf({ subjectAltName: text }), { principal, dns });
    });
  }

  it("are read as they were written, whatever stands in them", () => {
    const name = fc.tuple(fc.constantFrom("URI", "DNS", "email"), fc.string({ maxLength: 20 }));
    fc.assert(
      fc.property(fc.array(name, { maxLength: 5 }), (names) => {
        // As Node writes them: quoted where a comma, a quote or a character beyond ASCII stands in a name.
        const text = names
          .map(([kind, value]) => `${kind}:${/^[^",]*$/.test(value) ? value : JSON.stringify(value)}`)
          .join(", ");
        assert.deepEqual(alternativeNames(text), names);
      }),
    );
  });

  it("are none where the text is of no known form", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        for (const [kind] of alternativeNames(text)) assert.match(kind, /^[A-Za-z ]+$/);
      }),
    );
  });
});
