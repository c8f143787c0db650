/** So much is written in one turn of the event loop, which takes well below a millisecond. */
export const SLICE_BYTES = 262_144;

/** What becomes of a slice: it is its reader's to keep, or done with when the next one is asked for. */
export type SliceUse = "kept" | "at-once";

/** Writes into slices of bytes. Who writes asks for room first, and takes the slice where there is no more. */
export class SliceWriter {
  readonly #use: SliceUse;
  bytes = Buffer.allocUnsafeSlow(SLICE_BYTES);
  at = 0;

  constructor(use: SliceUse) {
    this.#use = use;
  }

  /** Whether so many bytes fit into this slice. */
  hasRoom(count: number): boolean {
    return this.at + count <= this.bytes.length;
  }

  /** What was written; what follows is a new slice with room for `count` bytes. */
  take(count: number): Uint8Array {
    const taken = this.bytes.subarray(0, this.at);
    if (this.#use === "kept" || this.bytes.length < count) {
      this.bytes = Buffer.allocUnsafeSlow(Math.max(SLICE_BYTES, count));
    }
    this.at = 0;
    return taken;
  }

  /** Text of one byte a character. */
  text(text: string): void {
    this.at += this.bytes.write(text, this.at, "latin1");
  }

  /** Once more what stands between two places of this slice. */
  again(from: number, to: number): void {
    this.bytes.copyWithin(this.at, from, to);
    this.at += to - from;
  }
}

/** Text as `SliceWriter` takes it: the bytes of its UTF-8, a character each. */
export const asBytes = (text: string): string => Buffer.from(text).toString("latin1");
