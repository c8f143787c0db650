import http from "node:http";
import http2 from "node:http2";
import { startListening } from "./listening.ts";

/** A request that reached the upstream. `rawHeaders` are the lines as received: name, value, name, value… */
export interface ReceivedRequest {
  protocol: "http1" | "http2";
  method: string;
  path: string;
  rawHeaders: readonly string[];
  /** Names in lower case; values of repeated lines joined by a comma. */
  headers: Readonly<Record<string, string>>;
}

export interface Upstream {
  host: string;
  /** Speaks HTTP/1.1. */
  port: number;
  /** Speaks HTTP/2 without TLS, and gRPC on it. */
  http2Port: number;
  /** What arrived, oldest first; the last 1,000. */
  received: ReceivedRequest[];
  stop(): Promise<void>;
}

const maxReceived = 1000;

/**
 * Starts the server behind Envoy. It answers every request with 200, `set-cookie: upstream=1` and the received request
 * as JSON; over HTTP/1.1 also with a cookie for each line of the request's `x-wants-cookie`, and `x-up` with each of `x-wants-up`. A gRPC call gets its own message back and the trailer `grpc-status: 0`.
 */
export async function startUpstream(): Promise<Upstream> {
  const received: ReceivedRequest[] = [];
  const record = (request: ReceivedRequest): ReceivedRequest => {
    received.push(request);
    if (received.length > maxReceived) received.shift();
    return request;
  };
  const plain = http.createServer((request, response) => {
    request.resume();
    const echo = JSON.stringify(record(describe("http1", request)));
    const cookies = ["upstream=1", ...(request.headersDistinct["x-wants-cookie"] ?? [])];
    const up = request.headersDistinct["x-wants-up"];
    const more = up === undefined ? {} : { "x-up": up };
    response.writeHead(200, { "content-type": "application/json", "set-cookie": cookies, ...more }).end(echo);
  });
  const multiplexed = http2.createServer((request, response) => {
    const echo = record(describe("http2", request));
    if (request.headers["content-type"]?.startsWith("application/grpc") === true) {
      echoCall(request, response);
      return;
    }
    request.resume();
    response.writeHead(200, { "content-type": "application/json", "set-cookie": "upstream=1" });
    response.end(JSON.stringify(echo));
  });
  const [one, two] = await Promise.all([startListening(plain), startListening(multiplexed)]);
  return {
    host: "127.0.0.1",
    port: one.port,
    http2Port: two.port,
    received,
    stop: async () => {
      await Promise.all([one.stop(), two.stop()]);
    },
  };
}

function describe(
  protocol: ReceivedRequest["protocol"],
  request: http.IncomingMessage | http2.Http2ServerRequest,
): ReceivedRequest {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers)) headers[name] = String(value);
  const { method = "", url: path = "", rawHeaders } = request;
  return { protocol, method, path, rawHeaders, headers };
}

function echoCall(request: http2.Http2ServerRequest, response: http2.Http2ServerResponse): void {
  response.writeHead(200, { "content-type": "application/grpc", "set-cookie": "upstream=1" });
  response.addTrailers({ "grpc-status": "0" });
  request.pipe(response);
}
