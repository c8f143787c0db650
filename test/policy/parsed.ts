import assert from "node:assert/strict";
import type { Document } from "../../src/policy/document.ts";
import { loadFiles } from "../../src/policy/load.ts";
import type { Parsed } from "../../src/policy/schema.ts";

/** The document of one file that YAML may complain of, but that has a kind. */
export function documentOf(text: string): Document {
  const [document] = loadFiles([{ path: "weir.yaml", text }]).documents;
  assert.ok(document);
  return document;
}

/** The value of a file that nothing is wrong with. */
export function wholeOf<T>({ value, isWhole, diagnostics }: Parsed<T>): T {
  assert.deepEqual(diagnostics, []);
  assert.ok(isWhole && value !== undefined);
  return value;
}
