/** CEL's strings extension. Positions count code points, results are bounded, and searching is charged for. */
import { format, quote } from "./format.ts";
import { glob } from "./glob.ts";
import { MAX_ELEMENTS, MAX_TEXT, type Meter } from "./meter.ts";
import { engines, instead, ours, type Overload } from "./signature.ts";

export const STRING_FUNCTIONS: readonly Overload[] = [
  engines("size(string): int", "How many code points a text has."),
  engines("string.size(): int", "How many code points a text has."),
  engines("string.startsWith(string): bool", "Whether a text begins with the other one."),
  engines("string.endsWith(string): bool", "Whether a text ends with the other one."),
  instead("string.contains(string): bool", "Whether the other text stands anywhere in a text.", contains),
  engines(
    "string.matches(string): bool",
    "Whether a constant regular expression of RE2 is found anywhere in a text.",
  ),
  ours("matches(string, string): bool", "The same as `text.matches(pattern)`.", refuse),
  ours(
    "string.match(string): bool",
    "Whether the whole text fits a pattern, in which `*` stands for any run of characters.",
    glob,
  ),
  ours("string.charAt(int): string", "The character at a position from 0; empty at the very end.", charAt),
  instead("string.indexOf(string): int", "Where the other text first stands, or -1.", indexOf),
  instead("string.indexOf(string, int): int", "The same, looking from a position on.", indexOf),
  instead("string.lastIndexOf(string): int", "Where the other text last stands, or -1.", lastIndexOf),
  instead("string.lastIndexOf(string, int): int", "The same, looking from a position back.", lastIndexOf),
  instead("string.substring(int): string", "The text from a position on.", substring),
  instead("string.substring(int, int): string", "The text from a position up to another.", substring),
  ours(
    "string.replace(string, string): string",
    "Each occurrence of the first text replaced by the second.",
    replace,
  ),
  ours(
    "string.replace(string, string, int): string",
    "The same, for so many occurrences; all when negative.",
    replace,
  ),
  instead("string.split(string): list<string>", "The parts between the separators.", split),
  instead(
    "string.split(string, int): list<string>",
    "The same, in so many parts at most; all when negative.",
    split,
  ),
  instead("list<string>.join(): string", "The texts of a list as one.", join),
  instead(
    "list<string>.join(string): string",
    "The texts of a list as one, with a separator between them.",
    join,
  ),
  instead("string.lowerAscii(): string", "A to Z in lower case, all else as it is.", lowerAscii),
  instead("string.upperAscii(): string", "a to z in upper case, all else as it is.", upperAscii),
  instead("string.trim(): string", "The text without white space at either end.", trim),
  ours("string.reverse(): string", "The characters in reverse order.", reverse),
  ours(
    "string.format(list<dyn>): string",
    "The text with %s, %d, %f, %e, %b, %o, %x, %X filled in from a list.",
    format,
  ),
  ours(
    "StringsNamespace.quote(string): string",
    "The text in double quotes, special characters escaped.",
    quoted,
  ),
];

/** Takes the place of `matches(text, pattern)`, which is compiled at load. */
function refuse(meter: Meter): never {
  throw meter.fault("request");
}

/** The engine's text search compares up to the product of both lengths in the worst case. */
function chargeSearch(meter: Meter, text: string, wanted: string): void {
  meter.charge(Math.floor((text.length * wanted.length) / 8192));
}

function contains(meter: Meter, text: string, wanted: string): boolean {
  chargeSearch(meter, text, wanted);
  return text.includes(wanted);
}

function indexOf(meter: Meter, text: string, wanted: string, from = 0n): bigint {
  chargeSearch(meter, text, wanted);
  return pointsBefore(text, text.indexOf(wanted, unitOf(meter, text, from)));
}

function lastIndexOf(meter: Meter, text: string, wanted: string, from?: bigint): bigint {
  chargeSearch(meter, text, wanted);
  const last = from === undefined ? text.length : unitOf(meter, text, from);
  return pointsBefore(text, text.lastIndexOf(wanted, last));
}

