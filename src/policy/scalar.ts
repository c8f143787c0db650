import type { Range } from "./source.ts";

/** How YAML wrote a text. */
export type Style = "plain" | "single" | "double" | "block";

/**
 * For every UTF-16 code unit of a scalar's decoded text, where it stands in the file, through quotes,
 * escapes, folding and indentation. Exact for every character that is not white space;
 * white space that YAML folded is placed between its neighbours.
 * Undefined when text and source cannot be matched.
 */
export function offsetsOf(
  file: string,
  range: Range,
  style: Style,
  decoded: string,
): readonly Range[] | undefined {
  const places = new Array<Range>();
  let cursor = contentStart(file, range, style);
  const end = style === "single" || style === "double" ? range.end - 1 : range.end;
  let gapStart = cursor;
  while (cursor < end) {
    const unit = unitAt(file, cursor, style);
    cursor = unit.end;
    if (unit.text === undefined) continue;
    if (!fillGap(places, decoded, { start: gapStart, end: unit.start }, unit.text)) return undefined;
    for (let index = 0; index < unit.text.length; index++) {
      // A character that is two code units in both is placed one by one; an escape is one place.
      const alike = unit.end - unit.start === unit.text.length;
      places.push(alike ? { start: unit.start + index, end: unit.start + index + 1 } : unit);
    }
    gapStart = unit.end;
  }
  return fillGap(places, decoded, { start: gapStart, end }, undefined) ? places : undefined;
}

/** One piece of source: solid text that must come out as `text`, or white space (undefined). */
interface Unit extends Range {
  readonly text: string | undefined;
}

const isSpace = (character: string | undefined): boolean =>
  character === " " || character === "\t" || character === "\n" || character === "\r";

function contentStart(file: string, range: Range, style: Style): number {
  if (style === "plain") return range.start;
  if (style !== "block") return range.start + 1;
  const header = file.indexOf("\n", range.start);
  return header < 0 ? range.end : header + 1;
}

function unitAt(file: string, start: number, style: Style): Unit {
  const character = file.charAt(start);
  if (style === "double" && character === "\\") return escapeAt(file, start);
  if (style === "single" && character === "'") return { start, end: start + 2, text: "'" };
  return { start, end: start + 1, text: isSpace(character) ? undefined : character };
}

const HEX_DIGITS: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };

const ESCAPES: Readonly<Record<string, string>> = {
  ...{ "0": "\0", a: "\x07", b: "\b", e: "\x1b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" },
  ...{ N: "\x85", _: "\xa0", L: "\u2028", P: "\u2029" },
};

/** One escape of a double-quoted scalar (YAML 1.2, section 5.7). */
function escapeAt(file: string, start: number): Unit {
  const letter = file.charAt(start + 1);
  if (letter === "\n" || letter === "\r") return { start, end: start + 2, text: undefined };
  const digits = HEX_DIGITS[letter];
  if (digits === undefined) return { start, end: start + 2, text: ESCAPES[letter] ?? letter };
  const end = start + 2 + digits;
  const point = Number.parseInt(file.slice(start + 2, end), 16);
  return { start, end, text: point <= 0x10ffff ? String.fromCodePoint(point) : undefined };
}

/**
 * Gives places to the decoded white space before the next solid text (or before the end): from the right,
 * because what YAML drops of it (indentation) stands on the left. False when something else stands there.
 */
function fillGap(places: Range[], decoded: string, gap: Range, next: string | undefined): boolean {
  const from = places.length;
  let to = from;
  while (to < decoded.length && isSpace(decoded[to]) && !(next !== undefined && decoded.startsWith(next, to)))
    to++;
  for (let index = from; index < to; index++) {
    const start = Math.max(gap.start, gap.end - (to - index));
    places.push({ start, end: Math.max(start, Math.min(start + 1, gap.end)) });
  }
  return next === undefined ? to === decoded.length : decoded.startsWith(next, to);
}
