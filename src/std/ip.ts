import { isIP } from "node:net";

/** The words of a 128-bit address, the most significant first, each an unsigned 32-bit integer. */
type Words = readonly [number, number, number, number];

/** Where IPv4 addresses live within IPv6: `::ffff:0:0/96` (RFC 4291 section 2.5.5.2). */
const MAPPED = 0xffff;

/**
 * An IP address. An IPv4-mapped IPv6 address is the IPv4 address: they are equal, print alike and are
 * found in the same networks. Addresses with a zone (`fe80::1%eth0`) are not addresses here.
 */
export class Ip {
  readonly words: Words;

  private constructor(words: Words) {
    this.words = words;
  }

  /** Reads a dotted quad or any spelling of RFC 4291; undefined for everything else, blanks included. */
  static parse(text: string): Ip | undefined {
    switch (text.length > 45 ? 0 : isIP(text)) {
      case 4:
        return new Ip([0, 0, MAPPED, wordOfQuad(text)]);
      case 6:
        return text.includes("%") ? undefined : new Ip(wordsOfGroups(text));
      default:
        return undefined;
    }
  }

  get isIPv4(): boolean {
    const [first, second, third] = this.words;
    return first === 0 && second === 0 && third === MAPPED;
  }

  equals(other: Ip): boolean {
    return this.words.every((word, index) => word === other.words[index]);
  }

  /** Whether the address lies in the network. No IPv4 address lies in an IPv6 network such as `::/0`. */
  inCidr(cidr: Cidr): boolean {
    if (cidr.length < 96 && this.isIPv4) return false;
    const [first, second, third, fourth] = this.words;
    const { masks, base } = cidr;
    return (
      (first & masks[0]) >>> 0 === base[0] &&
      (second & masks[1]) >>> 0 === base[1] &&
      (third & masks[2]) >>> 0 === base[2] &&
      (fourth & masks[3]) >>> 0 === base[3]
    );
  }

  /** A dotted quad, or the canonical text of RFC 5952. */
  toString(): string {
    if (this.isIPv4) return bytesOf(this.words[3]).join(".");
    return compress(this.words.flatMap((word) => [word >>> 16, word & 0xffff]));
  }
}

/** A network: its first address, and how many leading bits of the 128 decide (an IPv4 `/8` is 104). */
export interface Cidr {
  readonly base: Words;
  readonly masks: Words;
  readonly length: number;
}

/**
 * Reads `10.0.0.0/8` or `2001:db8::/32`; an address alone is the network of that one address.
 * Bits behind the prefix are ignored, as Envoy's CidrRange ignores them. Undefined when it is neither.
 */
export function parseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf("/");
  const address = Ip.parse(slash < 0 ? text : text.slice(0, slash));
  if (address === undefined) return undefined;
  const spelledAsIPv4 = !text.includes(":");
  const length = slash < 0 ? 128 : prefixLength(text.slice(slash + 1), spelledAsIPv4);
  if (length === undefined) return undefined;
  const masks = masksOf(length);
  return { base: masked(address.words, masks), masks, length };
}

function prefixLength(text: string, spelledAsIPv4: boolean): number | undefined {
  if (!/^(?:0|[1-9]\d{0,2})$/.test(text)) return undefined;
  const length = Number(text);
  if (length > (spelledAsIPv4 ? 32 : 128)) return undefined;
  return spelledAsIPv4 ? length + 96 : length;
}

function masksOf(length: number): Words {
  const mask = (index: number): number => {
    const bits = Math.min(32, Math.max(0, length - index * 32));
    return bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0;
  };
  return [mask(0), mask(1), mask(2), mask(3)];
}

const masked = (words: Words, masks: Words): Words => [
  (words[0] & masks[0]) >>> 0,
  (words[1] & masks[1]) >>> 0,
  (words[2] & masks[2]) >>> 0,
  (words[3] & masks[3]) >>> 0,
];

const wordOfQuad = (quad: string): number =>
  quad.split(".").reduce((word, part) => word * 256 + Number(part), 0);

/** The words of a text that `isIP` found to be IPv6. */
function wordsOfGroups(text: string): Words {
  const [head = "", tail] = text.split("::");
  const front = groupsOf(head);
  const back = tail === undefined ? [] : groupsOf(tail);
  const groups = [...front, ...Array<number>(8 - front.length - back.length).fill(0), ...back];
  const word = (index: number): number => (groups[index * 2] ?? 0) * 65536 + (groups[index * 2 + 1] ?? 0);
  return [word(0), word(1), word(2), word(3)];
}

function groupsOf(text: string): number[] {
  if (text === "") return [];
  return text.split(":").flatMap((group) => {
    if (!group.includes(".")) return [Number.parseInt(group, 16)];
    const word = wordOfQuad(group);
    return [word >>> 16, word & 0xffff];
  });
}

const bytesOf = (word: number): number[] => [
  word >>> 24,
  (word >>> 16) & 255,
  (word >>> 8) & 255,
  word & 255,
];

/** Writes `::` for the first longest run of two zero groups or more (RFC 5952 section 4.2). */
function compress(groups: readonly number[]): string {
  let start = 0;
  let longest = 1;
  for (let index = 0; index < groups.length; index++) {
    let end = index;
    while (groups[end] === 0) end++;
    if (end - index > longest) [start, longest] = [index, end - index];
  }
  const hex = groups.map((group) => group.toString(16));
  if (longest < 2) return hex.join(":");
  return `${hex.slice(0, start).join(":")}::${hex.slice(start + longest).join(":")}`;
}
