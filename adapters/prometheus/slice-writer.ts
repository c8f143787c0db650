/** So much is written in one turn of the event loop, which takes well below a millisecond. */
export const SLICE_BYTES = 262_144;

/** Writes slices of bytes, all in the same place. Who writes asks for room first, and takes the slice where there is no more. */
export class SliceWriter {
  bytes = Buffer.allocUnsafeSlow(SLICE_BYTES);
  at = 0;

  /** Whether so many bytes fit into this slice. */
  hasRoom(count: number): boolean {
    return this.at + count <= this.bytes.length;
  }

  /** What was written, to be used before anything follows: that is a new slice with room for `count` bytes. */
  take(count: number): Uint8Array {
    const taken = this.bytes.subarray(0, this.at);
    if (this.bytes.length < count) this.bytes = Buffer.allocUnsafeSlow(count);
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
