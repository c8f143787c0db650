import { status, type handleClientStreamingCall, type ServerReadableStream } from "@grpc/grpc-js";
import type { Connected } from "./caller.ts";
import { MessageBound } from "./message-bound.ts";

/** Takes what a client sends on one stream. It never makes the client wait: what it cannot take at once it drops and counts. */
export interface StreamReader {
  /** One encoded message, in the order in which they were sent. */
  message(bytes: Buffer): void;
  /**
   * Told once, after the last message: the client is done or gone, in the middle of a message perhaps, or this end had enough.
   */
  end(because: StreamEnd): void;
}

/** `too large`: a message was, and ended the stream unread. */
export type StreamEnd = "over" | "too large";

/** One stream that a client has opened. */
export interface ClientStream {
  readonly caller: Connected;
  /** Ends it with the empty response and OK; a client that has more to say opens another. Safe twice. */
  readonly finish: () => void;
}

/** Told of a new stream, names who reads it. */
export type StreamHandler = (stream: ClientStream) => StreamReader;

export interface StreamBounds {
  /** A larger message ends its stream with RESOURCE_EXHAUSTED. */
  readonly maxMessageBytes: number;
  /** So old a stream is finished, give or take a fifth, so that clients spread over the replicas that there are. */
  readonly maxAgeMs: number;
  /** Beside the calls of a connection; one stream more is answered RESOURCE_EXHAUSTED. */
  readonly maxPerConnection: number;
}

/** An Envoy that was away for long sends much at once; it has one stream a worker, logger and kind of entry. */
export const STREAM_BOUNDS: StreamBounds = {
  maxMessageBytes: 64 * 1024 * 1024,
  maxAgeMs: 30 * 60_000,
  maxPerConnection: 1_000,
};

/** The streams of one server that are open. */
export class ClientStreams {
  /** Has to see every call of the server. */
  readonly messages = new MessageBound();
  readonly #bounds: StreamBounds;
  readonly #onError: (error: unknown, method: string) => void;
  readonly #open = new Set<() => void>();
  /** By the address of the other end; all clients of a socket file are one. */
  readonly #perConnection = new Map<string, number>();
  #isDraining = false;

  constructor(bounds: StreamBounds, onError: (error: unknown, method: string) => void) {
    this.#bounds = bounds;
    this.#onError = onError;
  }

  /** Lets a handler read a stream of a caller who may open it. */
  take({ call, callback, caller }: Taken, handler: StreamHandler, method: string): void {
    const peer = call.getPeer();
    const count = this.#perConnection.get(peer) ?? 0;
    if (count >= this.#bounds.maxPerConnection) {
      const details = `this connection has ${count} streams already`;
      callback({ code: status.RESOURCE_EXHAUSTED, details });
      call.resume();
      return;
    }
    this.#perConnection.set(peer, count + 1);
    let reader: StreamReader | undefined;
    const ended = (): boolean => {
      if (!this.#open.delete(finish)) return false;
      clearTimeout(age);
      this.#leave(peer);
      const because = this.messages.wasExceededBy(call.metadata) ? "too large" : "over";
      this.#guarded(method, () => reader?.end(because));
      return true;
    };
    const finish = (): void => {
      if (ended()) callback(null, EMPTY);
    };
    this.#open.add(finish);
    const age = setTimeout(finish, jittered(this.#bounds.maxAgeMs)).unref();
    const fail = (): void => {
      if (ended()) callback({ code: status.INTERNAL, details: "internal error" });
    };
    call.on("data", (bytes: Buffer) => {
      if (this.#open.has(finish) && !this.#guarded(method, () => reader?.message(bytes))) fail();
    });
    call.on("end", finish);
    call.on("cancelled", ended);
    call.on("error", ended);
    if (!this.#guarded(method, () => (reader = handler({ caller, finish })))) fail();
    if (this.#isDraining) finish();
  }

  /** Finishes all that are open, and from now on each as it is opened. */
  drain(): void {
    this.#isDraining = true;
    for (const finish of [...this.#open]) finish();
  }

  #leave(peer: string): void {
    const left = (this.#perConnection.get(peer) ?? 1) - 1;
    if (left === 0) this.#perConnection.delete(peer);
    else this.#perConnection.set(peer, left);
  }

  /** Whether it went well. */
  #guarded(method: string, task: () => unknown): boolean {
    try {
      task();
      return true;
    } catch (error) {
      this.#onError(error, method);
      return false;
    }
  }
}

/** A stream with what answers it, and who has opened it. */
interface Taken {
  readonly call: ServerReadableStream<Buffer, Uint8Array>;
  readonly callback: Parameters<handleClientStreamingCall<Buffer, Uint8Array>>[1];
  readonly caller: Connected;
}

const EMPTY = new Uint8Array();

const jittered = (ms: number): number => ms * (0.8 + 0.4 * Math.random());
