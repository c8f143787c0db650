import { Ip } from "../std/ip.ts";

/**
 * A Host or :authority as policies compare it: lower case, without port and trailing dot (CVE-2021-39155),
 * an IPv6 address in the one form of RFC 5952.
 * Undefined when it is empty, repeated (comma-joined) or ill-formed; then the request is refused.
 */
export function canonicalHost(raw: string): string | undefined {
  if (PLAIN_HOST.test(raw)) return raw;
  // Letters beyond ASCII may be ASCII in lower case (the Kelvin sign is a k), and no host has them.
  if (!/^[\x21-\x7e]+$/.test(raw)) return undefined;
  const host = withoutPort(raw)?.toLowerCase();
  if (host === undefined) return undefined;
  if (host.startsWith("[")) return canonicalAddress(host.slice(1, -1));
  const name = host.endsWith(".") ? host.slice(0, -1) : host;
  return name.length <= 253 && HOST.test(name) ? name : undefined;
}

// Underscores are no part of a host name, yet common in the names of services.
const HOST = /^[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_][a-z0-9_-]{0,62})*$/;

/** The usual host needs no work: it is already in its canonical form. */
const PLAIN_HOST = /^(?=.{1,253}$)[a-z0-9_][a-z0-9_-]{0,62}(?:\.[a-z0-9_][a-z0-9_-]{0,62})*$/;

function canonicalAddress(text: string): string | undefined {
  const address = text.includes(":") ? Ip.parse(text) : undefined;
  return address?.isIPv4 === true ? address.toString() : address && `[${address.toString()}]`;
}

function withoutPort(raw: string): string | undefined {
  const end = raw.startsWith("[") ? raw.indexOf("]") + 1 : raw.indexOf(":");
  if (raw.startsWith("[") && end === 0) return undefined;
  if (end === -1 || end === raw.length) return raw;
  const port = raw.slice(end + 1);
  const isPort = raw[end] === ":" && /^[0-9]{1,5}$/.test(port) && Number(port) <= 65_535;
  return isPort ? raw.slice(0, end) : undefined;
}
