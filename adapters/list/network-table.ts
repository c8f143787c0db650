import { type AddressWords, type Network } from "../../src/adapter/addresses.ts";

/** The second half of an IPv4 address's place within IPv6 (RFC 4291 section 2.5.5.2). */
const MAPPED = 0xffff;

/** Finds the narrowest network that holds an address: one look for each prefix length that occurs, however many there are. */
export class NetworkTable {
  readonly #quads = new Map<number, Map<string, string>>();
  readonly #others = new Map<number, Map<string, string>>();

  /** Of two equal networks the first is kept. */
  add({ words, length }: Network, entry: string): void {
    const tables = isQuad(words) && length >= 96 ? this.#quads : this.#others;
    const table = tables.get(length) ?? new Map<string, string>();
    tables.set(length, table);
    const key = keyOf(words, length);
    if (!table.has(key)) table.set(key, entry);
  }

  find(words: AddressWords): string | undefined {
    // No IPv4 address lies in an IPv6 network such as ::/0.
    const tables = isQuad(words) ? this.#quads : this.#others;
    let best: string | undefined;
    let bestLength = -1;
    for (const [length, table] of tables) {
      if (length < bestLength) continue;
      const entry = table.get(keyOf(words, length));
      if (entry !== undefined) [best, bestLength] = [entry, length];
    }
    return best;
  }
}

const isQuad = ([first, second, third]: AddressWords): boolean =>
  first === 0 && second === 0 && third === MAPPED;

/** The leading bits as text; the rest are zero. */
function keyOf(words: AddressWords, length: number): string {
  let key = "";
  for (const [index, word] of words.entries()) {
    const bits = length - index * 32;
    if (bits <= 0) break;
    key += `${bits >= 32 ? word : (word & (0xffffffff << (32 - bits))) >>> 0},`;
  }
  return key;
}
