import { ALL, NOT_KEPT, type Range, type WireReader } from "../std/wire-reader.ts";

/**
 * Which fields of a message are kept, by number: `all` of a repeated one, as the stretch in which they stand, of the others the last.
 * What comes with another wire type is left out.
 */
export type Layout = Uint8Array;

export type Kind = "varint" | "double" | "length" | "all";

const KINDS: Readonly<Record<Kind, number>> = { varint: 0, double: 1, length: 2, all: 2 + ALL };

/** `fields` has the numbers of each kind. */
export function layoutOf(fields: Partial<Record<Kind, readonly number[]>>): Layout {
  const kept = Object.entries(fields).flatMap(([kind, numbers]) =>
    numbers.map((number) => [number, KINDS[kind as Kind]] as const),
  );
  const layout = new Uint8Array(1 + Math.max(...kept.map(([number]) => number))).fill(NOT_KEPT);
  for (const [number, kind] of kept) layout[number] = kind;
  return layout;
}

/** How many numbers an outline of a message takes. */
export const sizeOf = (layout: Layout): number => 2 * layout.length;

/** Where the outline of a message, or of several, is kept. */
export interface Place {
  readonly places: Int32Array;
  readonly at: number;
}

/**
 * Places for the outlines of many entries. They stand in one array for some dozen of them, since an array an entry would cost more than
 * walking through it.
 */
export class Places {
  readonly #size: number;
  #left: number;
  #chunk = new Int32Array(0);
  #at = 0;

  /** `size` is how many numbers an entry takes. */
  constructor(size: number, entries: number) {
    this.#size = size;
    this.#left = entries;
  }

  /** All zeroes. */
  next(): Place {
    if (this.#at >= this.#chunk.length) {
      this.#chunk = new Int32Array(this.#size * Math.max(1, Math.min(this.#left, ENTRIES_A_CHUNK)));
      this.#at = 0;
    }
    const place = { places: this.#chunk, at: this.#at };
    this.#at += this.#size;
    this.#left--;
    return place;
  }
}

const ENTRIES_A_CHUNK = 64;

/** Where the fields of one message are, to be decoded when something reads them. */
export class Outline {
  readonly #reader: WireReader;
  readonly #places: Int32Array;
  readonly #at: number;

  /** It stands so many numbers behind the place. Nothing is there before `read`. */
  constructor(reader: WireReader, { places, at }: Place, offset: number) {
    this.#reader = reader;
    this.#places = places;
    this.#at = at + offset;
  }

  /** Walks through a message. Throws MalformedMessage. */
  read(range: Range, layout: Layout): void {
    this.#reader.outline(range, layout, this.#places, this.#at);
  }

  has(number: number): boolean {
    return this.range(number).end !== 0;
  }

  /** Empty where the field is not there. */
  range(number: number): Range {
    const place = this.#at + 2 * number;
    return { start: this.#places[place] ?? 0, end: this.#places[place + 1] ?? 0 };
  }

  /** Empty where the field is not there. */
  text(number: number): string {
    return this.#reader.text(this.range(number));
  }

  /** 0 where the field is not there. */
  number(number: number): number {
    return this.#reader.number(this.range(number));
  }

  /** Undefined where the field is not there, and of what is no number. */
  double(number: number): number | undefined {
    return this.has(number) ? this.#reader.double(this.range(number)) : undefined;
  }
}
