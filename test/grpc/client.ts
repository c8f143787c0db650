import { Client, credentials, Metadata, type ServiceError, type status } from "@grpc/grpc-js";
import { formatAddress, type ListenAddress } from "../../src/std/listen-address.ts";
import { startGrpcServer, type GrpcServer, type GrpcServerOptions } from "../../src/grpc/server.ts";

/** What came back: the bytes, or the status code and its text. */
export type Outcome = { readonly bytes: Buffer } | { readonly code: status; readonly details: string };

const loopback: ListenAddress = { kind: "tcp", host: "127.0.0.1", port: 0 };

/** Starts servers and clients for one test, and ends them all after it. */
export function ownServers(): {
  readonly start: (options: Partial<GrpcServerOptions>) => Promise<GrpcServer>;
  readonly client: (server: GrpcServer) => Client;
} {
  const servers: GrpcServer[] = [];
  const clients: Client[] = [];
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await Promise.all(servers.splice(0).map((server) => server.drain(0)));
  });
  return {
    async start(options) {
      const unexpected = (error: unknown) => {
        throw error;
      };
      const defaults = {
        address: loopback,
        services: [],
        maxMessageBytes: 65_536,
        maxConcurrentCalls: 4_096,
        onError: unexpected,
      };
      const server = await startGrpcServer({ ...defaults, ...options });
      servers.push(server);
      return server;
    },
    client(server) {
      const client = new Client(formatAddress(server.address), credentials.createInsecure(), {
        "grpc.service_config_disable_resolution": 1,
        "grpc.use_local_subchannel_pool": 1,
      });
      clients.push(client);
      return client;
    },
  };
}

/** Calls `/package.Service/Method` with one message. */
export function call(
  client: Client,
  path: string,
  request: Uint8Array,
  options: { deadline?: number } = {},
): Promise<Outcome> {
  return new Promise((resolve) => {
    const answered = (error: ServiceError | null, bytes?: Buffer) => {
      if (error !== null) resolve({ code: error.code, details: error.details });
      else resolve({ bytes: bytes ?? Buffer.alloc(0) });
    };
    client.makeUnaryRequest(path, asBuffer, same, request, new Metadata(), options, answered);
  });
}

export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes);
}

export function same(bytes: Buffer): Buffer {
  return bytes;
}
