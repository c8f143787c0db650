import { canonicalHost } from "../attributes/host.ts";
import { parseSpiffeId } from "../attributes/spiffe.ts";

/** Names of a caller's certificate that are meant: one, or all below one. */
export type CallerPattern = SpiffePattern | DnsPattern;

/** `spiffe://td/ns/edge/sa/envoy`, or `spiffe://td/ns/edge/*` with the name up to the star, its slash included. */
export interface SpiffePattern {
  readonly kind: "spiffe";
  readonly reach: "exact" | "below";
  readonly name: string;
}

/** `envoy.example.com`, or `*.example.com` with the name behind the star, its dot included. */
export interface DnsPattern {
  readonly kind: "dns";
  readonly reach: "exact" | "below";
  readonly name: string;
}

/** What a SPIFFE pattern looks like, for messages. */
export const SPIFFE_PATTERN_FORM =
  "a SPIFFE id such as spiffe://cluster.local/ns/edge/sa/envoy, or spiffe://cluster.local/ns/edge/* for all below it";

/** What a pattern of either kind looks like, for messages. */
export const CALLER_PATTERN_FORM = `${SPIFFE_PATTERN_FORM}, or a DNS name such as envoy.example.com or *.example.com`;

/** A SPIFFE pattern; a star stands for whole segments at the end, never for a part of one. */
export function parseSpiffePattern(text: string): SpiffePattern | undefined {
  const isBelow = text.endsWith("/*");
  const id = isBelow ? text.slice(0, -2) : text;
  if (parseSpiffeId(id) === undefined) return undefined;
  return isBelow
    ? { kind: "spiffe", reach: "below", name: `${id}/` }
    : { kind: "spiffe", reach: "exact", name: id };
}

/** A pattern of either kind. */
export function parseCallerPattern(text: string): CallerPattern | undefined {
  if (text.includes(":")) return parseSpiffePattern(text);
  const isBelow = text.startsWith("*.");
  const host = isBelow ? text.slice(2) : text;
  if (!DNS_NAME.test(host) || canonicalHost(host) !== host) return undefined;
  return isBelow
    ? { kind: "dns", reach: "below", name: `.${host}` }
    : { kind: "dns", reach: "exact", name: host };
}

const DNS_NAME = /^(?=.*[a-z])[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/;

/** Whether a SPIFFE id is meant. */
export const matchesSpiffe = ({ reach, name }: SpiffePattern, id: string): boolean =>
  reach === "exact" ? id === name : id.startsWith(name);

/** Whether a DNS name, in lower case, is meant. A certificate's own wildcard is a name that only itself matches. */
export const matchesDns = ({ reach, name }: DnsPattern, host: string): boolean =>
  reach === "exact" ? host === name : host.endsWith(name) && host.length > name.length;
