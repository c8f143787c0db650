import { isUtf8 } from "node:buffer";
import type { Steps } from "../std/steps.ts";
import { problem } from "./diagnostic.ts";
import { createDocument } from "./document.ts";
import { misplaced, momentMs, parsedText, refuse, version } from "./fields.ts";
import { list, mapping } from "./fields-of-collections.ts";
import { SCALAR, told } from "./forms.ts";
import { toDiagnostics } from "./issues.ts";
import { DIGEST, KEY_NAME, MAX_KEYS, readingPlainKeys } from "./keys-lines.ts";
import type { KeysFile, KeysRead, WrittenKey } from "./keys-lines.ts";
import { SourceText } from "./source.ts";
import { MAX_FILE_BYTES, readYaml, type YamlFile } from "./yaml.ts";

/** The most of a keys file that is read, in bytes; where it is not written one field a line, MAX_FILE_BYTES. */
export const MAX_KEYS_BYTES = 16 * 1024 * 1024;

/** Reads a keys file, all or nothing. Never throws. */
export function* readingKeys(path: string, bytes: Uint8Array | string): Steps<KeysRead> {
  const text = typeof bytes === "string" ? bytes : new TextDecoder().decode(bytes);
  const source = new SourceText(path, text.replace(/^\uFEFF/, ""));
  const isText = typeof bytes === "string" || isUtf8(bytes);
  const plain = isText && bytes.length <= MAX_KEYS_BYTES ? yield* readingPlainKeys(source) : 0;
  if (typeof plain !== "number") return plain;
  if (bytes.length <= MAX_FILE_BYTES || !isText) return keysOf(readYaml(path, bytes));
  return { keys: undefined, diagnostics: [tooLarge(source, plain)] };
}

function tooLarge(source: SourceText, line: number) {
  const start = source.text.split("\n", line).reduce((sum, { length }) => sum + length + 1, 0);
  const mebibyte = MAX_FILE_BYTES / 1024 / 1024;
  const message = `a keys file of more than ${mebibyte} MiB is written one field a line, which ends here`;
  const hint = `write id, plan, digest and notAfter as \`weir keys new\` prints them; at most ${MAX_KEYS_BYTES} bytes`;
  return problem(source.place({ start, end: start + 1 }), "too-large", message, hint);
}

/** The keys of a file that YAML has read. */
export function keysOf({ source, root, diagnostics }: YamlFile): KeysRead {
  if (root === undefined) {
    const empty = problem(
      source.place({ start: 0, end: 1 }),
      "not-weir",
      "the file has nothing in it",
      BEGIN,
    );
    return { keys: undefined, diagnostics: diagnostics.length > 0 ? diagnostics : [empty] };
  }
  const document = createDocument(source, "keys", root);
  const result = KEYS_FILE.safeParse(document.plain);
  const issues = result.success ? [] : toDiagnostics(document, result.error.issues);
  const found = [...diagnostics, ...issues];
  return { keys: result.success && found.length === 0 ? result.data : undefined, diagnostics: found };
}

const BEGIN = "write `weir: 1`, `keys:` and below it what `weir keys new` prints";

const keyName = (what: string) =>
  told(
    { type: [...SCALAR], pattern: KEY_NAME.source },
    parsedText(
      `${what} of letters, digits, ".", "_", "@" and "-", beginning with a letter or digit`,
      (found) => (KEY_NAME.test(found) ? found : undefined),
    ),
  );

const KEY = mapping({
  id: keyName("an id"),
  plan: keyName("a plan").optional(),
  digest: told(
    // Digits alone are a number to YAML.
    { type: ["string", "number"], pattern: DIGEST.source },
    parsedText("64 lower-case hexadecimal digits, as `weir keys new` prints them", (found) =>
      DIGEST.test(found) ? found : undefined,
    ),
  ),
  notAfter: momentMs().optional(),
});

/** The schema of a keys file. */
export const KEYS_FILE = mapping({ weir: version(), keys: list(KEY, "keys", MAX_KEYS) }).transform(
  ({ keys }, context): KeysFile => {
    const byDigest = new Map<string, WrittenKey>();
    const ids = new Set<string>();
    for (const [index, { id, plan, digest, notAfter: notAfterMs }] of keys.entries()) {
      const at = ["keys", index];
      const twice = (message: string) => misplaced("duplicate-name", message, "remove one");
      if (ids.has(id)) refuse(context, twice(`two keys have the id "${id}"`), at);
      if (byDigest.has(digest)) refuse(context, twice("two keys have this digest"), at);
      ids.add(id);
      byDigest.set(digest, { id, plan, notAfterMs });
    }
    return byDigest;
  },
);
