import { readKeySet } from "../identity/key-set.ts";
import type { Companions } from "./companions.ts";
import type { DataFile } from "./data.ts";
import { problem, type Diagnostic } from "./diagnostic.ts";
import type { Document } from "./document.ts";
import type { KeysFile } from "./keys-lines.ts";
import { resolveReference } from "./references.ts";
import type { Path } from "./source.ts";

/** The files that documents name. Each method yields undefined where something is wrong with the file, which then has a diagnostic. */
export class NamedFiles {
  readonly #companions: Companions;
  readonly #diagnostics: Diagnostic[];

  constructor(companions: Companions, diagnostics: Diagnostic[]) {
    this.#companions = companions;
    this.#diagnostics = diagnostics;
  }

  data(by: Document, path: string): DataFile | undefined {
    return this.#companions.data.get(resolveReference(by.file, path));
  }

  keys(by: Document, path: string): KeysFile | undefined {
    return this.#companions.keys.get(resolveReference(by.file, path));
  }

  /** The text of a JSON Web Key Set that `by` names at `at`, with a key for one of the algorithms. */
  jwks(by: Document, at: Path, { path, algorithms }: WantedKeys): string | undefined {
    const text = this.#companions.jwks.get(resolveReference(by.file, path));
    const why = text === undefined ? undefined : problemOf(text, algorithms);
    if (why === undefined) return text;
    this.#diagnostics.push(problem(by.at(at), "wrong-value", `${path} is of no use: ${why}`));
    return undefined;
  }
}

export interface WantedKeys {
  readonly path: string;
  readonly algorithms: readonly string[];
}

/** Why no token could be verified with a key set; undefined when one could. */
export function problemOf(jwks: string, algorithms: readonly string[]): string | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(jwks);
  } catch {
    return "it is not JSON";
  }
  const read = readKeySet(parsed, { algorithms, source: "keys" });
  return typeof read === "string" ? read : undefined;
}
