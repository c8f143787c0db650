import { Metadata, status, type Client, type ClientWritableStream, type ServiceError } from "@grpc/grpc-js";
import { asBuffer, same, type Outcome } from "./client.ts";

/** One client stream, and what it ends with. */
export interface Sending {
  readonly call: ClientWritableStream<Uint8Array>;
  readonly outcome: Promise<Outcome>;
}

/** Opens a stream to `/package.Service/Method`. */
export function openStream(client: Client, path: string): Sending {
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  const answered = (error: ServiceError | null, bytes?: Buffer): void => {
    if (error !== null) resolve({ code: error.code, details: error.details });
    else resolve({ bytes: bytes ?? Buffer.from("none") });
  };
  const call = client.makeClientStreamRequest(path, asBuffer, same, new Metadata(), {}, answered);
  return { call, outcome: promise };
}

export const codeOf = (outcome: Outcome): status => ("code" in outcome ? outcome.code : status.OK);

/** The empty response, with OK. */
export const FINISHED: Outcome = { bytes: Buffer.alloc(0) };
