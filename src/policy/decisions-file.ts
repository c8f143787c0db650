import { BYTES_FORM, parseBytes } from "../std/bytes.ts";
import { parseShare, SHARE_FORM, SHARE_PATTERN } from "../std/share.ts";
import { cel, delegate, either, filePath, integer, misplaced, parsedText, refuse, word } from "./fields.ts";
import { list, mapping } from "./fields-of-collections.ts";
import { told } from "./forms.ts";
import { HEADER_NAME } from "./identity-file.ts";
import { isMapping } from "./tree.ts";

/** What is written of decisions, and where to. */
export interface DecisionsFile {
  readonly to: WrittenTarget;
  /** The first whose `when` holds says how many of a kind are written; those that none fits are not. */
  readonly record: readonly WrittenSelection[];
  /** Whether values of persons are written as they are, or as digests. */
  readonly personal: "digest" | "plain";
  /** Lower-case names of request headers that are written, where no identity reads its credential there; of the others nothing is. */
  readonly headers: readonly string[];
}

/** Which decisions are written. */
export interface WrittenSelection {
  /** CEL, at `["decisions", "record", index, "when"]`. */
  readonly when: string | undefined;
  /** From 0 to 1. */
  readonly share: number;
}

export type WrittenTarget =
  | { readonly kind: "stdout" }
  | { readonly kind: "file"; readonly path: string; readonly maxBytes: number; readonly keep: number };

const MAX_SELECTIONS = 20;

/** A share of things, from 0 to 1. */
export const SHARE = told({ pattern: SHARE_PATTERN.source }, parsedText(SHARE_FORM, parseShare));

const SIZE = told(
  { type: ["string", "integer"] },
  parsedText(BYTES_FORM, (text) => {
    const found = parseBytes(text);
    return found !== undefined && found >= LEAST_BYTES ? found : undefined;
  }),
);
/** Smaller files would be put aside faster than anybody can read them. */
const LEAST_BYTES = 64 * 1_024;

const FILE = mapping({
  file: filePath(),
  rotateAt: SIZE.optional(),
  keep: integer(1, 1_000).optional(),
}).transform(({ file: path, rotateAt = 64 * 1_048_576, keep = 5 }): WrittenTarget => ({
  kind: "file",
  path,
  maxBytes: rotateAt,
  keep,
}));

const STDOUT = word(["stdout"], "stdout, or { file: … }");

const TARGET = either([STDOUT, FILE], (value, context): WrittenTarget => {
  if (isMapping(value)) return delegate(context, FILE, value);
  return { kind: delegate(context, STDOUT, value) };
});

const WRITTEN_SELECTION = mapping({ when: cel().optional(), sample: SHARE.optional() });

const SELECTION = told({ minProperties: 1 }, WRITTEN_SELECTION).transform(
  ({ when, sample }, context): WrittenSelection => {
    if (when === undefined && sample === undefined) {
      const hint = "write which decisions are meant, or `sample: 100%` for all of them";
      refuse(context, misplaced("missing-key", "neither `when` nor `sample` is here", hint));
    }
    return { when, share: sample ?? 1 };
  },
);

/** What holds credentials is never written. */
const SECRET_HEADERS: ReadonlySet<string> = new Set(["authorization", "proxy-authorization", "cookie"]);

const HEADER = HEADER_NAME.transform((found, context): string => {
  if (SECRET_HEADERS.has(found)) {
    const message = `${found} holds credentials, which are never written`;
    refuse(context, { kind: "refused", code: "wrong-value", message, hint: "remove it", at: "value" });
  }
  return found;
});

/** `decisions` of weir.yaml. */
export const DECISIONS = mapping({
  to: TARGET,
  record: list(SELECTION, "mappings with `when` or `sample`", MAX_SELECTIONS).optional(),
  personal: word(["digest", "plain"]).optional(),
  headers: list(HEADER, "names of headers", 100).optional(),
}).transform((found): DecisionsFile => ({
  to: found.to,
  record: found.record ?? [{ when: undefined, share: 1 }],
  personal: found.personal ?? "digest",
  headers: found.headers ?? [],
}));
