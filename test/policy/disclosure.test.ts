import assert from "node:assert/strict";
import { VOCABULARY } from "../../src/attributes/vocabulary.ts";
import { disclosureOf } from "../../src/policy/disclosure.ts";
import { NO_MENTIONS } from "../../src/policy/mentions.ts";

describe("how much of a value may be shown", () => {
  const open = new Set(["request.method"]);
  const cases: readonly (readonly [what: string, mentions: Partial<typeof NO_MENTIONS>, wanted: string])[] = [
    ["of constants", {}, "open"],
    ["of what is open", { attributes: open }, "open"],
    ["of an identity", { attributes: open, identities: new Set(["user"]) }, "personal"],
    ["of an answer", { answers: new Set(["plan"]) }, "personal"],
    ["of a person's address", { attributes: new Set(["request.method", "client.ip"]) }, "personal"],
    ["of a header beside all that", { attributes: new Set(["client.ip", "request.headers"]) }, "secret"],
    ["of a name that nobody knows", { attributes: new Set(["request.soul"]) }, "secret"],
  ];
  for (const [what, mentions, wanted] of cases) {
    it(`is ${wanted} ${what}`, () => assert.equal(disclosureOf({ ...NO_MENTIONS, ...mentions }), wanted));
  }

  it("is what the vocabulary says of each attribute", () => {
    for (const { name, class: wanted } of VOCABULARY)
      assert.equal(disclosureOf({ ...NO_MENTIONS, attributes: new Set([name]) }), wanted, name);
  });
});
