import type { IncomingMessage } from "node:http";
import { bodyFacts, PARTIAL_BODY_HEADER } from "../attributes/body.ts";
import type { CheckFacts, HeaderFacts, PeerFacts, ProxyFacts, RequestFacts } from "../attributes/facts.ts";
import { sanitizeUtf8 } from "../std/utf8.ts";

/** Why a request is no check that weir can decide: two servers could read two requests in it. */
export interface NotACheck {
  readonly reason: string;
}

export interface HttpRequest {
  readonly message: IncomingMessage;
  readonly body: Buffer;
  /** Envoy's `path_prefix`, empty for none. */
  readonly pathPrefix: string;
  /** The one that asks. */
  readonly proxy: ProxyFacts;
}

/**
 * What a request of Envoy's HTTP ext_authz says of the request that it stands for: method, path, host, headers and body, as far
 * as Envoy is told to send them. Peers, certificates, metadata and context extensions never come this way, nor scheme, protocol,
 * id and time.
 */
export function httpFacts(request: HttpRequest): CheckFacts | NotACheck {
  const { message } = request;
  const lines = headerLines(message.rawHeaders);
  const hosts = lines.get("host") ?? [];
  if (hosts.length > 1) return { reason: "several Host headers" };
  const path = pathOf(message, request.pathPrefix);
  if (typeof path !== "string") return path;
  return {
    request: requestFacts({ ...request, path, host: hosts[0] ?? "" }, lines),
    source: NO_PEER,
    destination: NO_PEER,
    serverName: "",
    proxy: request.proxy,
    contextExtensions: () => new Map(),
    metadata: () => new Map(),
  };
}

const NO_PEER: PeerFacts = { address: "", port: undefined, principal: "", certificate: "" };

/** The target as it came, with the prefix taken off once. CONNECT has an authority in its place, and no path. */
function pathOf({ method, url = "" }: IncomingMessage, prefix: string): string | NotACheck {
  if (method === "CONNECT") return "";
  if (!url.startsWith(prefix)) return { reason: `the path does not begin with ${prefix}` };
  const path = url.slice(prefix.length);
  if (!path.startsWith("/") && path !== "*")
    return { reason: prefix === "" ? "the target is not a path" : `no path follows ${prefix}` };
  return textOf(path);
}

function requestFacts(
  { message, body, path, host }: HttpRequest & { readonly path: string; readonly host: string },
  lines: ReadonlyMap<string, string[]>,
): RequestFacts {
  const method = message.method ?? "";
  // No length is known but the body's own: Content-Length is that of the question. Envoy marks each body that it sends.
  const found = bodyFacts(body, lines.get(PARTIAL_BODY_HEADER)?.join(","), undefined);
  return {
    id: "",
    method,
    path,
    host,
    scheme: "",
    protocol: "",
    sizeBytes: found.kind === "whole" ? BigInt(found.bytes.length) : undefined,
    timeMs: undefined,
    headers: () => headerFacts(lines, { method, path, host }),
    body: () => found,
  };
}

/**
 * Of the question that Envoy asks, not of the request: of that, they would say the wrong thing. To Envoy every question is
 * internal, whoever sent the request (measured on Envoy 1.40, see test/e2e/http-mode.test.ts).
 */
const OF_THE_QUESTION: ReadonlySet<string> = new Set([
  ...["host", "content-length", "transfer-encoding", "connection", "keep-alive", "te", "upgrade", "expect"],
  ...["x-envoy-internal", "x-envoy-expected-rq-timeout-ms"],
]);

/**
 * As gRPC carries them: pseudo headers among them, Host as `:authority`. Envoy joins the lines of one name, unless it is told
 * `encode_raw_headers`, and nothing in the question says which. So the lines are not known.
 */
function headerFacts(
  lines: ReadonlyMap<string, string[]>,
  { method, path, host }: { readonly method: string; readonly path: string; readonly host: string },
): HeaderFacts {
  const joined = new Map([
    [":authority", host],
    [":method", method],
    [":path", path],
  ]);
  for (const [name, values] of lines) if (!OF_THE_QUESTION.has(name)) joined.set(name, values.join(","));
  return { joined, all: undefined };
}

/** Every line by lower-case name; Node's own `headers` drops some that repeat. */
function headerLines(raw: readonly string[]): ReadonlyMap<string, string[]> {
  const lines = new Map<string, string[]>();
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = (raw[index] ?? "").toLowerCase();
    const value = textOf(raw[index + 1] ?? "");
    const values = lines.get(name);
    if (values === undefined) lines.set(name, [value]);
    else values.push(value);
  }
  return lines;
}

/** Node gives each byte as one character. */
const textOf = (latin1: string): string =>
  /^[\x20-\x7e\t]*$/.test(latin1) ? latin1 : sanitizeUtf8(Buffer.from(latin1, "latin1"));
