/**
 * Writes protobuf's wire format as binary text, one character a byte: small messages become one string and
 * one buffer, which costs a fraction of writing field by field into growing buffers.
 * Encoding: protobuf.dev/programming-guides/encoding.
 */

/** A field whose value is a message that is written already. */
export const messageField = (number: number, message: string): string =>
  lengthHeader(number, message.length) + message;

/** What stands before the value of such a field. */
export const lengthHeader = (number: number, length: number): string =>
  String.fromCharCode(number * 8 + 2) + varint(length);

/** A field whose value is text, as UTF-8. */
export const textField = (number: number, text: string): string => messageField(number, utf8(text));

/** A field whose value is a number from 0 to 2^32 - 1. */
export const numberField = (number: number, value: number): string =>
  String.fromCharCode(number * 8) + varint(value);

/** A field whose value is a double. */
export function doubleField(number: number, value: number): string {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return String.fromCharCode(number * 8 + 1) + bytes.toString("latin1");
}

/** The bytes of what was written. */
export const bytesOf = (message: string): Buffer => Buffer.from(message, "latin1");

function varint(value: number): string {
  let text = "";
  let rest = value;
  for (; rest >= 0x80; rest >>>= 7) text += String.fromCharCode((rest & 0x7f) | 0x80);
  return text + String.fromCharCode(rest);
}

const utf8 = (text: string): string =>
  BEYOND_ASCII.test(text) ? Buffer.from(text, "utf8").toString("latin1") : text;

const BEYOND_ASCII = /[^\0-\x7f]/;
