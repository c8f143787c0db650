import { parseMomentMs } from "../std/moment.ts";
import type { Steps } from "../std/steps.ts";
import { problem, type Diagnostic } from "./diagnostic.ts";
import type { Range, SourceText } from "./source.ts";
import { isPrintable, MAX_LINE_LENGTH } from "./yaml.ts";
import { MAX_FINDINGS } from "./yaml-findings.ts";

/** One API key of a file, found by its digest. */
export interface WrittenKey {
  readonly id: string;
  readonly plan: string | undefined;
  /** From this moment on the key is none; in milliseconds since 1970. */
  readonly notAfterMs: number | undefined;
}

/** The API keys of one file by digest: HMAC-SHA-256 under the pepper, as 64 lower-case hexadecimal digits. */
export type KeysFile = ReadonlyMap<string, WrittenKey>;

/** What a keys file comes to; without keys when something is wrong with it. */
export interface KeysRead {
  readonly keys: KeysFile | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

/** The most keys of one file. */
export const MAX_KEYS = 100_000;

/** What ids and plans look like. */
export const KEY_NAME = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,127}$/;

export const DIGEST = /^[0-9a-f]{64}$/;

const BLANK = /^ *(?:#.*)?$/;

/** Whether the first lines are those of a keys file, before anything of it is read as YAML. */
export function beginsAsKeys(text: Uint8Array | string): boolean {
  const start = typeof text === "string" ? text : Buffer.from(text.subarray(0, 4096)).toString("latin1");
  const lines = start
    .slice(0, 4096)
    .replace(/^(?:\uFEFF|\u00EF\u00BB\u00BF)/, "")
    .split(/\r?\n/);
  const [first, second] = lines.filter((line) => !BLANK.test(line));
  return first === "weir: 1" && second?.trimEnd() === "keys:";
}

/**
 * Reads a keys file that is written one field a line, as `weir keys new` prints it: a part of YAML that is read a
 * hundred times faster than all of it. The number of the line (from 0) where it is not of that form, if it is not.
 */
export function* readingPlainKeys(source: SourceText): Steps<KeysRead | number> {
  if (!isPrintable(source.text)) return 0;
  const keys = new PlainKeys(source);
  const lines = source.text.split("\n");
  for (const [number, line] of lines.entries()) {
    if (!keys.take(line)) return number;
    if (number % LINES_A_STEP === 0) yield;
  }
  return keys.finish() ?? lines.length - 1;
}

const LINES_A_STEP = 1_000;

/** `- id: acme`, or `  plan: gold`, perhaps with a comment behind. */
const FIELD = /^( *)(- )?(id|plan|digest|notAfter): +(["']?)([A-Za-z0-9._@:+-]+)\4(?: +#.*| *)$/;

/** What YAML reads as no value. */
const NULL_WORD = /^(?:null|Null|NULL)$/;

const FORMS: Readonly<Record<string, (value: string) => boolean>> = {
  id: (value) => KEY_NAME.test(value),
  plan: (value) => KEY_NAME.test(value),
  digest: (value) => DIGEST.test(value),
  notAfter: (value) => parseMomentMs(value) !== undefined,
};

/** The lines of one file, one after the other. */
class PlainKeys {
  readonly #source: SourceText;
  readonly #keys = new Map<string, WrittenKey>();
  readonly #ids = new Set<string>();
  readonly #diagnostics: Diagnostic[] = [];
  #awaited: "weir" | "keys" | "fields" = "weir";
  #indent: string | undefined;
  #entry = new Map<string, string>();
  /** Where this line, and the entry that it belongs to, begin in the text. */
  #offset = 0;
  #entryRange: Range = { start: 0, end: 0 };

  constructor(source: SourceText) {
    this.#source = source;
  }

  /** The next line, with the `\r` that it may end in; false where it is not of the form. */
  take(withReturn: string): boolean {
    const line = withReturn.replace(/\r$/, "");
    const start = this.#offset;
    this.#offset += withReturn.length + 1;
    if (line.length > MAX_LINE_LENGTH) return false;
    if (BLANK.test(line)) return true;
    switch (this.#awaited) {
      case "weir":
        this.#awaited = "keys";
        return line === "weir: 1";
      case "keys":
        this.#awaited = "fields";
        return line.trimEnd() === "keys:";
      case "fields":
        return this.#field(line, start);
    }
  }

  /** Undefined where the file ends too early. */
  finish(): KeysRead | undefined {
    if (this.#entry.size === 0 || !this.#close()) return undefined;
    const isGood = this.#diagnostics.length === 0;
    return { keys: isGood ? this.#keys : undefined, diagnostics: this.#diagnostics };
  }

  #field(line: string, start: number): boolean {
    const [whole, indent = "", dash, key = "", quote, value = ""] = FIELD.exec(line) ?? [];
    if (whole === undefined || (quote === "" && NULL_WORD.test(value))) return false;
    const entryRange = { start: start + indent.length, end: start + line.length };
    if (dash !== undefined && !this.#begin(indent, entryRange)) return false;
    if (indent !== this.#indentOf(dash) || this.#entry.has(key) || FORMS[key]?.(value) !== true) return false;
    this.#entry.set(key, value);
    return true;
  }

  /** The indentation of an entry's first line, or of the others. */
  #indentOf(dash: string | undefined): string {
    return dash === undefined ? `${this.#indent ?? "-"}  ` : (this.#indent ?? "");
  }

  /** Another entry; false where the one before lacks something. */
  #begin(indent: string, range: Range): boolean {
    if (this.#entry.size > 0 && !this.#close()) return false;
    this.#indent ??= indent;
    this.#entry = new Map();
    this.#entryRange = range;
    return true;
  }

  /** Adds the entry; false where it lacks something. */
  #close(): boolean {
    const id = this.#entry.get("id");
    const digest = this.#entry.get("digest");
    if (id === undefined || digest === undefined) return false;
    if (this.#ids.has(id)) this.#refuse(`two keys have the id "${id}"`);
    if (this.#keys.has(digest)) this.#refuse("two keys have this digest");
    if (this.#keys.size === MAX_KEYS) this.#refuse(`these are more than ${MAX_KEYS} keys`);
    const notAfter = this.#entry.get("notAfter");
    const notAfterMs = notAfter === undefined ? undefined : parseMomentMs(notAfter);
    this.#ids.add(id);
    this.#keys.set(digest, { id, plan: this.#entry.get("plan"), notAfterMs });
    return true;
  }

  #refuse(message: string): void {
    if (this.#diagnostics.length >= MAX_FINDINGS) return;
    this.#diagnostics.push(
      problem(this.#source.place(this.#entryRange), "duplicate-name", message, "remove one"),
    );
  }
}
