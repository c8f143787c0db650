import { visible } from "../std/printable.ts";
import type { Place } from "./diagnostic.ts";

/** A range of a file's text, in UTF-16 code units from 0, end exclusive. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** One path through a file: keys of mappings and positions (from 0) in lists. */
export type Path = readonly (string | number)[];

/** One file's text, with the lines that diagnostics print. */
export class SourceText {
  readonly file: string;
  readonly text: string;
  readonly #lineStarts: readonly number[];

  constructor(file: string, text: string) {
    this.file = file;
    this.text = text;
    this.#lineStarts = lineStartsOf(text);
  }

  /** Where `range` begins, with as much of it as stands on that line. Offsets past the end mean the end. */
  place(range: Range): Place {
    const start = this.#onTheText(range.start);
    const line = lastAtMost(this.#lineStarts, start);
    const lineStart = this.#lineStarts[line] ?? 0;
    const source = this.#line(line);
    const length = Math.min(range.end - start, lineStart + source.length - start);
    return {
      file: this.file,
      line: line + 1,
      column: start - lineStart + 1,
      length: Math.max(1, length),
      source: visible(source),
    };
  }

  /** Where a line begins, counted from 0; the end of the text for one that is not there. */
  lineStart(line: number): number {
    return this.#lineStarts[line] ?? this.text.length;
  }

  /** The longest line's number from 0 and its length, in UTF-16 code units. */
  longestLine(): { readonly start: number; readonly length: number } {
    let longest = { start: 0, length: 0 };
    this.#lineStarts.forEach((start, line) => {
      const length = (this.#lineStarts[line + 1] ?? this.text.length + 1) - start - 1;
      if (length > longest.length) longest = { start, length };
    });
    return longest;
  }

  /** The end of the file is shown behind its last visible character, not on an empty line after it. */
  #onTheText(offset: number): number {
    const inside = Math.max(0, Math.min(offset, this.text.length));
    return this.text.slice(inside).trim() === "" ? Math.min(inside, this.text.trimEnd().length) : inside;
  }

  #line(line: number): string {
    const end = (this.#lineStarts[line + 1] ?? this.text.length + 1) - 1;
    return this.text.slice(this.#lineStarts[line], end).replace(/\r$/, "");
  }
}

function lineStartsOf(text: string): readonly number[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}

/** The index of the last of the ascending `numbers` that is at most `wanted`. */
function lastAtMost(numbers: readonly number[], wanted: number): number {
  let low = 0;
  let high = numbers.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((numbers[middle] ?? Infinity) <= wanted) low = middle;
    else high = middle - 1;
  }
  return low;
}
