import type { ConnectionOptions } from "node:tls";
import { Redis } from "ioredis";

/** Where a Redis, a Sentinel or a node of a Cluster listens. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** As whom, and how, to connect. */
export interface Access {
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
  /** Undefined: plain text. */
  readonly tls: ConnectionOptions | undefined;
}

/** One connection that is open, until it is not. It never opens itself again, and sends nothing twice. */
export interface Client {
  /** Rejects with what Redis says, or with `ConnectionLost` where it is not known what it has done. */
  send(command: string, ...parameters: readonly (string | number)[]): Promise<unknown>;
  /** The same, and what Redis answers as text comes as bytes. */
  sendForBytes(command: string, parameters: (string | number)[]): Promise<unknown>;
  /** Resolves when the connection has ended, with why; it never rejects. */
  readonly whenClosed: Promise<string>;
  /** Safe twice. */
  close(): void;
}

/** What Redis has answered is an error: `code` is its first word, such as READONLY. */
export class Refusal extends Error {
  readonly code: string;

  constructor(message: string) {
    super(message);
    this.name = "Refusal";
    this.code = message.split(" ", 1)[0] ?? "";
  }
}

/** The command may have been carried out, or not. */
export class ConnectionLost extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ConnectionLost";
  }
}

/** For a connection to be open, TLS and names included. */
const CONNECT_MS = 2_000;
/** What a peer that is gone may take to say goodbye. */
const DISCONNECT_MS = 50;

/** Opens one connection. Rejects with what kept it from being open, within two seconds or when the signal says so. */
export async function openClient(
  { host, port }: Address,
  access: Access,
  signal: AbortSignal,
): Promise<Client> {
  signal.throwIfAborted();
  const { username, password, database, tls } = access;
  const redis = new Redis({
    host,
    port,
    db: database,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined ? {} : { tls }),
    lazyConnect: true,
    protocol: 2,
    // Its defaults wait and send again: counters would count twice.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    retryStrategy: () => null,
    reconnectOnError: null,
    enableReadyCheck: false,
    disableClientInfo: true,
    connectTimeout: CONNECT_MS,
    disconnectTimeout: DISCONNECT_MS,
  });
  const client = clientOf(redis);
  // A peer that accepts and then says nothing is not seen by the timeout of the connection.
  const giveUp = (): void => redis.disconnect();
  const timer = setTimeout(giveUp, CONNECT_MS);
  signal.addEventListener("abort", giveUp);
  try {
    await redis.connect();
    return client;
  } catch (error) {
    redis.disconnect();
    throw new Error(`${host}:${port}: ${client.lastError() ?? messageOf(error)}`, { cause: error });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", giveUp);
  }
}

function clientOf(redis: Redis): Client & { readonly lastError: () => string | undefined } {
  let last: string | undefined;
  redis.on("error", (error: unknown) => (last = messageOf(error)));
  const whenClosed = new Promise<string>((resolve) => {
    redis.once("end", () => resolve(last ?? "the connection was closed"));
  });
  return {
    send: async (command, ...parameters) => redis.call(command, ...parameters).catch(throwKnown),
    sendForBytes: async (command, parameters) => redis.callBuffer(command, parameters).catch(throwKnown),
    whenClosed,
    close: () => redis.disconnect(),
    lastError: () => last,
  };
}

function throwKnown(error: unknown): never {
  throw isReply(error) ? new Refusal(error.message) : new ConnectionLost(messageOf(error));
}

const isReply = (error: unknown): error is Error => error instanceof Error && error.name === "ReplyError";

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
