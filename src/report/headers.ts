import { headerText, readTextMap } from "../attributes/decode.ts";
import { lengthField, type Range, type WireReader } from "../std/wire-reader.ts";
import type { Outline } from "./outline.ts";

/** A `map<string, string>` that stands in a field of a message. What is malformed in it is as if it were not there. */
export class Headers {
  readonly #reader: WireReader;
  readonly #fields: Outline;
  readonly #number: number;
  #places: readonly number[] | undefined;

  constructor(reader: WireReader, fields: Outline, number: number) {
    this.#reader = reader;
    this.#fields = fields;
    this.#number = number;
  }

  /** The value of one key, which is ASCII. All keys are found at the first look, since there are few and more looks follow. */
  get(name: string): string | undefined {
    if (!this.#fields.has(this.#number)) return undefined;
    const places = (this.#places ??= this.#find());
    // Of a key that comes twice the last counts.
    for (let at = places.length - 4; at >= 0; at -= 4) {
      if (!this.#reader.is(rangeAt(places, at), name)) continue;
      return headerText(this.#reader, rangeAt(places, at + 2));
    }
    return undefined;
  }

  #find(): readonly number[] {
    try {
      return this.#reader.mapPlaces(this.#fields.range(this.#number), lengthField(this.#number));
    } catch {
      return [];
    }
  }

  all(): Map<string, string> {
    try {
      return readTextMap(this.#reader, this.#fields.range(this.#number), lengthField(this.#number));
    } catch {
      return new Map();
    }
  }
}

const rangeAt = (places: readonly number[], at: number): Range => ({
  start: places[at] ?? 0,
  end: places[at + 1] ?? 0,
});
