import { Ip, parseCidr, type Cidr } from "../std/ip.ts";
import type { Meter } from "./meter.ts";
import { ours, type Overload } from "./signature.ts";

/** Networks that are remembered; the oldest is dropped for a new one. */
const MAX_NETWORKS = 4_096;

/** IP addresses and networks. One set of functions shares one memory of parsed networks. */
export function addressFunctions(): readonly Overload[] {
  const networks = new Networks();
  return [
    ours("ip(string): ip", "An address of IPv4 or IPv6; IPv4-mapped IPv6 is the IPv4 address.", parse),
    ours(
      "isIp(string): bool",
      "Whether a text is an address.",
      (_meter: Meter, text: string) => Ip.parse(text) !== undefined,
    ),
    ours(
      "ip.inCidr(string): bool",
      "Whether an address lies in a network such as `10.0.0.0/8`.",
      (meter: Meter, ip: Ip, network: string) => ip.inCidr(networks.read(meter, network)),
    ),
    ours(
      "ip.inCidr(list<string>): bool",
      "Whether an address lies in one of the networks.",
      (meter: Meter, ip: Ip, list: readonly string[]) =>
        list.some((network) => ip.inCidr(networks.read(meter, network))),
    ),
  ];
}

function parse(meter: Meter, text: string): Ip {
  const ip = Ip.parse(text);
  if (ip === undefined) throw meter.fault("request");
  return ip;
}

class Networks {
  readonly #parsed = new Map<string, Cidr>();

  read(meter: Meter, text: string): Cidr {
    const known = this.#parsed.get(text);
    if (known !== undefined) return known;
    const network = text.length > 64 ? undefined : parseCidr(text);
    if (network === undefined) throw meter.fault("request");
    const oldest = this.#parsed.keys().next();
    if (this.#parsed.size >= MAX_NETWORKS && oldest.done !== true) this.#parsed.delete(oldest.value);
    this.#parsed.set(text, network);
    return network;
  }
}
