import { ServerResponse, type IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { Socket } from "node:net";
import type { CheckFacts } from "../attributes/facts.ts";
import { connectedBy, type Caller, type CallerRules, type Connected } from "../grpc/caller.ts";
import type { ListenAddress } from "../std/listen-address.ts";
import type { ListenerTls } from "../std/tls-files.ts";
import { httpFacts } from "./attributes.ts";
import { bound, createAnyServer, listenBare, type AnyHttpServer, type HttpListener } from "./listener.ts";
import { httpAnswer, type HttpAnswer, type HttpVerdict } from "./response.ts";

/** What the check path answers over HTTP. */
export interface HttpChecked {
  readonly verdict: HttpVerdict;
  /** `d_…`, which joins the answer, the log and the metrics. */
  readonly decisionId: string;
}

/** Decides one check. An answer that is at hand is returned without a promise. */
export interface HttpCheck {
  decide(facts: CheckFacts, caller: Caller): HttpChecked | Promise<HttpChecked>;
  /** A refusal of weir's own, for what is no check, or may not ask for one; it is counted as any other. */
  refuse(refusal: OwnHttpRefusal): HttpChecked;
}

/** `reason` is for people. */
export interface OwnHttpRefusal {
  readonly status: 400 | 403 | 413 | 500;
  readonly reason: string;
}

export interface ExtAuthzOptions {
  readonly address: ListenAddress;
  readonly tls?: ListenerTls | undefined;
  /** Who may ask; others are refused. */
  readonly rules?: CallerRules;
  readonly pathPrefix: string;
  readonly check: HttpCheck;
  /** Told of what was thrown; the request was refused. */
  readonly onError: (error: unknown) => void;
  /** Told of a caller that may not ask. */
  readonly onRefused?: (caller: Caller) => void;
  /** How long checks that are under way may go on when the listener closes. */
  readonly graceMs: number;
}

/** As much as Envoy buffers by `max_request_bytes` in any sensible setting. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;

const LIMITS = {
  /** Above Envoy's own bound of 60 KiB, which an operator may raise to 96 KiB. */
  maxHeaderSize: 128 * 1024,
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  /**
   * Envoy closes idle connections after an hour. It must be the one to do so: a request that meets a connection which weir is
   * closing is an error, about which Envoy's failure mode decides.
   */
  keepAliveTimeout: 65 * 60_000,
  /** A request without a host is refused with a decision, as one with a bad host is. */
  requireHostHeader: false,
  insecureHTTPParser: false,
} as const;
const MAX_CONNECTIONS = 10_000;
/** Longer than Envoy takes to write what it has; then the connection is cut. */
const LINGER_MS = 5_000;

/**
 * Envoy's HTTP ext_authz: any method, any path, any content type is a check. It stands on Node's own server, because a framework
 * looks at methods, routes and bodies first and has answers of its own to them.
 */
export async function startExtAuthz(options: ExtAuthzOptions): Promise<HttpListener> {
  const server = createAnyServer(options.tls, LIMITS, (message, response) => answer(message, response));
  const callers = new WeakMap<Duplex, Connected>();
  let isClosing = false;

  function answer(message: IncomingMessage, response: ServerResponse): void {
    if (isClosing) response.shouldKeepAlive = false;
    const connected = callerOf(callers, message.socket, options.rules ?? {});
    answerCheck(options, message, connected)
      .then(
        (found) => write(response, found),
        (error: unknown) => {
          options.onError(error);
          write(response, answerOf(options.check.refuse({ status: 500, reason: "an exception" })));
        },
      )
      .catch((error: unknown) => {
        options.onError(error);
        response.destroy();
      });
  }

  server.on("checkExpectation", answer);
  server.on("connect", (message: IncomingMessage, socket: Duplex) => answerConnect(message, socket, answer));
  const refused = new WeakSet<Duplex>();
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Duplex) => {
    // What follows what was refused cannot be read either, and is dropped.
    if (!refused.has(socket)) refuseUnreadable(error, socket);
    refused.add(socket);
  });
  server.maxConnections = MAX_CONNECTIONS;
  const address = await bound(server, options.address, (prepared) => listenBare(server, prepared));

  let closed: Promise<void> | undefined;
  return {
    address,
    close: () => {
      isClosing = true;
      return (closed ??= closeServer(server, options.graceMs));
    },
  };
}

