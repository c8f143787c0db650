/** Characters of a decision id that are looked at: 30 random bits. */
const LOOKED_AT = 6;
const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";

/** Whether a decision is among the share, from 0 to 1, of all of them: the same answer wherever its id is known. */
export function isSampled(decisionId: string, share: number): boolean {
  if (share >= 1) return true;
  let value = 0;
  for (const character of decisionId.slice(PREFIX_LENGTH, PREFIX_LENGTH + LOOKED_AT))
    value = value * ALPHABET.length + ALPHABET.indexOf(character);
  return value < share * ALPHABET.length ** LOOKED_AT;
}

/** `d_`. */
const PREFIX_LENGTH = 2;
