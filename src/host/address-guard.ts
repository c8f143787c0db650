import { Ip, parseCidr, type Cidr } from "../std/ip.ts";

/** `name` is compared whole; with `suffix`, any name of one or more labels before it. */
export interface HostName {
  readonly kind: "exact" | "suffix";
  readonly name: string;
}

/** What weir's own requests may reach: `outbound` of weir.yaml. */
export interface OutboundSettings {
  /** `idp.example.com` or `*.example.com`; undefined: every host. */
  readonly allowHosts?: readonly (string | HostName)[] | undefined;
  /** Networks, and hosts by name, that are reached although their addresses are not public. */
  readonly allowPrivate: readonly (string | Cidr)[];
  /** Authorities (PEM) that are trusted beside the machine's own. */
  readonly caFile?: string | undefined;
  /** The URL of an HTTP proxy that all requests go through, without credentials. */
  readonly proxy?: string | undefined;
}

/** Decides what may be connected to. Each method answers why not, as the rest of a sentence, or undefined. */
export interface AddressGuard {
  /** Before anything is looked up: scheme, credentials, host name, and an address where the host is one. */
  refuseUrl(url: URL): string | undefined;
  /** `address` is what the host's name led to. */
  refuseAddress(host: string, address: string): string | undefined;
}

export function createAddressGuard(settings: OutboundSettings): AddressGuard {
  const allowed = settings.allowHosts?.map(readHostName);
  const networks = settings.allowPrivate.flatMap(networkOf);
  const names = settings.allowPrivate.flatMap((entry) =>
    networkOf(entry).length === 0 && typeof entry === "string" ? [readHostName(entry)] : [],
  );
  const refuseAddress = (host: string, text: string): string | undefined => {
    const address = Ip.parse(text);
    if (address === undefined) return `${text} is not an address that can be checked`;
    const sort = sortOf(address);
    if (sort === "public" || networks.some((network) => address.inCidr(network))) return undefined;
    if (sort === "private" && names.some((name) => matches(name, host))) return undefined;
    return `${address.toString()} is not a public address, and outbound.allowPrivate does not list it`;
  };
  return {
    refuseAddress,
    refuseUrl: (url) => {
      if (url.protocol !== "https:" && url.protocol !== "http:") return "only http and https are spoken";
      if (url.username !== "" || url.password !== "") return "a URL may not hold a user or a password";
      const host = hostOf(url);
      if (allowed?.some((name) => matches(name, host)) === false) {
        return `outbound.allowHosts does not list ${host}`;
      }
      return Ip.parse(host) === undefined ? undefined : refuseAddress(host, host);
    },
  };
}

/** The host of a URL as names are compared: lower case, without brackets and trailing dot. */
export const hostOf = (url: URL): string => canonical(url.hostname);

function canonical(text: string): string {
  const name = text
    .toLowerCase()
    .replace(/^\[(.*)\]$/, "$1")
    .replace(/\.$/, "");
  return Ip.parse(name)?.toString() ?? name;
}

function readHostName(entry: string | HostName): HostName {
  if (typeof entry !== "string") return { kind: entry.kind, name: canonical(entry.name) };
  return entry.startsWith("*.")
    ? { kind: "suffix", name: canonical(entry.slice(2)) }
    : { kind: "exact", name: canonical(entry) };
}

const matches = ({ kind, name }: HostName, host: string): boolean =>
  kind === "exact" ? host === name : host.length > name.length + 1 && host.endsWith(`.${name}`);

function networkOf(entry: string | Cidr): readonly Cidr[] {
  const network = typeof entry === "string" ? parseCidr(entry) : entry;
  return network === undefined ? [] : [network];
}

/**
 * `private` addresses belong to hosts of an inner network, whose names may be listed. `special` ones are no host that a
 * name should lead to (the metadata services of clouds, multicast, documentation): only a listed network opens them.
 */
export type Sort = "public" | "private" | "special";

/**
 * Which sort an address is (the registries of RFC 6890, as of 2024). IPv6 is public inside 2000::/3 only. An IPv4 address
 * within NAT64's well-known prefix (RFC 6052) is judged as itself.
 */
export function sortOf(address: Ip): Sort {
  if (isWithin(address, NAT64)) return sortOf(embedded(address));
  if (isWithin(address, SPECIAL)) return "special";
  if (isWithin(address, PRIVATE)) return "private";
  return address.isIPv4 || isWithin(address, GLOBAL_UNICAST) ? "public" : "special";
}

const isWithin = (address: Ip, networks: readonly Cidr[]): boolean =>
  networks.some((network) => address.inCidr(network));

/** The IPv4 address in the last 32 bits. */
const embedded = (address: Ip): Ip => {
  const [, , , last] = address.words;
  const quad = [last >>> 24, (last >>> 16) & 255, (last >>> 8) & 255, last & 255].join(".");
  return Ip.parse(quad) ?? address;
};

const networksOf = (...texts: readonly string[]): readonly Cidr[] => texts.flatMap(networkOf);

const NAT64 = networksOf("64:ff9b::/96");
const GLOBAL_UNICAST = networksOf("2000::/3");

const PRIVATE = networksOf(
  ...["127.0.0.0/8", "::1"], // loopback
  ...["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"], // private use, unique local
  "100.64.0.0/10", // shared by carriers, and by some clusters
);

const SPECIAL = networksOf(
  // Metadata services that answer at addresses which would be private or public.
  ...["100.100.100.200", "168.63.129.16", "fd00:ec2::254"],
  ...["169.254.0.0/16", "fe80::/10"], // link-local, metadata
  ...["0.0.0.0/8", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15"], // this network, protocols, relays, benchmarks
  ...["192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"], // documentation
  ...["224.0.0.0/4", "240.0.0.0/4"], // multicast, reserved, broadcast
  ...["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"], // protocols and Teredo, documentation, 6to4
);
