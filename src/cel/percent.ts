import { hash } from "node:crypto";

/**
 * A number from 0 to 99 that depends on both texts only, the same on every platform and for good:
 * the first four bytes of SHA-256 over `<bytes of salt>:<salt><key>` in UTF-8, big-endian, modulo 100.
 */
export function percentOf(key: string, salt: string): number {
  const digest = hash("sha256", `${Buffer.byteLength(salt)}:${salt}${key}`, "buffer");
  return digest.readUInt32BE(0) % 100;
}
