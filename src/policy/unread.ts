import type { WrittenHandlers } from "./compile-handlers.ts";
import type { Document } from "./document.ts";
import { isMapping } from "./tree.ts";

/** What is named in files of which nothing could be made. It is there, so nobody is told that it is missing. */
export interface Unread {
  readonly policies: ReadonlySet<string>;
  readonly shared: ReadonlySet<string>;
  /** Those of weir.yaml. */
  readonly handlers: WrittenHandlers;
  readonly hasPepper: boolean;
  readonly hasMac: boolean;
  readonly hasDecisions: boolean;
}

/** The names in files that could not be read, of which each has diagnostics of its own. */
export function unreadOf(documents: readonly Document[]): Unread {
  const servers = documents.filter(({ kind }) => kind === "server");
  return {
    policies: new Set(documents.flatMap((one) => nameIn(one, "policy"))),
    shared: new Set(documents.flatMap((one) => nameIn(one, "shared"))),
    handlers: new Map(servers.flatMap((one) => keysIn(one, "handlers")).map((name) => [name, undefined])),
    hasPepper: servers.some((one) => keysIn(one, "secrets").includes("pepper")),
    hasMac: servers.some((one) => keysIn(one, "secrets").includes("mac")),
    hasDecisions: servers.some(({ plain }) => isMapping(plain) && plain.has("decisions")),
  };
}

function nameIn({ plain }: Document, key: "policy" | "shared"): readonly string[] {
  const name = isMapping(plain) ? plain.get(key) : undefined;
  return typeof name === "string" ? [name] : [];
}

function keysIn({ plain }: Document, key: string): readonly string[] {
  const inner = isMapping(plain) ? plain.get(key) : undefined;
  return isMapping(inner) ? [...inner.keys()] : [];
}
