import { ALL, NOT_KEPT, type Range, type WireReader } from "../std/wire-reader.ts";

/**
 * Which fields of a message are kept, by number: `all` of a repeated one, as the stretch in which they stand, of the others the last.
 * What comes with another wire type is left out.
 */
export interface Layout {
  /** What `WireReader.outline` takes. */
  readonly kinds: Uint8Array;
  /** Places for each field, all 0. */
  readonly empty: readonly number[];
}

export type Kind = "varint" | "double" | "length" | "all";

const KINDS: Readonly<Record<Kind, number>> = { varint: 0, double: 1, length: 2, all: 2 + ALL };

/** `fields` has the numbers of each kind. */
export function layoutOf(fields: Partial<Record<Kind, readonly number[]>>): Layout {
  const kept = Object.entries(fields).flatMap(([kind, numbers]) =>
    numbers.map((number) => [number, KINDS[kind as Kind]] as const),
  );
  const kinds = new Uint8Array(1 + Math.max(...kept.map(([number]) => number))).fill(NOT_KEPT);
  for (const [number, kind] of kept) kinds[number] = kind;
  return { kinds, empty: Array.from({ length: 2 * kinds.length }, () => 0) };
}

const NO_PLACES: readonly number[] = [];

/** Where the fields of one message are, to be decoded when something reads them. */
export class Outline {
  readonly #reader: WireReader;
  #places: readonly number[] = NO_PLACES;

  constructor(reader: WireReader) {
    this.#reader = reader;
  }

  /** Walks through a message; before that nothing is there. Throws MalformedMessage. */
  read(range: Range, { kinds, empty }: Layout): void {
    // A copy of zeroes costs a fraction of what an array of bytes does.
    const places = empty.slice();
    this.#reader.outline(range, kinds, places);
    this.#places = places;
  }

  has(number: number): boolean {
    return (this.#places[2 * number + 1] ?? 0) !== 0;
  }

  /** Empty where the field is not there. */
  range(number: number): Range {
    const place = 2 * number;
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
