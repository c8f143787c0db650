import { isIP } from "node:net";
import type { IncomingHttpHeaders } from "node:http";

/** How much is known of who can send a request here at all. */
export type Proof =
  /** A token, a certificate, or the rights of a socket file: a page elsewhere has none of them. */
  | "proved"
  /** Whoever can connect, and so every program on the machine: a browser among them. */
  | "anybody";

/** What of a request tells where it comes from. */
export interface Sent {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  /** Whether it asks for the console's page, to which anybody may link: it holds nothing. */
  readonly isPage: boolean;
}

/** Why a request is not answered. */
export interface Elsewhere {
  readonly status: 403 | 415;
  readonly error: string;
}

/**
 * Why a request may come from a page of somebody else's that an operator looks at; undefined where it cannot.
 *
 * Browsers say in `Sec-Fetch-Site` whose page makes a request (Fetch Metadata), and in `Origin` which, with every POST. One
 * that says neither sends a body of another type than a form's only after asking (CORS), which nothing here answers. A name
 * in somebody else's zone that leads here makes his page one of ours (DNS rebinding): addresses and `localhost` are nobody's.
 */
export function siteGuard(proof: Proof): (sent: Sent) => Elsewhere | undefined {
  return ({ method, headers, isPage }) => {
    const { host, origin } = headers;
    if (proof === "anybody" && host !== undefined && !isOwnName(host))
      return { status: 403, error: OTHER_NAME };
    const site = headers["sec-fetch-site"];
    const isOwnSite = site === undefined || site === "same-origin" || site === "none";
    const isFollowed = isPage && headers["sec-fetch-mode"] === "navigate";
    if (!isOwnSite && !isFollowed) return { status: 403, error: OTHER_SITE };
    if (origin !== undefined && !isOrigin(origin, host)) return { status: 403, error: OTHER_SITE };
    if (method === "POST" && !BODY_TYPES.includes(typeOf(headers["content-type"])))
      return { status: 415, error: `send content-type: ${BODY_TYPES.join(" or ")}` };
    return undefined;
  };
}

const OTHER_NAME =
  "without a token this listener is asked by its address or as localhost, and by no other name";
const OTHER_SITE = "a page of another site asked for this";

/** No form of a page has these, so a browser asks before it sends one to another site. */
export const BODY_TYPES: readonly string[] = ["application/json", "application/yaml"];

const typeOf = (contentType = ""): string => (contentType.split(";", 1)[0] ?? "").trim().toLowerCase();

/** Whether a Host header names an address, or this machine. */
function isOwnName(host: string): boolean {
  const [, bracketed, plain = ""] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(host.toLowerCase()) ?? [];
  return bracketed === undefined ? plain === "localhost" || isIP(plain) === 4 : isIP(bracketed) === 6;
}

/** A proxy in front may end TLS, so only the hosts are compared; with the scheme's own port or without it is the same. */
function isOrigin(origin: string, host: string | undefined): boolean {
  const asking = URL.parse(origin);
  return asking !== null && asking.host === URL.parse(`${asking.protocol}//${host ?? ""}`)?.host;
}
