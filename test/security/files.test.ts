import assert from "node:assert/strict";
import fc from "fast-check";
import { createEntries } from "../../adapters/list/entries.ts";
import { apiKeyDigest } from "../../src/identity/api-key.ts";
import { readingKeys } from "../../src/policy/keys-file.ts";
import { finish } from "../../src/std/steps.ts";
import { anyText, damaged } from "./damage.ts";

const DIGEST = apiKeyDigest("a pepper of tests", "a key");
const OTHER = apiKeyDigest("a pepper of tests", "another key");
const KEYS = `weir: 1
keys:
  - id: acme
    plan: gold
    digest: ${DIGEST}
  - id: other
    digest: ${OTHER}
    notAfter: 2027-01-01T00:00:00Z
`;

describe("whatever stands in files", () => {
  it("of keys: only digests that are written there are known, and only in a file without fault", () => {
    let read = 0;
    const property = fc.property(damaged(KEYS), (text) => {
      const { keys, diagnostics } = finish(readingKeys("keys.yaml", text));
      assert.equal(keys === undefined, diagnostics.length > 0);
      if (keys === undefined) return;
      read++;
      for (const [digest, { id }] of keys) {
        assert.match(digest, /^[0-9a-f]{64}$/);
        assert.ok(text.includes(digest) && text.includes(id), text);
      }
    });
    fc.assert(property, { numRuns: 2_000, examples: [[KEYS]] });
    assert.ok(read > 0, "a good file is read");
  });

  it("of lists: only values that are written there are found", () => {
    const entries = fc.array(fc.oneof(anyText, fc.constantFrom("acme", "ACME", "192.0.2.0/24")), {
      maxLength: 5,
    });
    const property = fc.property(entries, fc.oneof(anyText, fc.constant("acme")), (written, value) => {
      const list = createEntries("strings");
      const taken = written.filter((entry) => list.add(entry) === undefined);
      const found = list.find(value);
      assert.equal(found.kind === "entry", taken.includes(value));
    });
    fc.assert(property, { numRuns: 1_000, examples: [[["acme"], "acme"]] });
  });

  it("of addresses and expressions: what cannot be read is refused, and nothing is thrown", () => {
    const property = fc.property(
      fc.constantFrom("caseInsensitive", "addresses", "regexes"),
      fc.array(anyText, { maxLength: 5 }),
      anyText,
      (type, written, value) => {
        const list = createEntries(type);
        const taken = written.filter((entry) => list.add(entry) === undefined);
        const found = list.find(value);
        if (found.kind === "entry") assert.ok(taken.includes(found.entry));
      },
    );
    fc.assert(property, { numRuns: 1_000 });
  });
});
