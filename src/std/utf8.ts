import { isUtf8 } from "node:buffer";

/**
 * The text of bytes that should be UTF-8, each byte that is not part of it replaced by `!`: what Envoy puts
 * into strings that protobuf would refuse (MessageUtil::sanitizeUtf8String).
 */
export function sanitizeUtf8(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString("utf8");
  let text = "";
  for (let at = 0; at < bytes.length;) {
    const length = sequenceLength(bytes, at);
    text += length === 0 ? "!" : bytes.toString("utf8", at, at + length);
    at += Math.max(1, length);
  }
  return text;
}

/** How many bytes the character at an offset has, or 0 when it is none. */
function sequenceLength(bytes: Buffer, at: number): number {
  for (let length = 1; length <= 4 && at + length <= bytes.length; length++) {
    if (isUtf8(bytes.subarray(at, at + length))) return length;
  }
  return 0;
}
