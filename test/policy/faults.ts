import { readdirSync, readFileSync } from "node:fs";
import { inOrder, printDiagnostic, type Diagnostic } from "../../src/policy/diagnostic.ts";
import type { Document } from "../../src/policy/document.ts";
import { loadFiles } from "../../src/policy/load.ts";
import { parsePolicy, parseServer, parseTests } from "../../src/policy/schema.ts";

/** Where the faulty files stand, each with what is printed of it beside it. */
export const FAULTS = new URL("../fixtures/faults/load/", import.meta.url);

/** The names of the faults, without their ending. */
export function faultNames(): readonly string[] {
  return readdirSync(FAULTS)
    .filter((name) => name.endsWith(".yaml"))
    .map((name) => name.slice(0, -".yaml".length))
    .sort();
}

/** What loading finds in the file of one fault. */
export function findingsOf(name: string): readonly Diagnostic[] {
  const file = `${name}.yaml`;
  const { documents, diagnostics } = loadFiles([{ path: file, text: readFileSync(new URL(file, FAULTS)) }]);
  return inOrder([...diagnostics, ...documents.flatMap((document) => parseAny(document).diagnostics)]);
}

/** The same, as it is printed. */
export const printed = (name: string): string => `${findingsOf(name).map(printDiagnostic).join("\n")}\n`;

/** Reads a document by its kind. */
export function parseAny(document: Document) {
  switch (document.kind) {
    case "policy":
      return parsePolicy(document);
    case "server":
      return parseServer(document);
    case "tests":
      return parseTests(document);
  }
}
