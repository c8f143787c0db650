import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import fc from "fast-check";
import { apiKeyDigest, apiKeyVerifier, type ApiKey } from "../../src/identity/api-key.ts";
import type { FloodGuard } from "../../src/identity/flood.ts";
import type { Verifier } from "../../src/identity/verifier.ts";
import { NO_FLOOD, NOW_MS, presented } from "./fixture.ts";

const PEPPER = "a pepper of some length";
const KEYS = new Map<string, ApiKey>([
  [apiKeyDigest(PEPPER, "weir_acme"), { id: "acme", plan: "gold" }],
  [apiKeyDigest(PEPPER, "weir_plain"), { id: "plain" }],
  [apiKeyDigest(PEPPER, "weir_until"), { id: "until", notAfterMs: NOW_MS + 1000 }],
]);

const verifierOf = (pepper: string | undefined = PEPPER, flood: FloodGuard = NO_FLOOD): Verifier =>
  apiKeyVerifier(
    { from: [{ header: "x-api-key" }, { query: "key" }], keys: KEYS, pepper: () => pepper },
    { flood },
  );

const holds = (claims: Readonly<Record<string, unknown>>): object => ({
  kind: "holds",
  claims: new Map(Object.entries(claims)),
});
const UNKNOWN = { kind: "bad", reason: "the API key is not known" };

describe("API keys", () => {
  it("are digested as HMAC-SHA-256 in lower-case hex", () => {
    assert.equal(apiKeyDigest("p", "k"), createHmac("sha256", "p").update("k").digest("hex"));
    // From the definition, computed elsewhere: HMAC(key "key", "The quick brown fox jumps over the lazy dog").
    assert.equal(
      apiKeyDigest("key", "The quick brown fox jumps over the lazy dog"),
      "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8",
    );
  });

  const cases: readonly (readonly [
    what: string,
    header: string | undefined,
    afterMs: number,
    expected: object,
  ])[] = [
    ["none", undefined, 0, { kind: "absent" }],
    ["an empty one", "", 0, { kind: "absent" }],
    ["a known one with a plan", "weir_acme", 0, holds({ id: "acme", plan: "gold" })],
    ["a known one without a plan", "weir_plain", 0, holds({ id: "plain" })],
    ["one in another case", "WEIR_ACME", 0, UNKNOWN],
    ["an unknown one", "weir_nobody", 0, UNKNOWN],
    ["a digest in place of the key", apiKeyDigest(PEPPER, "weir_acme"), 0, UNKNOWN],
    ["one before its end", "weir_until", 999, holds({ id: "until" })],
    ["one at its end", "weir_until", 1000, { kind: "bad", reason: "the API key has expired" }],
    [
      "two joined",
      "weir_acme,weir_plain",
      0,
      { kind: "ambiguous", reason: "more than one value in header x-api-key" },
    ],
  ];
  for (const [what, header, afterMs, expected] of cases) {
    it(`finds ${what}, without a promise`, () => {
      const lines = header === undefined ? {} : { "x-api-key": header };
      assert.deepEqual(verifierOf().find(presented(lines), NOW_MS + afterMs), expected);
    });
  }

  it("lets the first place decide", () => {
    const both = presented({ "x-api-key": "nobody" }, { key: ["weir_acme"] });
    assert.deepEqual(verifierOf().find(both, NOW_MS), UNKNOWN);
    assert.deepEqual(
      verifierOf().find(presented({}, { key: ["weir_acme"] }), NOW_MS),
      holds({ id: "acme", plan: "gold" }),
    );
  });

  it("is unavailable without its pepper, only to who presents a key", () => {
    const verifier = apiKeyVerifier(
      { from: [{ header: "x-api-key" }], keys: KEYS, pepper: () => undefined },
      { flood: NO_FLOOD },
    );
    const reason = "the pepper of API keys cannot be read";
    assert.deepEqual(verifier.find(presented({ "x-api-key": "weir_acme" }), NOW_MS), {
      kind: "unavailable",
      reason,
    });
    assert.deepEqual(verifier.find(presented({}), NOW_MS), { kind: "absent" });
    assert.deepEqual(verifier.status(), { state: "failing", detail: reason });
    assert.equal(verifierOf().status().state, "ready");
  });

  it("answers 429 to who guesses, and never to a known key", () => {
    let bad = 0;
    const flood = { isSlowed: () => bad >= 3, noteBad: () => (bad += 1) };
    const verifier = verifierOf(PEPPER, flood);
    const kinds = Array.from({ length: 5 }, (_, at) =>
      verifier.find(presented({ "x-api-key": `guess-${at}` }), NOW_MS),
    );
    assert.deepEqual(kinds, [UNKNOWN, UNKNOWN, UNKNOWN, { kind: "flooded" }, { kind: "flooded" }]);
    assert.deepEqual(
      verifier.find(presented({ "x-api-key": "weir_acme" }), NOW_MS),
      holds({ id: "acme", plan: "gold" }),
    );
  });

  it("never holds what is not a key, and never throws or quotes it", () => {
    const verifier = verifierOf();
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("__proto__", "constructor")),
        (text) => {
          const found = verifier.find(presented({ "x-api-key": text }), NOW_MS);
          assert.ok(!(found instanceof Promise) && found.kind !== "holds");
          if ("reason" in found && text.length > 8) assert.ok(!found.reason.includes(text));
        },
      ),
    );
  });
});
