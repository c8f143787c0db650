import { randomFillSync } from "node:crypto";

/** Decision ids: `d_` and 80 random bits in base 32, so that a caller can neither guess nor choose one. */
export function decisionIds(): () => string {
  const pool = Buffer.alloc(ID_CHARACTERS * 512);
  let used = pool.length;
  return () => {
    if (used === pool.length) {
      fill(pool);
      used = 0;
    }
    used += ID_CHARACTERS;
    return `d_${pool.toString("latin1", used - ID_CHARACTERS, used)}`;
  };
}

/** Of 5 bits each. */
const ID_CHARACTERS = 16;
const ALPHABET = Buffer.from("abcdefghijklmnopqrstuvwxyz234567", "latin1");

/** One random byte a character: simpler than packing bits, and 512 ids are made at a time. */
function fill(pool: Buffer): void {
  randomFillSync(pool);
  for (const [index, byte] of pool.entries()) pool[index] = ALPHABET[byte & 31] ?? 0;
}
