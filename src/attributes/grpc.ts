import type { EntryFacts } from "./entry-facts.ts";

/** Whether a request is a gRPC call: `application/grpc`, or that with a suffix. It shows only where the logger sends the content type. */
export function isGrpc(entry: EntryFacts): boolean {
  const contentType = entry.requestHeader("content-type");
  return contentType?.startsWith("application/grpc") === true && GRPC.test(contentType);
}

const GRPC = /^application\/grpc(?:[+;]|$)/;

/**
 * The gRPC status that the caller received, as digits: of the trailers, else of the headers, else what a client makes of the HTTP status
 * (grpc/doc/http-grpc-status-mapping.md). Undefined where there is nothing to tell it by.
 */
export function grpcStatus(entry: EntryFacts): string | undefined {
  const told = entry.responseTrailer("grpc-status") ?? entry.responseHeader("grpc-status");
  if (told !== undefined) return STATUS.test(told) ? told : UNKNOWN;
  const { responseCode } = entry;
  if (responseCode === undefined) return undefined;
  // A call that ended well has a status: where it is not there, the logger was not told to send it.
  if (responseCode === 200 && entry.responseFlags.length === 0) return undefined;
  return BY_HTTP_STATUS.get(responseCode) ?? UNKNOWN;
}

/** gRPC defines 0 to 16. What an upstream may make up is no label. */
const STATUS = /^(?:\d|1[0-6])$/;
const UNKNOWN = "2";

const BY_HTTP_STATUS: ReadonlyMap<number, string> = new Map([
  [400, "13"],
  [401, "16"],
  [403, "7"],
  [404, "12"],
  [429, "14"],
  [502, "14"],
  [503, "14"],
  [504, "14"],
]);