function charAt(meter: Meter, text: string, position: bigint): string {
  const unit = unitOf(meter, text, position);
  const point = text.codePointAt(unit);
  return point === undefined ? "" : String.fromCodePoint(point);
}

function substring(meter: Meter, text: string, start: bigint, end?: bigint): string {
  const from = unitOf(meter, text, start);
  const to = end === undefined ? text.length : unitOf(meter, text, end);
  if (to < from) throw meter.fault("request");
  return text.slice(from, to);
}

type Replacement = [text: string, wanted: string, replacement: string, limit?: bigint];

function replace(meter: Meter, ...[text, wanted, replacement, limit = -1n]: Replacement): string {
  chargeSearch(meter, text, wanted);
  const parts = wanted === "" ? ["", ...Array.from(text), ""] : text.split(wanted);
  const all = parts.length - 1;
  const count = limit < 0n || limit > BigInt(all) ? all : Number(limit);
  if (text.length + count * (replacement.length - wanted.length) > MAX_TEXT) meter.exhaust();
  if (count === all) return parts.join(replacement);
  return [parts.slice(0, count + 1).join(replacement), ...parts.slice(count + 1)].join(wanted);
}

function split(meter: Meter, text: string, separator: string, limit = -1n): readonly string[] {
  chargeSearch(meter, text, separator);
  if (limit === 0n) return [];
  const parts = separator === "" ? Array.from(text) : text.split(separator, MAX_TEXT);
  const kept = limit < 0n || limit > BigInt(parts.length) ? parts.length : Number(limit);
  if (kept > MAX_ELEMENTS) meter.exhaust();
  if (kept === parts.length) return parts;
  return [...parts.slice(0, kept - 1), parts.slice(kept - 1).join(separator)];
}

function join(meter: Meter, texts: readonly unknown[], separator = ""): string {
  let length = separator.length * Math.max(0, texts.length - 1);
  for (const text of texts) {
    if (typeof text !== "string") throw meter.fault("request");
    length += text.length;
  }
  if (length > MAX_TEXT) meter.exhaust();
  meter.charge(length >> 6);
  return texts.join(separator);
}

function lowerAscii(_meter: Meter, text: string): string {
  return text.replace(/[A-Z]+/g, (run) => run.toLowerCase());
}

function upperAscii(_meter: Meter, text: string): string {
  return text.replace(/[a-z]+/g, (run) => run.toUpperCase());
}

/** Unicode's White_Space: JavaScript's own trim lacks U+0085 and takes U+FEFF. */
const isSpace = (character: string): boolean =>
  (character <= " " || character > "~") && /\p{White_Space}/u.test(character);

function trim(_meter: Meter, text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isSpace(text.charAt(start))) start++;
  while (end > start && isSpace(text.charAt(end - 1))) end--;
  return text.slice(start, end);
}

function reverse(_meter: Meter, text: string): string {
  return Array.from(text).reverse().join("");
}

function quoted(meter: Meter, _namespace: unknown, text: string): string {
  return quote(meter, text);
}

/** Whether every code unit is a code point, which makes positions cheap. */
const isPlain = (text: string): boolean => !/[\ud800-\udfff]/.test(text);

/** The code unit at which the code point of that position begins; throws outside the text. */
function unitOf(meter: Meter, text: string, position: bigint): number {
  if (position < 0n || position > BigInt(text.length)) throw meter.fault("request");
  const wanted = Number(position);
  if (isPlain(text)) return wanted;
  let unit = 0;
  for (let point = 0; point < wanted; point++) {
    if (unit >= text.length) throw meter.fault("request");
    unit += (text.codePointAt(unit) ?? 0) > 0xffff ? 2 : 1;
  }
  return unit;
}

function pointsBefore(text: string, unit: number): bigint {
  if (unit < 0 || isPlain(text)) return BigInt(unit);
  return BigInt(Array.from(text.slice(0, unit)).length);
}
