import { randomFillSync } from "node:crypto";

/** Decision ids: `d_` and 80 random bits in base 32, so that a caller can neither guess nor choose one. */
export function decisionIds(): () => string {
  const pool = Buffer.alloc(ID_BYTES * 512);
  let used = pool.length;
  return () => {
    if (used === pool.length) {
      randomFillSync(pool);
      used = 0;
    }
    let id = "d_";
    for (let index = 0; index < ID_BYTES; index++) id += ALPHABET[(pool[used++] ?? 0) & 31] ?? "";
    return id;
  };
}

/** One byte a character: simpler than packing bits, and the pool is filled 512 ids at a time. */
const ID_BYTES = 16;
const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";
