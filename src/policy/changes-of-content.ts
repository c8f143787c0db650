import { createHash } from "node:crypto";
import type { Document } from "./document.ts";
import type { KeysFile } from "./keys-lines.ts";
import type { Loaded } from "./load.ts";
import { isAdapterPath, resolveReference, type Reference } from "./references.ts";
import { isMapping } from "./tree.ts";
import { writtenData, writtenOf, type Written } from "./written.ts";

/** What the files hold that a document names: values of data, API keys by their ids, a digest of a key set. */
export function contentsOf(document: Document, { references, companions }: Loaded): Written {
  const own = references.filter((reference) => reference.document.file === document.file);
  return new Map(own.flatMap((reference) => [...contentOf(reference, companions)]));
}

function contentOf({ kind, path, at }: Reference, companions: Loaded["companions"]): Written {
  switch (kind) {
    case "data": {
      const data = companions.data.get(path);
      return data === undefined ? NOTHING : writtenData(data.value, at.join("."));
    }
    case "keys":
      return keysOf(companions.keys.get(path) ?? new Map(), at.join("."));
    case "jwks": {
      const jwks = companions.jwks.get(path);
      // A set may hold shared secrets, so nothing of it is shown.
      return jwks === undefined ? NOTHING : new Map([[`${at.join(".")} content`, digestOf(jwks)]]);
    }
    case "adapter":
      // Those of weir.yaml are among the files of its handlers.
      return NOTHING;
  }
}

const NOTHING: Written = new Map();

/** Where weir.yaml's handlers name files, which `weir serve` reads when it starts them. */
export interface HandlerFile {
  /** `handlers.blocked.config.file`. */
  readonly key: string;
  readonly path: string;
}

/** The files that handlers are configured with. */
export const handlerFilesIn = ({ documents }: Loaded): readonly HandlerFile[] =>
  documents.flatMap(({ kind, file, plain }) => {
    const handlers = kind === "server" && isMapping(plain) ? plain.get("handlers") : undefined;
    if (!isMapping(handlers)) return [];
    return Array.from(writtenOf(handlers, "handlers"))
      .filter(
        ([key, written]) =>
          /^handlers\.[^.]+\.config\.(?:.+\.)?file$/.test(key) ||
          (/^handlers\.[^.]+\.adapter$/.test(key) && isAdapterPath(written)),
      )
      .map(([key, written]) => ({ key, path: resolveReference(file, written) }));
  });

/** One id may have several keys; a digest's first digits tell them apart. */
const keysOf = (keys: KeysFile, prefix: string): Written =>
  new Map(
    Array.from(keys, ([digest, { id, plan, notAfterMs }]) => [
      `${prefix} ${id} ${digest.slice(0, DIGITS)}`,
      [
        plan === undefined ? "no plan" : `plan ${plan}`,
        ...(notAfterMs === undefined ? [] : [`until ${new Date(notAfterMs).toISOString()}`]),
      ].join(", "),
    ]),
  );

const DIGITS = 8;

/** Stands for content that is not shown. */
export const digestOf = (content: Uint8Array | string): string =>
  `sha256 ${createHash("sha256").update(content).digest("hex").slice(0, 12)}`;
