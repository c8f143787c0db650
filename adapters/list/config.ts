import { z } from "zod";
import { bytes, durationMs, httpUrl, mapping, word } from "../../src/adapter/config.ts";
import { createEntries, ENTRY_TYPES, type Entries, type EntryType } from "./entries.ts";

/** Where the entries come from. */
export type Source =
  | { readonly kind: "entries"; readonly entries: Entries }
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "url"; readonly url: string };

export interface ListConfig {
  readonly source: Source;
  readonly type: EntryType;
  /** Whether a value passes because it is on the list, or because it is not. */
  readonly means: "allow" | "deny";
  readonly refreshMs: number;
  readonly maxBytes: number;
  /** How long the last good list is used after it could not be read again. */
  readonly maxAgeMs: number;
}

const WEEK_MS = 7 * 86_400_000;

export const CONFIG: z.ZodType<ListConfig> = mapping({
  entries: z
    .array(z.string({ error: "write each entry as text, in quotes where YAML reads it as something else" }), {
      error: "write a list of texts",
    })
    .optional(),
  file: z
    .string({ error: "write the path of a file" })
    .min(1, { error: "write the path of a file" })
    .optional(),
  url: httpUrl().optional(),
  type: word(ENTRY_TYPES).default("strings"),
  means: word(["allow", "deny"]).default("allow"),
  refresh: durationMs(1_000, WEEK_MS).optional(),
  maxBytes: bytes(1, 64 * 1_048_576).optional(),
  maxAge: durationMs(1_000, WEEK_MS).optional(),
}).transform((written, context): ListConfig => {
  const complain = (key: string, message: string): void =>
    context.addIssue({ code: "custom", message, path: [key] });
  const kinds = (["entries", "file", "url"] as const).filter((kind) => written[kind] !== undefined);
  if (kinds.length !== 1) {
    context.addIssue({ code: "custom", message: "write exactly one of entries, file, url" });
    return z.NEVER;
  }
  if (written.entries !== undefined) {
    for (const key of ["refresh", "maxBytes", "maxAge"] as const) {
      if (written[key] !== undefined) complain(key, `${key} goes with file and url: entries never change`);
    }
  }
  const { type, means, refresh = 60_000, maxBytes = 1_048_576, maxAge = 3_600_000 } = written;
  return { source: sourceOf(written, context), type, means, refreshMs: refresh, maxBytes, maxAgeMs: maxAge };
});

interface Written {
  readonly entries?: readonly string[] | undefined;
  readonly file?: string | undefined;
  readonly url?: string | undefined;
  readonly type: EntryType;
}

function sourceOf({ entries, file, url, type }: Written, context: z.RefinementCtx): Source {
  if (url !== undefined) return { kind: "url", url };
  if (file !== undefined) return { kind: "file", path: file };
  const built = createEntries(type);
  for (const [index, entry] of (entries ?? []).entries()) {
    const message = entry === "" ? "an entry may not be empty" : built.add(entry);
    if (message !== undefined) context.addIssue({ code: "custom", message, path: ["entries", index] });
  }
  return { kind: "entries", entries: built };
}
