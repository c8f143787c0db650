import { Composer, Parser, type Document } from "yaml";
import { problem, type Diagnostic } from "./diagnostic.ts";
import { claimsOf, isForeign, type Claim } from "./kind.ts";
import { SourceText } from "./source.ts";
import type { Node } from "./tree.ts";
import { FOREIGN_MARKS, markFindings, report, syntaxFindings } from "./yaml-findings.ts";
import { topLevelKeys } from "./yaml-content.ts";
import { growTree } from "./yaml-tree.ts";

/** The most of one file that is read, in bytes. */
export const MAX_FILE_BYTES = 1024 * 1024;

/** The longest line that is read, in UTF-16 code units: diagnostics print lines whole. */
export const MAX_LINE_LENGTH = 16_384;

/** One file as YAML reads it. `root` is missing when the file is empty or not YAML at all. */
export interface YamlFile {
  readonly source: SourceText;
  readonly claims: readonly Claim[];
  readonly root: Node | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Reads one file strictly: YAML 1.2 core, one document, no tag, anchor, alias, merge key, null or duplicate key,
 * every warning of the parser an error, and nothing of an expression lost to YAML. Never throws. Files of rate limits come
 * from elsewhere: they are YAML 1.1, and may have anchors, aliases, merge keys, and keys without a value.
 */
export const readYaml = (file: string, content: Uint8Array | string): YamlFile =>
  read(file, content, undefined);

/** The same for a file that another names as data: it has no expressions, whatever its keys are. */
export const readDataYaml = (file: string, content: Uint8Array | string): YamlFile =>
  read(file, content, ["data"]);

function read(file: string, content: Uint8Array | string, claims: readonly Claim[] | undefined): YamlFile {
  const text = typeof content === "string" ? content : new TextDecoder().decode(content);
  const source = new SourceText(file, text.replace(/^\uFEFF/, ""));
  const refusal = refuseText(source, content);
  if (refusal !== undefined) return { source, claims: [], root: undefined, diagnostics: [refusal] };
  const parsed = parse(source.text, "1.2");
  if (parsed === undefined) {
    const place = source.place({ start: 0, end: 1 });
    const message = "this file is beyond what the YAML parser takes";
    const refused = problem(place, "yaml-syntax", message, "look for very deep nesting");
    return { source, claims: [], root: undefined, diagnostics: [refused] };
  }
  return readDocument(source, parsed, claims);
}

function readDocument(source: SourceText, parsed: Parsed, known: readonly Claim[] | undefined): YamlFile {
  const claims = known ?? claimsOf(source.file, topLevelKeys(parsed.document.contents));
  const { tokens, document } = isForeign(claims) ? (parse(source.text, "1.1") ?? parsed) : parsed;
  const { root, slots, findings } = growTree(source, document, claims);
  const marks = markFindings(tokens, isForeign(claims) ? FOREIGN_MARKS : undefined);
  const all = [...findings, ...marks, ...syntaxFindings(source.text, document)];
  const isYaml = document.errors.length === 0;
  return { source, claims, root: isYaml ? root : undefined, diagnostics: report(source, all, slots) };
}

/** The characters that YAML 1.2 has (production c-printable), without the next-line control. */
const NOT_PRINTABLE = /[^\t\n\r\x20-\x7E\u00A0-\uFFFD]|\r(?!\n)|\uFEFF/;

/** Whether YAML has all characters of a text. */
export const isPrintable = (text: string): boolean => !NOT_PRINTABLE.test(text);

function refuseText(source: SourceText, content: Uint8Array | string): Diagnostic | undefined {
  const at = (start: number) => source.place({ start, end: start + 1 });
  if (content.length > MAX_FILE_BYTES) {
    return problem(at(0), "too-large", `the file is larger than ${MAX_FILE_BYTES} bytes`, "split it");
  }
  if (typeof content !== "string" && !isUtf8(content)) {
    const start = Math.max(0, source.text.indexOf("\uFFFD"));
    return problem(at(start), "yaml-syntax", "the file is not UTF-8", "save it as UTF-8");
  }
  const control = NOT_PRINTABLE.exec(source.text);
  if (control !== null) {
    const point = control[0].charCodeAt(0).toString(16).toUpperCase().padStart(4, "0");
    return problem(at(control.index), "yaml-syntax", `YAML has no character U+${point} here`, "remove it");
  }
  const longest = source.longestLine();
  if (longest.length <= MAX_LINE_LENGTH) return undefined;
  const message = `the line has more than ${MAX_LINE_LENGTH} characters`;
  const place = { ...at(longest.start), source: `${source.text.slice(longest.start, longest.start + 80)}…` };
  return problem(place, "too-large", message, "write the value over several lines");
}

function isUtf8(content: Uint8Array): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(content);
    return true;
  } catch {
    return false;
  }
}

interface Parsed {
  readonly tokens: ReturnType<typeof tokensOf>;
  readonly document: Document.Parsed;
}

const tokensOf = (text: string) => [...new Parser().parse(text)];

/** Undefined when the parser itself gives up: it recurses, and what it reads is whatever someone wrote. */
function parse(text: string, version: "1.1" | "1.2"): Parsed | undefined {
  try {
    const tokens = tokensOf(text);
    const schema = version === "1.2" ? "core" : "yaml-1.1";
    const options = { version, schema, merge: false, uniqueKeys: false } as const;
    const composer = new Composer({ ...options, keepSourceTokens: true, prettyErrors: false });
    const [document] = composer.compose(tokens, true, text.length);
    return document === undefined ? undefined : { tokens, document };
  } catch {
    return undefined;
  }
}
