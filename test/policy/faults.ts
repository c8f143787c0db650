import { readdirSync, readFileSync, statSync } from "node:fs";
import { compileConfiguration } from "../../src/policy/compile.ts";
import { inOrder, printDiagnostic, type Diagnostic } from "../../src/policy/diagnostic.ts";
import { ADAPTERS } from "../../adapters/index.ts";
import { worldOf } from "../check/fixture.ts";
import { SINKS } from "../report/sinks.ts";
import type { Document } from "../../src/policy/document.ts";
import type { ForeignAdapter, ForeignAdapters } from "../../src/policy/foreign.ts";
import { loadFiles, type SourceFile } from "../../src/policy/load.ts";
import {
  parseDomain,
  parseOverrides,
  parsePolicy,
  parseServer,
  parseShared,
  parseTests,
} from "../../src/policy/schema.ts";

/** How far the faulty files come: to their form, or to what it means. */
export type Stage = "load" | "compile";

/** When the faulty files are read, for what has ended by then. */
const NOW_MS = Date.UTC(2026, 0, 1);

/** Where the faulty files of a stage stand, each with what is printed of it beside it. */
export const faultsOf = (stage: Stage): URL => new URL(`../fixtures/faults/${stage}/`, import.meta.url);

/** What the files came to that a fault names as adapters. */
const FOREIGN: ForeignAdapters = new Map(
  ADAPTERS.slice(0, 1).flatMap((list): [string, ForeignAdapter][] => {
    const own = { ...list, id: "acme" };
    return [
      [
        "./broken.js",
        { kind: "refused", reasons: ["id: write the name of the adapter", "outputs: missing"] },
      ],
      ["./list.js", { kind: "adapter", adapter: list, version: "1" }],
      ["./one.js", { kind: "adapter", adapter: own, version: "1" }],
      ["./twice.js", { kind: "adapter", adapter: own, version: "2" }],
    ];
  }),
);

/** The names of the faults: those of their files without the ending, or of their folders. */
export function faultNames(stage: Stage): readonly string[] {
  return readdirSync(faultsOf(stage), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() || entry.name.endsWith(".yaml"))
    .map(({ name }) => name.replace(/\.yaml$/, ""))
    .sort();
}

/** What is found in the file or the folder of one fault. */
export function findingsOf(stage: Stage, name: string): readonly Diagnostic[] {
  const files = readFault(stage, name);
  const configuration = files.filter(({ path }) => path.endsWith(".yaml"));
  const loaded = loadFiles(configuration, files);
  switch (stage) {
    case "load": {
      const parsed = loaded.documents.flatMap((document) => parseAny(document).diagnostics);
      return inOrder([...loaded.diagnostics, ...parsed]);
    }
    case "compile":
      return compileConfiguration(
        loaded,
        "",
        worldOf({ nowMs: NOW_MS, adapters: [...ADAPTERS, ...SINKS], foreign: FOREIGN }),
      ).diagnostics;
  }
}

function readFault(stage: Stage, name: string): readonly SourceFile[] {
  const top = faultsOf(stage);
  const isFile = readdirSync(top).includes(`${name}.yaml`);
  const paths = isFile
    ? [`${name}.yaml`]
    : filesBelow(new URL(`${name}/`, top)).map((file) => `${name}/${file}`);
  return paths.map((path) => ({ path, text: readFileSync(new URL(path, top)) }));
}

const filesBelow = (folder: URL): readonly string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => statSync(new URL(path, folder)).isFile())
    .sort();

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
    case "shared":
      return parseShared(document);
    case "overrides":
      return parseOverrides(document);
    case "domain":
      return parseDomain(document);
    case "keys":
      throw new Error("keys files are read without a document");
  }
}
