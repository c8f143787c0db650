import { once } from "node:events";
import {
  createServer as createHttpServer,
  type Server as HttpServer,
  type RequestListener,
  type ServerOptions,
} from "node:http";
import { createServer as createHttpsServer, type Server as HttpsServer } from "node:https";
import type { FastifyInstance } from "fastify";
import { bindFailure, formatAddress, prepareAddress, type ListenAddress } from "../std/listen-address.ts";
import type { ListenerTls } from "../std/tls-files.ts";

export interface HttpListener {
  /** With the real port. */
  readonly address: ListenAddress;
  /** Takes no new connections, finishes what is under way. Safe twice. */
  close(): Promise<void>;
}

export type AnyHttpServer = HttpServer | HttpsServer;

/** An HTTP/1.1 server, with TLS where there is one, whose renewed certificates it takes up. */
export function createAnyServer(
  tls: ListenerTls | undefined,
  options: ServerOptions,
  handler: RequestListener,
): AnyHttpServer {
  if (tls === undefined) return createHttpServer(options, handler);
  const server = createHttpsServer({ ...options, ...tls.options() }, handler);
  server.on("tlsClientError", (_error, socket) => socket.destroy());
  tls.follow(server);
  return server;
}

/** Binds the bare server. */
export async function listenBare(server: AnyHttpServer, address: ListenAddress): Promise<void> {
  if (address.kind === "unix") server.listen({ path: address.path });
  else server.listen({ host: address.host, port: address.port });
  await once(server, "listening");
}

/**
 * Binds a server by `listen`, which is given the address in the form to bind. Gives the address that was asked for, with the port
 * that the system gave for port 0.
 *
 * @throws Error that names the address and the reason, when it cannot be bound.
 */
export async function bound(
  server: AnyHttpServer,
  asked: ListenAddress,
  listen: (address: ListenAddress) => Promise<unknown>,
): Promise<ListenAddress> {
  try {
    await listen(await prepareAddress(asked));
  } catch (error) {
    throw new Error(`cannot listen on ${formatAddress(asked)}: ${bindFailure(error)}`, { cause: error });
  }
  const found = server.address();
  return asked.kind === "unix" || found === null || typeof found === "string"
    ? asked
    : { ...asked, port: found.port };
}

/** Binds a server of fastify's, which then closes it. */
export const listenFastify = (
  app: FastifyInstance<AnyHttpServer>,
  asked: ListenAddress,
): Promise<ListenAddress> =>
  bound(app.server, asked, (address) =>
    app.listen(address.kind === "unix" ? { path: address.path } : { host: address.host, port: address.port }),
  );
