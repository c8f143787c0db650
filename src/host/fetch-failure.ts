/** What came of an outbound request: a label of metrics. */
export type FetchOutcome =
  | "answered"
  | "answered-4xx"
  | "answered-5xx"
  | "refused"
  | "dns"
  | "connect"
  | "tls"
  | "timeout"
  | "too-large"
  | "aborted"
  | "failed";

/** An outbound request that came to nothing. Its message is a sentence without credentials and query. */
export class FetchFailure extends Error {
  readonly outcome: FetchOutcome;
  /** Whether the other end may have got the request all the same: `isUnsent` of the contract reads it. */
  readonly sent: Sent;
  constructor(outcome: FetchOutcome, message: string, sent: Sent = UNSENT.has(outcome) ? "no" : "perhaps") {
    super(message);
    this.name = "FetchFailure";
    this.outcome = outcome;
    this.sent = sent;
  }
}

export type Sent = "no" | "perhaps";

/** Failures before there was a connection that anything could be sent over. */
const UNSENT: ReadonlySet<FetchOutcome> = new Set(["refused", "dns"]);

/** A URL as logs and errors show it: without user, password, query and fragment. */
export const shownUrl = (url: URL): string => `${url.protocol}//${url.host}${url.pathname}`;

/** What the network's own error means, as the rest of a sentence. */
export function describeFailure(error: unknown, url: URL): Failure {
  const code = codeOf(error);
  return { ...failureOf(code, url), sent: NO_CONNECTION.has(code) ? "no" : "perhaps" };
}

export interface Failure {
  readonly outcome: FetchOutcome;
  readonly why: string;
  readonly sent: Sent;
}

/** There never was a connection. A reset may come at any time. */
const NO_CONNECTION: ReadonlySet<string> = new Set([
  ...["ENOTFOUND", "EAI_AGAIN", "UND_ERR_CONNECT_TIMEOUT", "ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH"],
  ...["UND_ERR_PRX_TLS", "UND_ERR_PROXY_CONNECTION"],
]);

function failureOf(code: string, url: URL): Omit<Failure, "sent"> {
  if (code === "ENOTFOUND") return { outcome: "dns", why: `the name ${url.hostname} is not known` };
  if (code === "EAI_AGAIN")
    return { outcome: "dns", why: `the name ${url.hostname} cannot be looked up now` };
  if (code === "UND_ERR_CONNECT_TIMEOUT" || code === "ETIMEDOUT") {
    return { outcome: "connect", why: `no connection to ${url.host} could be made in time` };
  }
  const known = CONNECTION[code];
  if (known !== undefined) return { outcome: "connect", why: known };
  if (isTls(code)) return { outcome: "tls", why: `TLS with ${url.host} failed (${code})` };
  if (code.startsWith("HPE_")) return { outcome: "failed", why: "the answer is not HTTP" };
  if (code === "UND_ERR_HEADERS_OVERFLOW") return { outcome: "too-large", why: "its headers are too large" };
  return {
    outcome: "failed",
    why: code === "" ? "the answer could not be read" : `the exchange broke off (${code})`,
  };
}

const CONNECTION: Readonly<Record<string, string | undefined>> = {
  ECONNREFUSED: "the connection was refused",
  ECONNRESET: "the connection was cut",
  EPIPE: "the connection was cut",
  EHOSTUNREACH: "there is no way to its address",
  ENETUNREACH: "there is no way to its network",
  UND_ERR_SOCKET: "the connection was closed before the answer was whole",
  UND_ERR_PRX_TLS: "the proxy's certificate is not trusted",
  UND_ERR_PROXY_CONNECTION: "the proxy cannot be reached",
};

/** OpenSSL's words for certificates, and Node's for the rest of TLS. */
const isTls = (code: string): boolean =>
  code.startsWith("ERR_TLS_") ||
  code.startsWith("ERR_SSL_") ||
  /CERT|SIGNATURE|CRL|ISSUER|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE/.test(code);

function codeOf(error: unknown): string {
  if (!(error instanceof Error) || !("code" in error)) return "";
  return typeof error.code === "string" ? error.code : "";
}
