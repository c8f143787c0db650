import { once } from "node:events";
import type { AddressInfo, Server, Socket } from "node:net";

/** A server of a test that listens on a port of loopback. */
export interface Listening {
  readonly port: number;
  /** Ends it and its connections. Safe twice. */
  readonly stop: () => Promise<void>;
  /** Listens again on the same port. */
  readonly comeBack: () => Promise<void>;
}

/** Makes a server listen on a free port of loopback. Rejects where it cannot. */
export async function startListening(server: Server): Promise<Listening> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  const listenOn = async (port: number): Promise<void> => {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
  };
  await listenOn(0);
  const { port } = server.address() as AddressInfo;
  return {
    port,
    stop: async () => {
      if (!server.listening) return;
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
    comeBack: () => listenOn(port),
  };
}
