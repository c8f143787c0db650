/** What a text of JSON stands for; `why` is a sentence for people. */
export type JsonRead =
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "malformed"; readonly why: string }
  | { readonly kind: "too-large"; readonly why: string };

export interface JsonLimits {
  readonly maxBytes: number;
  /** How deep arrays and objects may nest. */
  readonly maxDepth: number;
  /** How many values there may be, those inside others counted too. */
  readonly maxValues: number;
  /** Reads a number's digits in another way than as a double; undefined of one that it cannot hold. */
  readonly numberOf?: (digits: string) => bigint | number | undefined;
}

/**
 * Reads JSON (RFC 8259) as Maps, arrays, strings, numbers (doubles), booleans and null. What two readers may read
 * differently is malformed: a name that comes twice in one object, bytes that are not UTF-8, half a surrogate pair, a
 * byte order mark, a number beyond the doubles.
 */
export function readJson(bytes: Uint8Array, limits: JsonLimits): JsonRead {
  if (bytes.length > limits.maxBytes) return { kind: "too-large", why: `more than ${limits.maxBytes} bytes` };
  const text = decodeUtf8(bytes);
  if (text === undefined) return { kind: "malformed", why: "the bytes are not UTF-8" };
  try {
    return { kind: "value", value: new Reader(text, limits).whole() };
  } catch (error) {
    if (error instanceof Refused) return { kind: error.kind, why: error.message };
    throw error;
  }
}

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    // The byte order mark is kept, for the reader to refuse.
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

class Refused extends Error {
  readonly kind: "malformed" | "too-large";
  constructor(kind: Refused["kind"], message: string) {
    super(message);
    this.kind = kind;
  }
}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
/** The part of a string that stands for itself. */
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const BLANK = /[ \t\n\r]*/y;
const ESCAPES = new Map([
  ...['"', "\\", "/"].map((one) => [one, one] as const),
  ...([
    ["b", "\b"],
    ["f", "\f"],
    ["n", "\n"],
    ["r", "\r"],
    ["t", "\t"],
  ] as const),
]);
const WORDS = new Map<string, [word: string, value: unknown]>([
  ["t", ["true", true]],
  ["f", ["false", false]],
  ["n", ["null", null]],
]);

class Reader {
  readonly #text: string;
  readonly #limits: JsonLimits;
  #at = 0;
  #values = 0;

  constructor(text: string, limits: JsonLimits) {
    this.#text = text;
    this.#limits = limits;
  }

  whole(): unknown {
    this.#take(BLANK);
    const value = this.#value(0);
    this.#take(BLANK);
    if (this.#at < this.#text.length) throw this.#malformed("something stands behind the value");
    return value;
  }

  /** Goes past the value; what is blank around it is the caller's. */
  #value(depth: number): unknown {
    const { maxValues } = this.#limits;
    if (++this.#values > maxValues) throw new Refused("too-large", `more than ${maxValues} values`);
    const first = this.#text[this.#at] ?? "";
    switch (first) {
      case "{":
        return this.#object(this.#deeper(depth));
      case "[":
        return this.#array(this.#deeper(depth));
      case '"':
        return this.#string();
      default:
        return WORDS.has(first) ? this.#word(first) : this.#number();
    }
  }

  #deeper(depth: number): number {
    const { maxDepth } = this.#limits;
    if (depth >= maxDepth) throw new Refused("too-large", `nested deeper than ${maxDepth}`);
    return depth + 1;
  }

  #object(depth: number): Map<string, unknown> {
    const entries = new Map<string, unknown>();
    this.#elements("}", () => {
      if (this.#text[this.#at] !== '"') throw this.#malformed("a name was expected");
      const name = this.#string();
      if (entries.has(name)) throw this.#malformed("a name comes twice in one object");
      this.#take(BLANK);
      if (!this.#skip(":")) throw this.#malformed("a colon was expected");
      this.#take(BLANK);
      entries.set(name, this.#value(depth));
    });
    return entries;
  }

  #array(depth: number): unknown[] {
    const values: unknown[] = [];
    this.#elements("]", () => values.push(this.#value(depth)));
    return values;
  }

  /** From the opening bracket past the closing one. */
  #elements(close: string, readOne: () => void): void {
    this.#at++;
    this.#take(BLANK);
    if (this.#skip(close)) return;
    do {
      this.#take(BLANK);
      readOne();
      this.#take(BLANK);
    } while (this.#skip(","));
    if (!this.#skip(close)) throw this.#malformed("a comma or a closing bracket was expected");
  }

  #string(): string {
    this.#at++;
    let value = this.#take(PLAIN);
    while (!this.#skip('"')) {
      if (!this.#skip("\\")) throw this.#malformed("a string does not end, or has a control character");
      value += this.#escape() + this.#take(PLAIN);
    }
    if (!value.isWellFormed()) throw this.#malformed("half a surrogate pair");
    return value;
  }

  #escape(): string {
    const letter = this.#text[this.#at++] ?? "";
    const plain = ESCAPES.get(letter);
    if (plain !== undefined) return plain;
    const digits = this.#text.slice(this.#at, this.#at + 4);
    if (letter !== "u" || !/^[0-9A-Fa-f]{4}$/.test(digits)) throw this.#malformed("an unknown escape");
    this.#at += 4;
    return String.fromCharCode(Number.parseInt(digits, 16));
  }

  /** `true`, `false` and `null`. */
  #word(first: string): unknown {
    const [word, value] = WORDS.get(first) ?? ["", undefined];
    if (!this.#text.startsWith(word, this.#at)) throw this.#malformed("a value was expected");
    this.#at += word.length;
    return value;
  }

  #number(): bigint | number {
    const digits = this.#take(NUMBER);
    if (digits === "") throw this.#malformed("a value was expected");
    const value = (this.#limits.numberOf ?? Number)(digits);
    if (value === undefined) throw this.#malformed("a number is too large");
    if (typeof value === "number" && !Number.isFinite(value)) {
      throw this.#malformed("a number is beyond the doubles");
    }
    return value;
  }

  /** What a pattern finds here, perhaps nothing, and goes past it. */
  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? "";
    this.#at += found.length;
    return found;
  }

  #skip(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #malformed(what: string): Refused {
    return new Refused("malformed", `${what} at offset ${this.#at}`);
  }
}
