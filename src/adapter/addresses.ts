import { Ip, parseCidr } from "../std/ip.ts";

/** The 128 bits of an address as four unsigned words; IPv4 lives within `::ffff:0:0/96`, so mapped addresses are equal to it. */
export type AddressWords = readonly [number, number, number, number];

/** A network's first address, and how many leading bits of the 128 decide (an IPv4 `/8` is 104). */
export interface Network {
  readonly words: AddressWords;
  readonly length: number;
}

/** Reads an IP address in any spelling; undefined for everything else. */
export const readAddress = (text: string): AddressWords | undefined => Ip.parse(text)?.words;

/** Reads a network such as `10.0.0.0/8`, or an address, which is the network of itself; undefined for everything else. */
export function readNetwork(text: string): Network | undefined {
  const network = parseCidr(text);
  return network && { words: network.base, length: network.length };
}
