import { parseCidr, type Cidr } from "../std/ip.ts";
import { field, parsedText, textOf, expected, text, type Read } from "./fields.ts";
import { list, mapping } from "./fields-of-collections.ts";
import type { HostPattern } from "./match.ts";
import { readHostPattern } from "./patterns.ts";
import type { Reason } from "./refusal.ts";
import { IN_PLAIN_TEXT } from "./secret-field.ts";

/** What weir's own requests to others (JWKS, lists, back-ends) may reach, and how. */
export interface Outbound {
  /** Undefined: every host. */
  readonly allowHosts: readonly HostPattern[] | undefined;
  /** Networks that are reached although they are private; all others that are, are refused. */
  readonly allowPrivate: readonly Cidr[];
  /** Authorities (PEM) that are trusted beside the usual ones. */
  readonly caFile: string | undefined;
  /** The URL of an HTTP proxy that all of them go through. */
  readonly proxy: string | undefined;
}

export const OUTBOUND_DEFAULTS: Outbound = {
  allowHosts: undefined,
  allowPrivate: [],
  caFile: undefined,
  proxy: undefined,
};

/** What a network looks like, for messages. */
export const CIDR_FORM = "a network such as 10.0.0.0/8 or 2001:db8::/32, or an address";

const HOST_FORM = "a host such as api.example.com or *.example.com";

/** A host, or all below it. */
export const hostPattern = () =>
  field({ type: "string", description: HOST_FORM }, (value): Read<HostPattern> => {
    const found = textOf(value);
    if (found === undefined) return expected(HOST_FORM, "text");
    const read = readHostPattern(found);
    return "pattern" in read ? { value: read.pattern } : { reason: badPattern(found, read.why) };
  });

const badPattern = (text: string, why: string): Reason => ({
  kind: "refused",
  code: "bad-pattern",
  message: `${JSON.stringify(text)} is not a host: ${why}`,
  at: "value",
});

const PROXY_FORM = "the URL of an HTTP proxy, such as http://proxy.example.com:3128";

const proxyUrl = () =>
  field({ type: "string", description: PROXY_FORM }, (value): Read<string> => {
    const found = textOf(value);
    const url = found === undefined ? null : URL.parse(found);
    if (url === null || !/^https?:$/.test(url.protocol)) return expected(PROXY_FORM, "text");
    if (url.username !== "" || url.password !== "") return { reason: IN_PLAIN_TEXT };
    return url.pathname === "/" && url.search === "" && url.hash === ""
      ? { value: url.origin }
      : expected(PROXY_FORM, "text");
  });

/** `outbound` of weir.yaml. */
export const OUTBOUND = mapping({
  allowHosts: list(hostPattern(), "hosts").optional(),
  allowPrivate: list(parsedText(CIDR_FORM, parseCidr), "networks").optional(),
  caFile: text("the path of a file").optional(),
  proxy: proxyUrl().optional(),
}).transform(({ allowHosts, allowPrivate, caFile, proxy }): Outbound => ({
  allowHosts,
  allowPrivate: allowPrivate ?? [],
  caFile,
  proxy,
}));
