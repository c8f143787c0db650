import { once } from "node:events";
import type { Socket } from "node:net";
import { createServer, type Server as TlsServer, type TLSSocket } from "node:tls";
import { ServerCredentials, type Server } from "@grpc/grpc-js";
import type { ListenAddress } from "../std/listen-address.ts";
import type { ListenerTls } from "../std/tls-files.ts";
import { connectedBy, type CallerRules, type Connected } from "./caller.ts";

/** A TLS listener in front of a gRPC server. */
export interface TlsListener {
  /** The port that the system gave; 0 of a socket file. */
  readonly port: number;
  /** Who asks in a call, by what grpc-js says of its connection. */
  readonly callerOf: (certificate: object | undefined) => Connected;
  /** Takes no connection more, ends those that are idle, and after the grace all others. */
  readonly drain: (graceMs: number) => void;
  /** Cuts off what is left. */
  readonly close: () => Promise<void>;
}

export interface TlsListenerOptions {
  /** As it is bound. */
  readonly address: ListenAddress;
  readonly tls: ListenerTls;
  readonly rules: CallerRules;
}

/**
 * TLS is ended here and the plain connections are handed to grpc-js. Its own file watcher (experimental in 1.14) refuses every
 * connection once a new certificate is no good, where the one before it should stay, and it reads the peer's certificate at
 * each call, which takes as long as a whole check (41 us; measured).
 */
export async function listenTls(
  server: Server,
  { address, tls, rules }: TlsListenerOptions,
): Promise<TlsListener> {
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const stranger = connectedBy(undefined, rules);
  const callers = new WeakMap<object, Connected>();
  const listener = createServer({ ...tls.options(), ALPNProtocols: ["h2"] });
  const sockets = socketsOf(listener);
  listener.on("secureConnection", (socket) => {
    socket.on("error", () => socket.destroy());
    callers.set(onlyCertificate(socket), connectedBy(socket, rules));
    injector.injectConnection(socket);
  });
  // A handshake that fails is the other side's affair, and ends its connection.
  listener.on("tlsClientError", (_error, socket) => socket.destroy());
  tls.follow(listener);
  await listenOn(listener, address);
  const bound = listener.address();
  return {
    port: bound === null || typeof bound === "string" ? 0 : bound.port,
    callerOf: (certificate) => (certificate && callers.get(certificate)) ?? stranger,
    drain: (graceMs) => {
      listener.close();
      injector.drain(graceMs);
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      if (listener.listening) await new Promise((resolve) => listener.close(resolve));
    },
  };
}

/** What grpc-js shows of the peer's certificate is one object a connection, read once, by which its caller is found again. */
function onlyCertificate(socket: TLSSocket): object {
  const certificate = socket.getPeerCertificate(true);
  socket.getPeerCertificate = () => certificate;
  return certificate;
}

/** All open connections of a listener, those in a handshake among them. */
function socketsOf(listener: TlsServer): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  listener.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  return sockets;
}

async function listenOn(listener: TlsServer, address: ListenAddress): Promise<void> {
  if (address.kind === "unix") listener.listen({ path: address.path });
  else listener.listen({ host: address.host, port: address.port });
  await once(listener, "listening");
}
