import { dirname, join, resolve } from "node:path";
import type { Document } from "./document.ts";
import { filePath, name, VARIABLE_FORM } from "./fields.ts";
import { entries } from "./fields-of-collections.ts";
import type { Path } from "./source.ts";
import { isMapping, type Plain } from "./tree.ts";

/** The most files that one policy or shared file names. */
export const MAX_REFERENCES = 1_000;

/** What a named file is read as: data of expressions, API keys, the public keys of an issuer, or an adapter. */
export type ReferenceKind = "data" | "keys" | "jwks" | "adapter";

/** A place where a policy or shared file names another file, which is no configuration. */
export interface Reference {
  readonly kind: ReferenceKind;
  /** The file's absolute path, under which it is found again. */
  readonly path: string;
  /** Where it leads, when that is known and elsewhere. */
  readonly leadsTo?: string;
  /** The same as people know it: beside the file that names it. */
  readonly shown: string;
  /** Where it is named. */
  readonly document: Document;
  readonly at: Path;
}

/** The schema of `data`: paths by name. */
export const DATA = entries(filePath(), name(VARIABLE_FORM, "key"));

/** The absolute path of what `file` names as `written`. */
export const resolveReference = (file: string, written: string): string => resolve(dirname(file), written);

/** The files that a policy, a shared file or weir.yaml names, at most so many. */
export function referencesIn(document: Document): readonly Reference[] {
  if (document.kind !== "policy" && document.kind !== "shared" && document.kind !== "server") return [];
  const found: Reference[] = [];
  const add = (kind: ReferenceKind, at: Path, written: Plain | undefined): void => {
    if (typeof written !== "string" || written === "" || written.includes("\0")) return;
    const path = resolveReference(document.file, written);
    const shown = path === resolve(written) ? written : join(dirname(document.file), written);
    found.push({ kind, path, shown, document, at });
  };
  if (document.kind === "server") {
    for (const [key, handler] of mappingAt(document.plain, "handlers")) {
      const written = isMapping(handler) ? handler.get("adapter") : undefined;
      if (isAdapterPath(written)) add("adapter", ["handlers", key, "adapter"], written);
    }
    return found.slice(0, MAX_REFERENCES);
  }
  for (const [key, path] of mappingAt(document.plain, "data")) add("data", ["data", key], path);
  for (const [key, identity] of mappingAt(document.plain, "identities")) {
    const at = ["identities", key];
    const apiKey = mappingAt(identity, "apiKey");
    add("keys", [...at, "apiKey", "keys"], apiKey.get("keys"));
    const jwks = mappingAt(mappingAt(identity, "jwt"), "jwks");
    add("jwks", [...at, "jwt", "jwks", "file"], jwks.get("file"));
  }
  return found.slice(0, MAX_REFERENCES);
}

/** Whether a handler's `adapter` is a file, and none of weir's own. */
export const isAdapterPath = (written: unknown): written is string =>
  typeof written === "string" && /^\.{0,2}\//.test(written);

function mappingAt(plain: unknown, key: string): ReadonlyMap<string, Plain> {
  const inner = isMapping(plain) ? plain.get(key) : undefined;
  return isMapping(inner) ? inner : NOTHING;
}

const NOTHING: ReadonlyMap<string, Plain> = new Map();
