import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Server } from "node:net";
import type { HostLog } from "../../src/adapter/host.ts";
import { startListening } from "../support/listening.ts";

/** A server of the test on loopback, and how many connections and requests it has seen. */
export interface LocalServer {
  readonly port: number;
  readonly url: string;
  readonly seen: { connections: number; readonly requests: IncomingMessage[] };
  close(): Promise<void>;
}

export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** Serves on a free port of loopback, over TLS where a credential is given. */
export async function serve(
  answer: Answer,
  tls?: { readonly certificate: string; readonly key: string },
): Promise<LocalServer> {
  const seen = { connections: 0, requests: [] as IncomingMessage[] };
  const listener: Answer = (request, response) => {
    seen.requests.push(request);
    answer(request, response);
  };
  const server =
    tls === undefined
      ? createServer(listener)
      : createTlsServer({ cert: tls.certificate, key: tls.key }, listener);
  server.on("connection", () => seen.connections++);
  const { port, stop } = await startListening(server);
  return { port, url: `${tls === undefined ? "http" : "https"}://127.0.0.1:${port}`, seen, close: stop };
}

/** Listens on a free port of loopback. */
export async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(0, "127.0.0.1", resolve);
  });
  return (server.address() as AddressInfo).port;
}

/** A log that keeps its lines. */
export function keptLog(): HostLog & { readonly lines: string[] } {
  const lines: string[] = [];
  const keep = (fields: Readonly<Record<string, unknown>>, message: string): void => {
    lines.push(`${message} ${JSON.stringify(fields)}`);
  };
  return { lines, info: keep, warn: keep };
}

/** A clock that stands still until it is set. */
export function standingClock(startMs = 1_700_000_000_000): {
  nowMs: () => number;
  advance: (ms: number) => void;
} {
  let now = startMs;
  return { nowMs: () => now, advance: (ms) => (now += ms) };
}

/** Answers rightly and wrongly, by the path. */
export const answers: Answer = (request, response) => {
  const { pathname } = new URL(request.url ?? "", "http://x");
  switch (pathname) {
    case "/silent":
      return;
    case "/drip":
      response.write("a");
      return;
    case "/large":
      response.end(Buffer.alloc(2_000));
      return;
    case "/endless": {
      const more = (): void => {
        if (response.write(Buffer.alloc(65_536))) setImmediate(more);
        else response.once("drain", more);
      };
      more();
      return;
    }
    case "/cut":
      response.writeHead(200, { "content-length": 10 }).write("abc", () => response.destroy());
      return;
    case "/redirect":
      response.writeHead(302, { location: "http://169.254.169.254/" }).end();
      return;
    case "/gzip":
      response.writeHead(200, { "content-encoding": "gzip" }).end("x");
      return;
    case "/500":
      response.writeHead(500).end("broken");
      return;
    case "/nonsense":
      response.socket?.end("this is not HTTP\r\n\r\n");
      return;
    default:
      response.setHeader("x-two", ["a", "b"]);
      response.end("hello");
  }
};
