import { RE2JS, RE2JSException } from "re2js";
import { readAddress, readNetwork } from "../../src/adapter/addresses.ts";
import { NetworkTable } from "./network-table.ts";

export const ENTRY_TYPES = ["strings", "caseInsensitive", "addresses", "regexes"] as const;

/** How entries are compared with a value. */
export type EntryType = (typeof ENTRY_TYPES)[number];

export const MAX_ENTRIES = 100_000;
export const MAX_REGEXES = 1_000;
const MAX_ENTRY_LENGTH = 4_096;
const MAX_PATTERN_LENGTH = 1_000;

/**
 * The most that one check may cost: the length of its value times the instructions of all expressions. At about 15 ns for
 * the slowest that is 30 ms.
 */
const MAX_REGEX_WORK = 2_000_000;

export type Found =
  | { readonly kind: "entry"; readonly entry: string }
  | { readonly kind: "none" }
  /** The value cannot be compared with entries of this type. */
  | { readonly kind: "malformed"; readonly why: string };

/** A list that is being built, and then asked. */
export interface Entries {
  readonly size: number;
  /** Takes one more; answers why it cannot, as a sentence's end, or undefined. */
  add(entry: string): string | undefined;
  find(value: string): Found;
}

export function createEntries(type: EntryType): Entries {
  switch (type) {
    case "strings":
      return new Texts((text) => text);
    case "caseInsensitive":
      return new Texts((text) => text.toLowerCase());
    case "addresses":
      return new Addresses();
    case "regexes":
      return new Expressions();
  }
}

const NONE: Found = { kind: "none" };

class Texts implements Entries {
  readonly #known = new Map<string, string>();
  readonly #normalize: (text: string) => string;

  constructor(normalize: (text: string) => string) {
    this.#normalize = normalize;
  }

  get size(): number {
    return this.#known.size;
  }

  add(entry: string): string | undefined {
    if (entry.length > MAX_ENTRY_LENGTH) return `it is longer than ${MAX_ENTRY_LENGTH} characters`;
    if (this.size >= MAX_ENTRIES) return TOO_MANY;
    const key = this.#normalize(entry);
    if (!this.#known.has(key)) this.#known.set(key, entry);
    return undefined;
  }

  find(value: string): Found {
    if (value.length > MAX_ENTRY_LENGTH) return NONE;
    const entry = this.#known.get(this.#normalize(value));
    return entry === undefined ? NONE : { kind: "entry", entry };
  }
}

class Addresses implements Entries {
  readonly #networks = new NetworkTable();
  size = 0;

  add(entry: string): string | undefined {
    const network = readNetwork(entry);
    if (network === undefined) return `${quoted(entry)} is neither an IP address nor a network in CIDR form`;
    if (this.size >= MAX_ENTRIES) return TOO_MANY;
    this.#networks.add(network, entry);
    this.size++;
    return undefined;
  }

  find(value: string): Found {
    const address = readAddress(value);
    if (address === undefined) return { kind: "malformed", why: "the value is not an IP address" };
    const entry = this.#networks.find(address);
    return entry === undefined ? NONE : { kind: "entry", entry };
  }
}

class Expressions implements Entries {
  readonly #known: { readonly entry: string; readonly regex: RE2JS }[] = [];
  #instructions = 0;

  get size(): number {
    return this.#known.length;
  }

  add(entry: string): string | undefined {
    if (entry.length > MAX_PATTERN_LENGTH) return `it is longer than ${MAX_PATTERN_LENGTH} characters`;
    if (this.size >= MAX_REGEXES) return `there are more than ${MAX_REGEXES} regular expressions`;
    try {
      const regex = RE2JS.compile(entry);
      this.#instructions += regex.programSize();
      this.#known.push({ entry, regex });
      return undefined;
    } catch (error) {
      const why = error instanceof RE2JSException ? error.message : "it is too complex";
      return `${quoted(entry)} is no regular expression of RE2: ${why}`;
    }
  }

  find(value: string): Found {
    if (value.length * this.#instructions > MAX_REGEX_WORK) {
      return { kind: "malformed", why: "the value is too long to be compared" };
    }
    const found = this.#known.find(({ regex }) => regex.test(value));
    return found === undefined ? NONE : { kind: "entry", entry: found.entry };
  }
}

const TOO_MANY = `there are more than ${MAX_ENTRIES} entries`;

const quoted = (entry: string): string =>
  JSON.stringify(entry.length > 60 ? `${entry.slice(0, 60)}…` : entry);

/** Long lists give other work a turn after so many lines. */
const LINES_A_TURN = 2_000;

/** Reads a list, one entry a line; `#` begins a line that is a comment. Rejects with the first bad line: nothing is skipped. */
export async function readLines(content: Buffer, type: EntryType): Promise<Entries> {
  const entries = createEntries(type);
  const lines = textOf(content).split("\n");
  for (const [index, line] of lines.entries()) {
    if (index % LINES_A_TURN === LINES_A_TURN - 1)
      await new Promise<void>((resolve) => setImmediate(resolve));
    const entry = line.trim();
    if (entry === "" || entry.startsWith("#")) continue;
    const problem = entries.add(entry);
    if (problem !== undefined) throw new Error(`line ${index + 1}: ${problem}`);
  }
  return entries;
}

function textOf(content: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(content);
  } catch {
    throw new Error("it is not UTF-8 text");
  }
}
