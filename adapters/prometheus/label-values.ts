import { createHash } from "node:crypto";
import { asBytes } from "./slice-writer.ts";

/** A value that the label does not have. */
export const UNKNOWN = -1;

/**
 * The values of one label, each kept once under a small number while a label set has it. Values are compared as they are written: what
 * is no text of Unicode (half a surrogate pair) is U+FFFD, and what is too long is cut and told apart by its digest.
 */
export class LabelValues {
  readonly #mostLength: number;
  readonly #numbers = new Map<string, number>();
  readonly #values: string[] = [];
  readonly #texts: string[] = [];
  readonly #uses: number[] = [];
  readonly #free: number[] = [];

  constructor(mostLength: number) {
    this.#mostLength = mostLength;
  }

  /** How many different values there are. */
  get size(): number {
    return this.#numbers.size;
  }

  /** The number of a value, or UNKNOWN. */
  find(value: string): number {
    const number = this.#numbers.get(isToBeCut(value, this.#mostLength) ? this.#written(value) : value);
    if (number !== undefined) return number;
    return value.isWellFormed() ? UNKNOWN : (this.#numbers.get(this.#written(value)) ?? UNKNOWN);
  }

  /** The number of a value, which one more label set has. */
  use(value: string): number {
    const known = this.find(value);
    if (known !== UNKNOWN) {
      this.#uses[known] = (this.#uses[known] ?? 0) + 1;
      return known;
    }
    const written = this.#written(value);
    const number = this.#free.pop() ?? this.#values.length;
    this.#numbers.set(written, number);
    this.#values[number] = written;
    this.#texts[number] = escaped(written);
    this.#uses[number] = 1;
    return number;
  }

  /** One label set less has it; with the last one it is forgotten. */
  release(number: number): void {
    const left = (this.#uses[number] ?? 0) - 1;
    this.#uses[number] = left;
    if (left > 0) return;
    this.#numbers.delete(this.value(number));
    this.#values[number] = this.#texts[number] = "";
    this.#free.push(number);
  }

  value(number: number): string {
    return this.#values[number] ?? "";
  }

  /** As it stands between the quotes of a page: the bytes of its UTF-8, a character each. */
  text(number: number): string {
    return this.#texts[number] ?? "";
  }

  /** A copy: a part of a text keeps the whole of it in memory, here a message. Encoding mends what is not well-formed. */
  #written(value: string): string {
    const copy = Buffer.from(value).toString();
    return isToBeCut(copy, this.#mostLength) ? cut(copy, this.#mostLength) : copy;
  }
}

const DIGEST_LENGTH = 32;
const CUT = /~[0-9a-f]{32}$/;

/** What looks as if it had been cut is cut, too, so that nobody can write what another value becomes. */
const isToBeCut = (value: string, mostLength: number): boolean =>
  value.length > mostLength || (value.length === mostLength && CUT.test(value));

function cut(value: string, mostLength: number): string {
  const digest = createHash("sha256").update(value).digest("hex").slice(0, DIGEST_LENGTH);
  return `${value.slice(0, mostLength - DIGEST_LENGTH - 1).toWellFormed()}~${digest}`;
}

/** Source: prometheus.io/docs/instrumenting/exposition_formats, which OpenMetrics agrees with. */
function escaped(value: string): string {
  const quoted = value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
  return Buffer.byteLength(quoted) === quoted.length ? quoted : asBytes(quoted);
}
