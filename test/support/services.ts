import { randomBytes } from "node:crypto";
import http from "node:http";
import http2 from "node:http2";
import net from "node:net";
import { startListening } from "./listening.ts";

/** A small service of a mesh that knows nothing of any proxy. */
export interface Service {
  readonly host: "127.0.0.1";
  readonly port: number;
  stop(): Promise<void>;
}

/**
 * `/orders/…` in HTTP/1.1: 200, but `…/fail` answers 503, and `…/slow` waits for `slowMs`. `…/gone` ends the connection without
 * an answer, and `…/pay` answers what it is told at `called`.
 */
export function startOrders(called: () => Called, slowMs = 300): Promise<Service> {
  const server = http.createServer((request, response) => {
    request.resume();
    const path = request.url ?? "";
    const answer = (status: number): void => {
      response
        .writeHead(status, { "content-type": "application/json" })
        .end(`{"path":${JSON.stringify(path)}}`);
    };
    if (path.endsWith("/gone")) request.socket.destroy();
    else if (path.endsWith("/pay")) passOn(request, response, { ...called(), path: "/payments/7" });
    else if (path.endsWith("/slow")) setTimeout(() => answer(200), slowMs);
    else answer(path.endsWith("/fail") ? 503 : 200);
  });
  return listening(server);
}

/** A gRPC service that sends every call its messages back; `…/Fail` ends with status 14. */
export function startGrpcOrders(): Promise<Service> {
  const server = http2.createServer();
  server.on("stream", (stream: http2.ServerHttp2Stream, headers) => {
    const code = String(headers[":path"]).endsWith("/Fail") ? "14" : "0";
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": code }));
    // A client that goes away is none of a service's faults.
    stream.on("error", () => stream.destroy());
    stream.pipe(stream);
  });
  return listening(server);
}

/** A service over TCP that sends every byte back. */
export const startLedger = (): Promise<Service> =>
  listening(
    net.createServer((socket) => {
      socket.on("error", () => socket.destroy());
      socket.pipe(socket);
    }),
  );

/** The context of a call that a service makes for one that it serves, in the form of Zipkin's single header: a span of its own below that. */
function calledContext(b3: string | undefined): Readonly<Record<string, string>> {
  const [traceId, spanId, sampled = "1"] = b3?.split("-") ?? [];
  if (traceId === undefined || spanId === undefined) return {};
  return { b3: [traceId, randomBytes(8).toString("hex"), sampled, spanId].join("-") };
}

/** Where a service finds another. */
export interface Called {
  readonly port: number;
  readonly authority: string;
}

/** `/buy/…` in HTTP/1.1 calls `/orders/…` at `called` for its answer; everything else is 200. */
export function startStorefront(called: () => Called): Promise<Service> {
  const server = http.createServer((request, response) => {
    request.resume();
    const path = request.url ?? "";
    if (path.startsWith("/buy/"))
      passOn(request, response, { ...called(), path: path.replace("/buy/", "/orders/") });
    else response.writeHead(200, { "content-type": "text/plain" }).end("welcome\n");
  });
  return listening(server);
}

/** Answers what another service answers, within the same trace. */
function passOn(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  { port, path, authority }: Called & { readonly path: string },
): void {
  const headers = calledContext(request.headersDistinct["b3"]?.[0]);
  const call = http.request({
    host: "127.0.0.1",
    port,
    path,
    agent: false,
    headers: { ...headers, host: authority },
  });
  call.on("error", () => response.writeHead(502).end());
  call.on("response", (answer) => {
    response.writeHead(answer.statusCode ?? 502);
    answer.pipe(response);
  });
  call.end();
}

async function listening(server: net.Server): Promise<Service> {
  const { port, stop } = await startListening(server);
  return { host: "127.0.0.1", port, stop };
}
