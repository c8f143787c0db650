import {
  logVerbosity,
  Server,
  ServerCredentials,
  setLogVerbosity,
  status,
  type Deadline,
  type handleUnaryCall,
} from "@grpc/grpc-js";
import { bindFailure, formatAddress, prepareAddress, type ListenAddress } from "../std/listen-address.ts";
import type { Operation } from "../policy/listen-file.ts";
import type { ListenerTls } from "../std/tls-files.ts";
import { connectedBy, type Caller, type CallerRules, type Connected } from "./caller.ts";
import { listenTls, type TlsListener } from "./tls-listener.ts";
import { healthServiceName, registerHealth, type Health, type Serving } from "./health.ts";
import { registerReflection } from "./reflection.ts";

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
}

export interface GrpcServerOptions {
  readonly address: ListenAddress;
  readonly services: readonly GrpcService[];
  /** Undefined: plain text. The caller closes it after the server. */
  readonly tls?: ListenerTls | undefined;
  /** Who may ask what; others are answered PERMISSION_DENIED. */
  readonly rules?: CallerRules;
  /** Told of a caller that asked what it may not. */
  readonly onRefused?: (caller: Caller, method: string) => void;
  /**
   * A larger request message is answered RESOURCE_EXHAUSTED. That is an error, about which Envoy's failure mode decides, and how
   * large a message is lies with whoever sends the request: so this is far above what Envoy sends (it bounds headers, and bodies
   * by `max_request_bytes`), and services refuse what is too large for them, which is an answer.
   */
  readonly maxMessageBytes: number;
  /** Calls that one connection may have under way; a client that reaches it waits or opens another. */
  readonly maxConcurrentCalls: number;
  /** Told of what a handler threw; the call was answered INTERNAL. `method` is `package.Service/Method`. */
  readonly onError: (error: unknown, method: string) => void;
}

export interface GrpcServer {
  /** With the real port. */
  readonly address: ListenAddress;
  /** What grpc.health.v1 answers; "not-serving" until it is set. */
  readonly setServing: (serving: Serving) => void;
  /**
   * Says "not-serving" to whoever watches, takes no new connections or calls (GOAWAY), waits at most `graceMs` for
   * those in flight, cuts off the rest. Resolves when all is closed. Safe twice: the first grace counts.
   */
  readonly drain: (graceMs: number) => Promise<void>;
}

const keepaliveTimeMs = 60_000;
const keepaliveTimeoutMs = 20_000;

/**
 * Serves unary gRPC services, with grpc.health.v1 and reflection beside them.
 *
 * @throws Error that names the address and the reason, when it cannot be bound.
 */
export async function startGrpcServer(options: GrpcServerOptions): Promise<GrpcServer> {
  // It writes plain lines between our structured ones; what matters of them is thrown as well.
  setLogVerbosity(logVerbosity.NONE);
  const server = new Server(limits(options));
  const names = options.services.map(({ name }) => name);
  const connections: Connections = {
    tls: undefined,
    inPlainText: connectedBy(undefined, options.rules ?? {}),
  };
  for (const service of options.services) registerService(server, service, { ...options, connections });
  const health = registerHealth(server, names);
  await registerReflection(server, [...names, healthServiceName]);
  const bound = await listen(server, options, connections);

  let drained: Promise<void> | undefined;
  return {
    address: bound.address,
    setServing: (serving) => health.set(serving),
    drain: (graceMs) => (drained ??= drainServer(server, health, bound, graceMs)),
  };
}

/** Where calls come from: known when the server listens, which is after its services are registered. */
interface Connections {
  tls: TlsListener | undefined;
  /** Everyone who asks without TLS. */
  readonly inPlainText: Connected;
}

function limits({
  maxMessageBytes,
  maxConcurrentCalls,
}: GrpcServerOptions): ConstructorParameters<typeof Server>[0] {
  return {
    "grpc.max_receive_message_length": maxMessageBytes,
    "grpc.max_concurrent_streams": maxConcurrentCalls,
    "grpc.keepalive_time_ms": keepaliveTimeMs,
    "grpc.keepalive_timeout_ms": keepaliveTimeoutMs,
    "grpc.enable_channelz": 0,
  };
}

type Calls = Pick<GrpcServerOptions, "onError" | "onRefused"> & { readonly connections: Connections };

function registerService(server: Server, service: GrpcService, calls: Calls): void {
  for (const [name, handler] of Object.entries(service.methods)) {
    const method = `${service.name}/${name}`;
    const call = unaryCall(handler, { method, operation: service.operation }, calls);
    const isNew = server.register(`/${method}`, call, asBuffer, same, "unary");
    if (!isNew) throw new Error(`two services offer ${method}`);
  }
}

function unaryCall(
  handler: UnaryHandler,
  { method, operation }: { readonly method: string; readonly operation: Operation },
  { onError, onRefused, connections }: Calls,
): handleUnaryCall<Buffer, Uint8Array> {
  return (call, callback) => {
    const { tls } = connections;
    const caller =
      tls === undefined ? connections.inPlainText : tls.callerOf(call.getAuthContext().sslPeerCertificate);
    if (!caller.mayAsk(operation)) {
      callback({ code: status.PERMISSION_DENIED, details: REFUSED });
      onRefused?.(caller, method);
      return;
    }
    const answer = (given: Uint8Array | StatusAnswer) => {
      if (given instanceof Uint8Array) callback(null, given);
      else callback({ code: STATUSES[given.code], details: given.details });
    };
    const fail = (error: unknown) => {
      callback({ code: status.INTERNAL, details: "internal error" });
      onError(error, method);
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

/** What was bound: the address as asked for with the real port, and how it is drained. */
interface Bound {
  readonly address: ListenAddress;
  readonly drain: (graceMs: number) => void;
  readonly close: () => Promise<void>;
}

async function listen(
  server: Server,
  { address, tls, rules = {} }: GrpcServerOptions,
  connections: Connections,
): Promise<Bound> {
  try {
    const prepared = await prepareAddress(address);
    if (tls === undefined) return await listenPlain(server, address, prepared);
    const listener = await listenTls(server, { address: prepared, tls, rules });
    connections.tls = listener;
    return { ...listener, address: withPort(address, listener.port) };
  } catch (error) {
    throw new Error(`cannot listen on ${formatAddress(address)}: ${bindFailure(error)}`, { cause: error });
  }
}

async function listenPlain(server: Server, address: ListenAddress, prepared: ListenAddress): Promise<Bound> {
  const port = await bind(server, formatAddress(prepared));
  const target = formatAddress(withPort(prepared, port));
  return {
    address: withPort(address, port),
    drain: (graceMs) => server.drain(target, graceMs),
    close: () => Promise.resolve(),
  };
}

function withPort(address: ListenAddress, port: number): ListenAddress {
  return address.kind === "tcp" ? { ...address, port } : address;
}

function bind(server: Server, target: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(target, ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(port);
      else reject(error);
    });
  });
}

async function drainServer(server: Server, health: Health, bound: Bound, graceMs: number): Promise<void> {
  health.close();
  // Not forceShutdown(): in grpc-js 1.14 it cuts off only connections that channelz counts, and channelz is off.
  bound.drain(graceMs);
  await new Promise<void>((resolve) => {
    server.tryShutdown(() => resolve());
  });
  await bound.close();
}
