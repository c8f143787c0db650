import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { parseAllDocuments } from "yaml";
import { z } from "zod";
import { ADAPTERS } from "../../adapters/index.ts";
import { needsOf, type Needs } from "../../src/envoy/needs.ts";
import { compileConfiguration } from "../../src/policy/compile.ts";
import { printDiagnostic } from "../../src/policy/diagnostic.ts";
import { SINKS } from "../report/sinks.ts";
import { loadFiles } from "../../src/policy/load.ts";

/** What the policies of these files, by path, need of Envoy. */
export function needsFor(files: Readonly<Record<string, string>>): Needs {
  const loaded = loadFiles(Object.entries(files).map(([path, text]) => ({ path, text })));
  const world = { adapters: [...ADAPTERS, ...SINKS], nowMs: 0, stance: "enforce" } as const;
  const { snapshot, policies, diagnostics } = compileConfiguration(loaded, "", world);
  assert.ok(snapshot, diagnostics.map(printDiagnostic).join("\n"));
  return needsOf(policies, snapshot);
}

/** A policy whose one rule denies on a condition, and another that grants. */
export const policyOf = (condition: string, more = ""): string => `weir: 1
policy: orders
match:
  hosts: [orders.example.com]
${more}rules:
  - id: asked
    deny: |
      ${condition}
  - id: all
    allow: request.method == "GET"
`;

const kinded = z.looseObject({ kind: z.string().optional() });

/** The documents of a YAML text; those of Kubernetes say their kind, MeshConfig says none. */
export function objectsIn(text: string): readonly (z.output<typeof kinded> & { kind: string })[] {
  return parseAllDocuments(text).map((document) => {
    const content = kinded.parse(document.toJS());
    return { ...content, kind: content.kind ?? "MeshConfig" };
  });
}

/** The kinds of the objects in a YAML text. MeshConfig, for which clusters have no definition, is held against what is known of it. */
export function kindsIn(text: string): readonly string[] {
  const file = join(import.meta.dirname, "../fixtures/envoy/mesh-config.schema.json");
  const validate = new Ajv2020({ allErrors: true }).compile(
    z.record(z.string(), z.unknown()).parse(JSON.parse(readFileSync(file, "utf8"))),
  );
  return objectsIn(text).map(({ kind, ...content }) => {
    if (kind !== "MeshConfig") return kind;
    validate(content);
    assert.deepEqual(validate.errors ?? [], []);
    return kind;
  });
}
