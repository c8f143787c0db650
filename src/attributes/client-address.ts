import { Ip, type Cidr } from "../std/ip.ts";

/** How the address of the one who asks (`client.ip`) is found. */
export type ClientAddress =
  /** It is the peer that Envoy reports. */
  | { readonly from: "peer" }
  /** In X-Forwarded-For with the peer behind it: the entry that stands so many before the last. */
  | { readonly from: "xff"; readonly trustedHops: number }
  /** There too, read from its end: the first that is in none of these networks; the very first where all are. */
  | { readonly from: "xff"; readonly trustedProxies: readonly Cidr[] };

/** More proxies in a row than this are not walked through. */
const MAX_HOPS = 100;

/**
 * Who asks. `forwarded` is X-Forwarded-For, its lines joined with commas, and `peer` is undefined where the edge knows none.
 * The chain is read from its end and never further than the rule needs, so what a caller wrote in front changes nothing.
 * Undefined where the chain is too short, or what has to be read of it is no address.
 */
export function clientAddress(rule: ClientAddress, forwarded: string, peer: Ip | undefined): Ip | undefined {
  if (rule.from === "peer") return peer;
  const chain = chainFromEnd(forwarded, peer);
  return "trustedHops" in rule
    ? chain.drop(rule.trustedHops).next().value
    : firstStranger(chain, rule.trustedProxies);
}

function firstStranger(chain: Iterable<Ip | undefined>, trusted: readonly Cidr[]): Ip | undefined {
  let last: Ip | undefined;
  let hops = 0;
  for (const address of chain) {
    if (address === undefined || ++hops > MAX_HOPS) return undefined;
    if (!trusted.some((network) => address.inCidr(network))) return address;
    last = address;
  }
  return last;
}

/** The peer, then the entries from the last to the first; the last is left out where it is the peer, whom Envoy may add. */
function* chainFromEnd(forwarded: string, peer: Ip | undefined): Generator<Ip | undefined, undefined> {
  if (peer !== undefined) yield peer;
  if (forwarded.trim() === "") return;
  let end = forwarded.length;
  let isLast = true;
  for (;;) {
    const comma = end === 0 ? -1 : forwarded.lastIndexOf(",", end - 1);
    const address = addressOf(forwarded.slice(comma + 1, end));
    if (!isLast || peer === undefined || address?.equals(peer) !== true) yield address;
    if (comma === -1) return;
    end = comma;
    isLast = false;
  }
}

/** An address as proxies write it: bare, `1.2.3.4:80`, `[2001:db8::1]` or `[2001:db8::1]:80`. */
function addressOf(entry: string): Ip | undefined {
  const text = entry.slice(0, MAX_ENTRY + 1).trim();
  if (text.length > MAX_ENTRY) return undefined;
  const [, bracketed, quad] = WITH_PORT.exec(text) ?? [];
  return Ip.parse(bracketed ?? quad ?? text);
}

const MAX_ENTRY = 64;
const WITH_PORT = /^(?:\[([^\]]*:[^\]]*)\](?::\d{1,5})?|([\d.]+):\d{1,5})$/;
