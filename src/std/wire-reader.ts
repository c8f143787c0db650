/**
 * Reads protobuf's wire format in place, without building messages: for paths that need a few fields of a
 * large message. Encoding: protobuf.dev/programming-guides/encoding. Strings are substrings of one latin1
 * text of the whole, or of the part that is read, wherever they are ASCII, which costs a fraction of decoding them one by one.
 */
export class WireReader {
  readonly #bytes: Buffer;
  readonly #view: DataView;
  readonly #part: Range;
  readonly #latin1: string;
  /** For walks that end before anything else reads: making one costs more than a short walk. */
  readonly #outer: WireFields;
  readonly #inner: WireFields;

  /** Of a part where `of` reads the whole. */
  constructor(bytes: Buffer, part: Range = { start: 0, end: bytes.length }, of?: WireReader) {
    this.#bytes = bytes;
    this.#part = part;
    this.#latin1 = bytes.toString("latin1", part.start, part.end);
    this.#view = of === undefined ? new DataView(bytes.buffer, bytes.byteOffset, bytes.length) : of.#view;
    this.#outer = of === undefined ? new WireFields(bytes, part) : of.#outer;
    this.#inner = of === undefined ? new WireFields(bytes, part) : of.#inner;
  }

  /** The whole message. */
  get whole(): Range {
    return this.#part;
  }

