import { logVerbosity, Server, ServerCredentials, setLogVerbosity } from "@grpc/grpc-js";
import { bindFailure, formatAddress, prepareAddress, type ListenAddress } from "../std/listen-address.ts";
import type { ListenerTls } from "../std/tls-files.ts";
import { connectedBy, type Caller, type CallerRules } from "./caller.ts";
import { registerService, type Connections, type GrpcService } from "./calls.ts";
import { ClientStreams, STREAM_BOUNDS, type StreamBounds } from "./client-streams.ts";
import { listenTls } from "./tls-listener.ts";
import { healthServiceName, registerHealth, type Health, type Serving } from "./health.ts";
import { registerReflection } from "./reflection.ts";

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
  /** Calls that one connection may have under way; a client that reaches it waits or opens another. Streams take none of their room. */
  readonly maxConcurrentCalls: number;
  /** What other than STREAM_BOUNDS holds for streams. */
  readonly streamBounds?: Partial<StreamBounds>;
  /** Told of what a handler threw; the call was answered INTERNAL. `method` is `package.Service/Method`. */
  readonly onError: (error: unknown, method: string) => void;
}

export interface GrpcServer {
  /** With the real port. */
  readonly address: ListenAddress;
  /** What grpc.health.v1 answers; "not-serving" until it is set. */
  readonly setServing: (serving: Serving) => void;
  /**
   * Says "not-serving" to whoever watches, takes no new connections or calls (GOAWAY), finishes streams, waits at most `graceMs`
   * for calls in flight, cuts off the rest. Resolves when all is closed. Safe twice: the first grace counts.
   */
  readonly drain: (graceMs: number) => Promise<void>;
}

const keepaliveTimeMs = 60_000;
const keepaliveTimeoutMs = 20_000;

/**
 * Serves gRPC services of unary and client-streaming methods, with grpc.health.v1 and reflection beside them.
 *
 * @throws Error that names the address and the reason, when it cannot be bound.
 */
export async function startGrpcServer(options: GrpcServerOptions): Promise<GrpcServer> {
  // It writes plain lines between our structured ones; what matters of them is thrown as well.
  setLogVerbosity(logVerbosity.NONE);
  const bounds = { ...STREAM_BOUNDS, ...options.streamBounds };
  const streams = new ClientStreams(bounds, options.onError);
  const interceptors = [streams.messages.interceptor];
  const server = new Server(Object.assign({}, limits(options, bounds), { interceptors }));
  const names = options.services.map(({ name }) => name);
  const connections: Connections = {
    tls: undefined,
    inPlainText: connectedBy(undefined, options.rules ?? {}),
  };
  for (const service of options.services)
    registerService(server, service, { ...options, connections, streams });
  const health = registerHealth(server, names);
  await registerReflection(server, [...names, healthServiceName]);
  const bound = await listen(server, options, connections);

  let drained: Promise<void> | undefined;
  return {
    address: bound.address,
    setServing: (serving) => health.set(serving),
    drain: (graceMs) => (drained ??= drainServer({ server, health, bound, streams }, graceMs)),
  };
}

function limits(
  { services, maxMessageBytes, maxConcurrentCalls }: GrpcServerOptions,
  bounds: StreamBounds,
): ConstructorParameters<typeof Server>[0] {
  const hasStreams = services.some(({ streams }) => streams !== undefined);
  return {
    // One bound for all methods is all that grpc-js knows.
    "grpc.max_receive_message_length": hasStreams
      ? Math.max(maxMessageBytes, bounds.maxMessageBytes)
      : maxMessageBytes,
    "grpc.max_concurrent_streams": maxConcurrentCalls + (hasStreams ? bounds.maxPerConnection : 0),
    "grpc.keepalive_time_ms": keepaliveTimeMs,
    "grpc.keepalive_timeout_ms": keepaliveTimeoutMs,
    "grpc.enable_channelz": 0,
  };
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

interface Drained {
  readonly server: Server;
  readonly health: Health;
  readonly bound: Bound;
  readonly streams: ClientStreams;
}

async function drainServer({ server, health, bound, streams }: Drained, graceMs: number): Promise<void> {
  health.close();
  // Not forceShutdown(): in grpc-js 1.14 it cuts off only connections that channelz counts, and channelz is off.
  bound.drain(graceMs);
  streams.drain();
  await new Promise<void>((resolve) => {
    server.tryShutdown(() => resolve());
  });
  await bound.close();
}
