import { crc32 } from "node:zlib";

/** Before each record: its length and its CRC-32, four bytes each, big-endian. */
const HEADER_BYTES = 8;

/** What a record takes on disk. */
export const framedBytes = (record: Buffer): number => HEADER_BYTES + record.length;

/** A record as it is written, in two parts so that it need not be copied. */
export function frame(record: Buffer): readonly [header: Buffer, record: Buffer] {
  const header = Buffer.allocUnsafe(HEADER_BYTES);
  header.writeUInt32BE(record.length, 0);
  header.writeUInt32BE(crc32(record), 4);
  return [header, record];
}

export interface Frames {
  readonly records: readonly Buffer[];
  /** What follows these bytes is no whole record. */
  readonly goodBytes: number;
}

/** The records of a file, up to the first that is not whole: a process was killed, or a disk became full, while it was written. */
export function framesIn(content: Buffer): Frames {
  const records: Buffer[] = [];
  let at = 0;
  while (at + HEADER_BYTES <= content.length) {
    const length = content.readUInt32BE(at);
    const end = at + HEADER_BYTES + length;
    // A file that the disk made longer before it was written ends with zeros, which would be records without anything.
    if (length === 0 || end > content.length) break;
    const record = content.subarray(at + HEADER_BYTES, end);
    if (crc32(record) !== content.readUInt32BE(at + 4)) break;
    records.push(record);
    at = end;
  }
  return { records, goodBytes: at };
}