  /** Reads a part of the message with the same offsets, whose texts keep no more than the part in memory. */
  part(range: Range): WireReader {
    return new WireReader(this.#bytes, range, this);
  }

  /** The fields of the message in a range, one after the other. */
  fields(range: Range): WireFields {
    return new WireFields(this.#bytes, range);
  }

  /** The same for a walk that ends before this reader is asked for anything else: no object is made, and where it stood is gone then. */
  walk(range: Range): WireFields {
    return this.#outer.enter(range);
  }

  /** The text of a range. Bytes that are not UTF-8 become U+FFFD. */
  text(range: Range): string {
    return this.asciiText(range) ?? this.#bytes.toString("utf8", range.start, range.end);
  }

  /** The text of a range that is ASCII; undefined of any other. */
  asciiText({ start, end }: Range): string | undefined {
    return this.#isAscii(start, end) ? this.binaryText({ start, end }) : undefined;
  }

  /** One character a byte, whatever the bytes mean. */
  binaryText({ start, end }: Range): string {
    const from = this.#part.start;
    return this.#latin1.slice(start - from, end - from);
  }

  /**
   * Where the value of one key of a map is, among the fields of a message; of a key that comes twice, the last. The key is ASCII.
   * Empty where the key has no value, undefined where the key is not there. Throws MalformedMessage.
   */
  mapValue(message: Range, entryTag: number, key: string): Range | undefined {
    let found: Range | undefined;
    const fields = this.#outer.enter(message);
    while (fields.next()) {
      if (fields.tag === entryTag && this.#mayHaveKey(fields, key))
        found = this.#valueOf(fields, key) ?? found;
    }
    return found;
  }

  /** Where key and value of each entry of a map are: four numbers an entry, start and end of both. Throws MalformedMessage. */
  mapPlaces(message: Range, entryTag: number): number[] {
    const places: number[] = [];
    const fields = this.#outer.enter(message);
    const entry = this.#inner;
    while (fields.next()) {
      if (fields.tag !== entryTag) continue;
      const at = places.push(fields.end, fields.end, fields.end, fields.end) - 4;
      entry.enter(fields);
      while (entry.next()) {
        if (entry.tag !== KEY && entry.tag !== VALUE) continue;
        const place = at + (entry.tag === KEY ? 0 : 2);
        places[place] = entry.start;
        places[place + 1] = entry.end;
      }
    }
    return places;
  }

  /** Entries are written with the key first, so that most others need no walk; one that is not may have any. */
  #mayHaveKey({ start }: Range, key: string): boolean {
    if (this.#bytes[start] !== KEY || key.length > 127) return true;
    return (
      this.#bytes[start + 1] === key.length && this.#latin1.startsWith(key, start + 2 - this.#part.start)
    );
  }

  #valueOf(entry: Range, key: string): Range | undefined {
    let isKey = key === "";
    let start = 0;
    let end = 0;
    const fields = this.#inner.enter(entry);
    while (fields.next()) {
      if (fields.tag === KEY) isKey = this.is(fields, key);
      else if (fields.tag === VALUE) ({ start, end } = fields);
    }
    return isKey ? { start, end } : undefined;
  }

  /**
   * Walks through a message and keeps where its fields are: `layout` has the wire type of each that is kept, by number, or NOT_KEPT. Start and
   * end of field n go to 2n of `places`, which were 0: of the last, and with ALL of the stretch in which they stand. What is usual is
   * read here, without `WireFields`, because all that Envoys log goes through this. Throws MalformedMessage.
   */
  outline({ start, end }: Range, layout: Uint8Array, places: number[]): void {
    const rare = this.#outer;
    let position = start;
    while (position < end) {
      const before = position;
      let tag = this.#byte(position++);
      if (tag >= 0x80) tag = (tag & 0x7f) | (this.#byte(position++) << 7);
      let from = position;
      const first = this.#byte(position++);
      const isShort = first < 0x80 && tag > 7 && tag < MAX_SHORT_TAG;
      if (isShort && (tag & 7) === 2) {
        from = position;
        position += first;
      } else if (!isShort || (tag & 7) !== 0) {
        rare.enter({ start: before, end }).next();
        ({ tag, start: from, end: position } = rare);
      }
      if (position > end) throw new MalformedMessage("a field reaches past its message");
      const number = tag >>> 3;
      const kind = number < layout.length ? (layout[number] ?? NOT_KEPT) : NOT_KEPT;
      const place = 2 * number;
      if (kind === (tag & 7)) places[place] = from;
      else if (kind !== (tag & 7) + ALL) continue;
      else if (places[place + 1] === 0) places[place] = before;
      places[place + 1] = position;
    }
  }

  /** 0 behind the end. */
  #byte(position: number): number {
    return this.#bytes[position] ?? 0;
  }

  /** Whether a range is this text, which is ASCII. */
  is({ start, end }: Range, text: string): boolean {
    return end - start === text.length && this.#latin1.startsWith(text, start - this.#part.start);
  }

  /** Four bytes at a time: headers are long. */
  #isAscii(start: number, end: number): boolean {
    let bits = 0;
    let at = start;
    for (; at + 4 <= end; at += 4) bits |= this.#view.getInt32(at);
    for (; at < end; at++) bits |= (this.#bytes[at] ?? 0) << 24;
    for (let shift = 0; shift < 32; shift += 8) if ((bits >> shift) & 0x80) return false;
    return true;
  }

  /** The bytes of a range, shared with the message. */
  bytes({ start, end }: Range): Buffer {
    return this.#bytes.subarray(start, end);
  }

  double({ start }: Range): number {
    return this.#view.getFloat64(start, true);
  }

  /** The value of a varint that a walk has passed, exact up to 2^53. */
  number({ start, end }: Range): number {
    let result = 0;
    let scale = 1;
    for (let at = start; at < end; at++, scale *= 128) result += ((this.#bytes[at] ?? 0) & 0x7f) * scale;
    return result;
  }
}

/**
 * The field that a walk through a message stands at. `start` and `end` are where its value is; `number`
 * is the value of a varint, exact up to 2^53.
 */
export class WireFields implements Range {
  tag = 0;
  start = 0;
  end = 0;
  number = 0;
  readonly #bytes: Buffer;
  #position: number;
  #stop: number;

  constructor(bytes: Buffer, { start, end }: Range) {
    this.#bytes = bytes;
    this.#position = start;
    this.#stop = end;
  }

  /** Walks through another range of the same message from now on. */
  enter({ start, end }: Range): this {
    this.#position = start;
    this.#stop = end;
    return this;
  }

  /** Goes to the next field; false at the end. Throws MalformedMessage. */
  next(): boolean {
    const at = this.#position;
    if (at >= this.#stop) return false;
    const first = this.#bytes[at] ?? 0;
    if (first >= 0x80) this.tag = this.#varint();
    else {
      this.tag = first;
      this.#position = at + 1;
    }
    if (this.tag < 8 || this.tag > MAX_TAG) throw new MalformedMessage("no field has this number");
    switch (this.tag & 7) {
      case 0:
        this.start = this.#position;
        this.number = this.#varint();
        this.end = this.#position;
        return true;
      case 1:
        return this.#take(8);
      case 2:
        return this.#take(this.#varint());
      case 5:
        return this.#take(4);
      default:
        // Groups left proto3; no message of Envoy's has one.
        throw new MalformedMessage(`wire type ${this.tag & 7}`);
    }
  }

  /** Where the value stands, to be kept while the walk goes on. */
  range(): Range {
    return { start: this.start, end: this.end };
  }

  /** The value of an int64, whose varint is its two's complement. */
  int64(): bigint {
    if (this.number < Number.MAX_SAFE_INTEGER) return BigInt(this.number);
    let result = 0n;
    for (let at = this.start; at < this.end; at++) {
      result |= BigInt((this.#bytes[at] ?? 0) & 0x7f) << BigInt(7 * (at - this.start));
    }
    return BigInt.asIntN(64, result);
  }

  #take(length: number): true {
    this.start = this.#position;
    this.end = this.#position += length;
    if (this.end > this.#stop) throw new MalformedMessage("a field reaches past its message");
    return true;
  }

  /** Most are one byte. */
  #varint(): number {
    const at = this.#position;
    const first = at < this.#stop ? (this.#bytes[at] ?? 0) : 0x80;
    if (first >= 0x80) return this.#longVarint();
    this.#position = at + 1;
    return first;
  }

  #longVarint(): number {
    let result = 0;
    let scale = 1;
    for (let count = 0; count < 10; count++) {
      const byte = this.#position < this.#stop ? this.#bytes[this.#position++] : undefined;
      if (byte === undefined) throw new MalformedMessage("a varint is cut");
      result += (byte & 0x7f) * scale;
      if (byte < 0x80) return result;
      scale *= 128;
    }
    throw new MalformedMessage("a varint is too long");
  }
}

/** Added to the wire type of what is kept as the stretch in which all of its number stand. */
export const ALL = 8;

/** In place of a wire type. */
export const NOT_KEPT = 255;

/** The tags of fields below 2048 have at most two bytes. */
const MAX_SHORT_TAG = 2_048 * 8;

/** The tags of an entry of a map, whose key and value are not numbers. */
const KEY = 1 * 8 + 2;
const VALUE = 2 * 8 + 2;

/** The tag of the highest field number, 2^29 - 1. */
const MAX_TAG = 0xffff_ffff;

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