function callerOf(callers: WeakMap<Duplex, Connected>, socket: Duplex, rules: CallerRules): Connected {
  let connected = callers.get(socket);
  if (connected === undefined) callers.set(socket, (connected = connectedBy(socket, rules)));
  return connected;
}

async function answerCheck(
  { check, pathPrefix, onRefused }: ExtAuthzOptions,
  message: IncomingMessage,
  caller: Connected,
): Promise<HttpAnswer> {
  if (!caller.mayAsk("check")) {
    onRefused?.(caller);
    return answerOf(check.refuse({ status: 403, reason: "the caller's certificate is not allowed here" }));
  }
  const body = await readBody(message);
  if (body === undefined) return answerOf(check.refuse({ status: 413, reason: "the body is too large" }));
  const facts = httpFacts({ message, body, pathPrefix, proxy: caller });
  if ("reason" in facts) return answerOf(check.refuse({ status: 400, reason: facts.reason }));
  return answerOf(await check.decide(facts, caller));
}

const answerOf = ({ verdict, decisionId }: HttpChecked): HttpAnswer => httpAnswer(verdict, decisionId);

/**
 * Undefined: too large. It is read to its end all the same, and not kept: where a connection ends while Envoy still writes, Envoy
 * takes that for an error, and so would a caller choose one.
 */
async function readBody(message: IncomingMessage): Promise<Buffer | undefined> {
  if (message.method === "CONNECT") return Buffer.alloc(0);
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of message as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > MAX_BODY_BYTES) parts.length = 0;
    else parts.push(part);
  }
  return length > MAX_BODY_BYTES ? undefined : Buffer.concat(parts, length);
}

/** Values are written as UTF-8, as gRPC carries them; Node would write each character as one byte. */
function write(response: ServerResponse, { status, headers, body }: HttpAnswer): void {
  if (response.destroyed) return;
  const lines = headers.map(([name, value]): [string, string] => [
    name,
    Buffer.from(value, "utf8").toString("latin1"),
  ]);
  const content = Buffer.from(body, "utf8");
  response.sendDate = false;
  if (!response.req.complete && response.req.method !== "CONNECT") response.shouldKeepAlive = false;
  response.writeHead(status, [...lines, ["content-length", String(content.length)]].flat());
  response.end(content);
}

/** Node hands the bare socket on, for a tunnel. Envoy asks whether there may be one, and makes it itself. */
function answerConnect(
  message: IncomingMessage,
  socket: Duplex,
  answer: (message: IncomingMessage, response: ServerResponse) => void,
): void {
  socket.on("error", () => socket.destroy());
  if (!(socket instanceof Socket)) {
    socket.destroy();
    return;
  }
  const response = new ServerResponse(message);
  response.shouldKeepAlive = false;
  response.assignSocket(socket);
  response.on("finish", () => socket.end());
  answer(message, response);
}

/**
 * What Node's parser does not take for HTTP (an unknown method, headers without end) is a denial too, without a decision. The
 * rest of it is waited for, as that of a body that is too large.
 */
function refuseUnreadable(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const status =
    error.code === "HPE_HEADER_OVERFLOW"
      ? "431 Request Header Fields Too Large"
      : error.code === "ERR_HTTP_REQUEST_TIMEOUT"
        ? "408 Request Timeout"
        : "400 Bad Request";
  socket.end(`HTTP/1.1 ${status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`);
  const cutOff = setTimeout(() => socket.destroy(), LINGER_MS).unref();
  socket.on("close", () => clearTimeout(cutOff)).resume();
}

async function closeServer(server: AnyHttpServer, graceMs: number): Promise<void> {
  const cutOff = setTimeout(() => server.closeAllConnections(), graceMs);
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
  clearTimeout(cutOff);
}
