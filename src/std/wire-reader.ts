/**
 * Reads protobuf's wire format in place, without building messages: for paths that need a few fields of a
 * large message. Encoding: protobuf.dev/programming-guides/encoding. Strings are substrings of one latin1
 * slice wherever they are ASCII, which costs a fraction of decoding them one by one.
 */
export class WireReader {
  readonly #bytes: Buffer;
  readonly #latin1: string;
  /** Offsets of bytes above 127, ascending: a range without one is ASCII. */
  readonly #highBytes: readonly number[];
  #position: number;
  #end: number;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#latin1 = bytes.toString("latin1");
    this.#highBytes = highBytes(this.#latin1);
    this.#position = 0;
    this.#end = bytes.length;
  }

  /**
   * Calls `visit` with the tag of each field in a range. It reads the value and says `true`, or leaves it
   * alone and says `false`. Ranges nest: the reader goes on where it was.
   */
  each(range: Range, visit: (tag: number) => boolean): void {
    const [position, end] = [this.#position, this.#end];
    this.#position = range.start;
    this.#end = range.end;
    while (this.#position < this.#end) {
      const tag = this.varint();
      if (tag < 8) throw new MalformedMessage("field number 0");
      if (!visit(tag)) this.#skip(tag);
    }
    this.#position = position;
    this.#end = end;
  }

  /** A varint up to 2^53; larger ones keep their low bits only as far as a double does. */
  varint(): number {
    let result = 0;
    let scale = 1;
    for (let count = 0; count < 10; count++) {
      if (this.#position >= this.#end) throw new MalformedMessage("a varint is cut");
      const byte = this.#bytes[this.#position++] ?? 0;
      result += (byte & 0x7f) * scale;
      if (byte < 0x80) return result;
      scale *= 128;
    }
    throw new MalformedMessage("a varint is too long");
  }

  /** An int64 as its two's complement. */
  int64(): bigint {
    let result = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      if (this.#position >= this.#end) throw new MalformedMessage("a varint is cut");
      const byte = this.#bytes[this.#position++] ?? 0;
      result |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(64, result);
    }
    throw new MalformedMessage("a varint is too long");
  }

  double(): number {
    const at = this.#advance(8);
    return this.#bytes.readDoubleLE(at);
  }

  /** Where the value of a length-delimited field stands. */
  message(): Range {
    const length = this.varint();
    const start = this.#advance(length);
    return { start, end: start + length };
  }

  string(): string {
    const { start, end } = this.message();
    return this.text(start, end);
  }

  /** The text of a range. Bytes that are not UTF-8 become U+FFFD. */
  text(start: number, end: number): string {
    return this.isAscii(start, end)
      ? this.#latin1.slice(start, end)
      : this.#bytes.toString("utf8", start, end);
  }

  isAscii(start: number, end: number): boolean {
    for (const offset of this.#highBytes) {
      if (offset >= end) return true;
      if (offset >= start) return false;
    }
    return true;
  }

  /** The bytes of a range, shared with the message. */
  bytes(range: Range): Buffer {
    return this.#bytes.subarray(range.start, range.end);
  }

  #skip(tag: number): void {
    switch (tag & 7) {
      case 0:
        this.varint();
        return;
      case 1:
        this.#advance(8);
        return;
      case 2:
        this.#advance(this.varint());
        return;
      case 5:
        this.#advance(4);
        return;
      default:
        // Groups left proto3; no message of Envoy's has one.
        throw new MalformedMessage(`wire type ${tag & 7}`);
    }
  }

  #advance(length: number): number {
    const start = this.#position;
    if (start + length > this.#end) throw new MalformedMessage("a field reaches past its message");
    this.#position = start + length;
    return start;
  }
}

/** The tag of a field whose value is a message, a string or bytes. */
export const lengthField = (number: number): number => number * 8 + 2;

/** The tag of a field whose value is a varint. */
export const varintField = (number: number): number => number * 8;

/** The tag of a field whose value is a double. */
export const doubleField = (number: number): number => number * 8 + 1;

/** Offsets into the message, end exclusive. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** The bytes are not the message they should be. */
export class MalformedMessage extends Error {
  constructor(what: string) {
    super(`malformed protobuf message: ${what}`);
    this.name = "MalformedMessage";
  }
}

function highBytes(latin1: string): readonly number[] {
  const offsets: number[] = [];
  const pattern = /[\x80-\xff]/g;
  while (pattern.test(latin1)) offsets.push(pattern.lastIndex - 1);
  return offsets;
}
