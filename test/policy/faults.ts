import { readdirSync, readFileSync } from "node:fs";
import { compileConfiguration } from "../../src/policy/compile.ts";
import { inOrder, printDiagnostic, type Diagnostic } from "../../src/policy/diagnostic.ts";
import type { Document } from "../../src/policy/document.ts";
import { loadFiles, type SourceFile } from "../../src/policy/load.ts";
import { parsePolicy, parseServer, parseTests } from "../../src/policy/schema.ts";

/** How far the faulty files come: to their form, or to what it means. */
export type Stage = "load" | "compile";

/** Where the faulty files of a stage stand, each with what is printed of it beside it. */
export const faultsOf = (stage: Stage): URL => new URL(`../fixtures/faults/${stage}/`, import.meta.url);

/** The names of the faults: those of their files without the ending, or of their folders. */
export function faultNames(stage: Stage): readonly string[] {
  return readdirSync(faultsOf(stage), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() || entry.name.endsWith(".yaml"))
    .map(({ name }) => name.replace(/\.yaml$/, ""))
    .sort();
}

/** What is found in the file or the folder of one fault. */
export function findingsOf(stage: Stage, name: string): readonly Diagnostic[] {
  const loaded = loadFiles(readFault(stage, name));
  switch (stage) {
    case "load": {
      const parsed = loaded.documents.flatMap((document) => parseAny(document).diagnostics);
      return inOrder([...loaded.diagnostics, ...parsed]);
    }
    case "compile":
      return compileConfiguration(loaded, "").diagnostics;
  }
}

function readFault(stage: Stage, name: string): readonly SourceFile[] {
  const top = faultsOf(stage);
  const isFile = readdirSync(top).includes(`${name}.yaml`);
  const paths = isFile ? [`${name}.yaml`] : readdirSync(new URL(name, top)).map((file) => `${name}/${file}`);
  return paths.map((path) => ({ path, text: readFileSync(new URL(path, top)) }));
}

/** The same, as it is printed. */
export const printed = (stage: Stage, name: string): string =>
  `${findingsOf(stage, name).map(printDiagnostic).join("\n")}\n`;

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
