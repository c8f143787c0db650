import assert from "node:assert/strict";
import fc from "fast-check";
import { ENTRY_TYPES, readLines } from "../../../adapters/list/entries.ts";

describe("the lines of a list", () => {
  it("are a list or a sentence, whatever the bytes", async () => {
    const line = fc.oneof(
      fc.string(),
      fc.string({ unit: "binary" }),
      fc.ipV4(),
      fc.ipV6(),
      fc.constant("10.0.0.0/8"),
    );
    const text = fc.array(line, { maxLength: 8 }).map((lines) => Buffer.from(lines.join("\n")));
    const bytes = fc.oneof(
      text,
      fc.uint8Array({ maxLength: 60 }).map((array) => Buffer.from(array)),
    );
    await fc.assert(
      fc.asyncProperty(bytes, fc.constantFrom(...ENTRY_TYPES), fc.string(), async (content, type, value) => {
        try {
          const found = (await readLines(content, type)).find(value);
          assert.ok(["entry", "none", "malformed"].includes(found.kind));
        } catch (error) {
          assert.ok(error instanceof Error && !(error instanceof assert.AssertionError));
          assert.match(error.message, /^(line \d+: |it is not UTF-8 text$)/);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("hold exactly the texts that stand in them", async () => {
    const word = fc.stringMatching(/^[a-zA-Z0-9_.-]{1,6}$/);
    await fc.assert(
      fc.asyncProperty(fc.array(word), word, async (words, value) => {
        const lines = ["# a comment", ...words.map((one) => ` ${one}\r`), ""].join("\n");
        const entries = await readLines(Buffer.from(lines), "strings");
        assert.equal(entries.size, new Set(words).size);
        assert.equal(entries.find(value).kind, words.includes(value) ? "entry" : "none");
        for (const one of words) assert.deepEqual(entries.find(one), { kind: "entry", entry: one });
      }),
    );
  });
});
