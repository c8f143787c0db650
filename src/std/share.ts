/** What a share looks like, for messages. */
export const SHARE_FORM = "a percentage, such as 1% or 0.1%";

/** The number of a share, without a bound. */
export const SHARE_PATTERN = /^(\d{1,3}(?:\.\d{1,4})?)%$/;

/** A share of things that come in numbers, `1%` or `0.05%`, as a number from 0 to 1. Undefined when it is none. */
export function parseShare(text: string): number | undefined {
  const found = SHARE_PATTERN.exec(text)?.[1];
  const percent = found === undefined ? NaN : Number(found);
  return percent <= 100 ? percent / 100 : undefined;
}

/**
 * Whether what has this key, in any form, is among a share of all: the same wherever and whenever the key is known. FNV-1a over its
 * UTF-16 code units, mixed as MurmurHash3 ends, because keys may differ in their last digits alone.
 */
export function isWithinShare(key: string, share: number): boolean {
  if (share >= 1) return true;
  let hash = 0x811c9dc5;
  for (let index = 0; index < key.length; index++) hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0 < share * 2 ** 32;
}
