import { BlockList, isIP, isIPv6 } from "node:net";
import type { ListenAddress } from "../std/listen-address.ts";

/** What an address looks like, for messages. */
export const ADDRESS_FORM = "an address such as 127.0.0.1:9191, [::1]:9191 or unix:/run/weir.sock";

/** The address of a listener, its host without the brackets of IPv6, or undefined. Port 0 lets the system choose. */
export function parseAddress(text: string): ListenAddress | undefined {
  if (text.startsWith("unix:/"))
    return /^unix:\/(?!\/)[^\0]+$/.test(text) ? { kind: "unix", path: text.slice(5) } : undefined;
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9_.-]+)):(0|[1-9]\d{0,4})$/.exec(text);
  if (match === null) return undefined;
  const [, bracketed, plain, digits] = match;
  const port = Number(digits);
  if (port > 65_535 || (bracketed !== undefined && !isIPv6(bracketed))) return undefined;
  return { kind: "tcp", host: bracketed ?? plain ?? "", port };
}

/** Why a text is likely no address. */
export function addressHint(text: string): string | undefined {
  if (/^:\d+$/.test(text)) return `write the host: 127.0.0.1${text}, or 0.0.0.0${text} for all interfaces`;
  if (/^unix:/.test(text)) return "a socket has an absolute path: unix:/run/weir.sock";
  if (isIPv6(text.replace(/:\d+$/, "")) || isIPv6(text))
    return "an IPv6 address stands in brackets: [::1]:9191";
  return /:/.test(text) ? undefined : "write the port";
}

/** Whether only this machine reaches the listener: a socket, or a loopback address (RFC 1122, RFC 4291). */
export function isLocal(address: ListenAddress): boolean {
  if (address.kind === "unix") return true;
  const family = isIP(address.host);
  if (family === 0) return address.host.toLowerCase() === "localhost";
  const loopback = new BlockList();
  loopback.addSubnet("127.0.0.0", 8, "ipv4");
  loopback.addAddress("::1", "ipv6");
  return loopback.check(address.host, family === 4 ? "ipv4" : "ipv6");
}
