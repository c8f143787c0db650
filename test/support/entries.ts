import grpc from "@grpc/grpc-js";
import type { EntryFacts, OriginFacts } from "../../src/attributes/entry-facts.ts";
import { readEntries } from "../../src/report/attributes.ts";
import { OtlpReader } from "../../src/report/otlp.ts";

/** Entries as they came in, by how they came. */
export interface Received {
  readonly als: EntryFacts[];
  readonly otlp: EntryFacts[];
  /** Why others were left out. */
  readonly invalid: string[];
}

const bytes = (message: Buffer): Buffer => message;
const codec = {
  responseStream: false,
  requestSerialize: bytes,
  requestDeserialize: bytes,
  responseSerialize: bytes,
  responseDeserialize: bytes,
} as const;

/** Starts a server that takes entries by both ways and reads them; yields its port. */
export async function startEntries(received: Received, open: AsyncDisposableStack): Promise<number> {
  const server = new grpc.Server();
  const stream: grpc.handleClientStreamingCall<Buffer, Buffer> = (call) => {
    let origin: OriginFacts | undefined;
    call.on("data", (message: Buffer) => {
      const read = readEntries(message, origin);
      origin = read.origin;
      received.als.push(...read.entries);
      received.invalid.push(...read.invalid);
    });
    call.on("error", () => undefined);
  };
  const reader = new OtlpReader();
  const take: grpc.handleUnaryCall<Buffer, Buffer> = ({ request }, callback) => {
    const read = reader.read(request);
    received.otlp.push(...read.entries);
    received.invalid.push(...read.invalid);
    callback(null, Buffer.alloc(0));
  };
  server.addService(
    {
      stream: {
        ...codec,
        requestStream: true,
        path: "/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs",
      },
    },
    { stream },
  );
  server.addService(
    {
      take: {
        ...codec,
        requestStream: false,
        path: "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
      },
    },
    { take },
  );
  open.defer(() => server.forceShutdown());
  return new Promise((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(port);
      else reject(error);
    });
  });
}
