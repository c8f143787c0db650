import {
  status,
  type Deadline,
  type handleClientStreamingCall,
  type handleUnaryCall,
  type Server,
  type ServerUnaryCall,
} from "@grpc/grpc-js";
import type { Operation } from "../policy/listen-file.ts";
import type { Caller, Connected } from "./caller.ts";
import type { ClientStreams, StreamHandler } from "./client-streams.ts";
import type { TlsListener } from "./tls-listener.ts";

/**
 * Bytes in, bytes out, both one encoded message; or a status of gRPC in place of an answer. `deadlineAtMs` is epoch milliseconds, Number.POSITIVE_INFINITY when the
 * client set none. An answer that is at hand is returned without a promise.
 */
export type UnaryHandler = (
  request: Buffer,
  deadlineAtMs: number,
  caller: Connected,
) => Uint8Array | StatusAnswer | Promise<Uint8Array | StatusAnswer>;

/** No answer, and why: an error to the client (google.rpc.Code). */
export interface StatusAnswer {
  readonly code: keyof typeof STATUSES;
  readonly details: string;
}

const STATUSES = {
  "invalid-argument": status.INVALID_ARGUMENT,
  "deadline-exceeded": status.DEADLINE_EXCEEDED,
  "resource-exhausted": status.RESOURCE_EXHAUSTED,
  unavailable: status.UNAVAILABLE,
  "permission-denied": status.PERMISSION_DENIED,
} as const;

/** One service by its full name (`envoy.service.auth.v3.Authorization`), its methods by their short names (`Check`). */
export interface GrpcService {
  readonly name: string;
  /** What lists of allowed callers call it. */
  readonly operation: Operation;
  readonly methods: Readonly<Record<string, UnaryHandler>>;
  /** Methods that take a stream of messages and answer with an empty one. */
  readonly streams?: Readonly<Record<string, StreamHandler>>;
}

/** Where calls come from: known when the server listens, which is after its services are registered. */
export interface Connections {
  tls: TlsListener | undefined;
  /** Everyone who asks without TLS. */
  readonly inPlainText: Connected;
}

/** What all calls of a server share. */
export interface Calls {
  readonly connections: Connections;
  readonly streams: ClientStreams;
  readonly maxMessageBytes: number;
  readonly onError: (error: unknown, method: string) => void;
  readonly onRefused?: (caller: Caller, method: string) => void;
}

/** Offers the methods of a service. Throws where another service offers one of them. */
export function registerService(server: Server, service: GrpcService, calls: Calls): void {
  const isNew = (of: Method, isRegistered: boolean): void => {
    if (!isRegistered) throw new Error(`two services offer ${of.method}`);
  };
  const methodOf = (name: string): Method => ({
    method: `${service.name}/${name}`,
    operation: service.operation,
  });
  for (const [name, handler] of Object.entries(service.methods)) {
    const of = methodOf(name);
    isNew(of, server.register(`/${of.method}`, unaryCall(handler, of, calls), asBuffer, same, "unary"));
  }
  for (const [name, handler] of Object.entries(service.streams ?? {})) {
    const of = methodOf(name);
    const call = streamingCall(handler, of, calls);
    isNew(of, server.register(`/${of.method}`, call, asBuffer, same, "clientStream"));
  }
}

interface Method {
  /** `package.Service/Method`. */
  readonly method: string;
  readonly operation: Operation;
}

/** Who asks, where it may ask for this. */
function permitted(
  call: Pick<ServerUnaryCall<Buffer, Uint8Array>, "getAuthContext">,
  { method, operation }: Method,
  { connections: { tls, inPlainText }, onRefused }: Calls,
): Connected | undefined {
  const caller = tls === undefined ? inPlainText : tls.callerOf(call.getAuthContext().sslPeerCertificate);
  if (caller.mayAsk(operation)) return caller;
  onRefused?.(caller, method);
  return undefined;
}

function streamingCall(
  handler: StreamHandler,
  of: Method,
  calls: Calls,
): handleClientStreamingCall<Buffer, Uint8Array> {
  return (call, callback) => {
    const caller = permitted(call, of, calls);
    if (caller !== undefined) {
      calls.streams.take({ call, callback, caller }, handler, of.method);
      return;
    }
    callback({ code: status.PERMISSION_DENIED, details: REFUSED });
    call.resume();
  };
}

function unaryCall(handler: UnaryHandler, of: Method, calls: Calls): handleUnaryCall<Buffer, Uint8Array> {
  const { maxMessageBytes, onError } = calls;
  return (call, callback) => {
    const caller = permitted(call, of, calls);
    if (caller === undefined) {
      callback({ code: status.PERMISSION_DENIED, details: REFUSED });
      return;
    }
    if (call.request.length > maxMessageBytes) {
      callback({ code: status.RESOURCE_EXHAUSTED, details: `more than ${maxMessageBytes} bytes` });
      return;
    }
    const answer = (given: Uint8Array | StatusAnswer) => {
      if (given instanceof Uint8Array) callback(null, given);
      else callback({ code: STATUSES[given.code], details: given.details });
    };
    const fail = (error: unknown) => {
      callback({ code: status.INTERNAL, details: "internal error" });
      onError(error, of.method);
    };
    let result: ReturnType<UnaryHandler>;
    try {
      result = handler(call.request, epochMs(call.getDeadline()), caller);
    } catch (error) {
      fail(error);
      return;
    }
    if (result instanceof Promise) result.then(answer, fail);
    else answer(result);
  };
}

const REFUSED = "the names of your certificate are not among those that weir.yaml allows for this service";

function epochMs(deadline: Deadline): number {
  return deadline instanceof Date ? deadline.getTime() : deadline;
}

function same(bytes: Buffer): Buffer {
  return bytes;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
