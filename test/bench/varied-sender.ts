import { connect, type Socket } from "node:net";
import { GRPC_PREFIX_BYTES, grpcFrame } from "./request.ts";
import type { VariedLoad, VariedSeen } from "./varied-load.ts";

/**
 * A process that sends calls of gRPC whose bodies differ: h2load sends one body only. It speaks as much of HTTP/2 (RFC 9113) as a
 * load needs, because a whole client of Node costs as much as the server that it measures. Its one parameter is a
 * VariedLoad as JSON; it prints a VariedSeen as JSON.
 */

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA = 0;
const HEADERS = 1;
const RST_STREAM = 3;
const SETTINGS = 4;
const PING = 6;
const GOAWAY = 7;
const WINDOW_UPDATE = 8;
const END_STREAM = 1;
const ACK = 1;
const END_HEADERS = 4;
const FRAME_BYTES = 9;
const FIRST_WINDOW_BYTES = 65_535;
const WINDOW_BYTES = 2 ** 30;

function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.alloc(FRAME_BYTES + payload.length);
  bytes.writeUIntBE(payload.length, 0, 3);
  bytes[3] = type;
  bytes[4] = flags;
  bytes.writeUInt32BE(stream, 5);
  bytes.set(payload, FRAME_BYTES);
  return bytes;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** HPACK (RFC 7541): the first block puts these into the server's table, the others name their places there. */
function headerBlocks(address: string, path: string): { readonly first: Buffer; readonly others: Buffer } {
  const text = (value: string): Buffer => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
  const [post, http] = [0x83, 0x86];
  const literals: readonly (readonly [index: number, value: string])[] = [
    [4, path],
    [1, address],
    [31, "application/grpc"],
  ];
  const unnamed: readonly (readonly [name: string, value: string])[] = [
    ["te", "trailers"],
    // Envoy sends the time that it will wait, and it costs the server a timer.
    ["grpc-timeout", "5S"],
  ];
  const first = Buffer.concat([
    Buffer.from([post, http]),
    ...literals.map(([index, value]) => Buffer.concat([Buffer.from([0x40 | index]), text(value)])),
    ...unnamed.map(([name, value]) => Buffer.concat([Buffer.from([0x40]), text(name), text(value)])),
  ]);
  const count = literals.length + unnamed.length;
  // What was put there last is at 62, and names with a colon stand before others.
  const places = Array.from({ length: count }, (_, at) => 0x80 + 61 + count - at);
  return { first, others: Buffer.from([post, http, ...places]) };
}

/** One connection with a number of calls under way. */
class Connection {
  readonly #socket: Socket;
  readonly #sender: Sender;
  readonly #startedAtMs = new Map<number, number>();
  readonly #first: Buffer;
  readonly #others: Buffer;
  #rest: Buffer = Buffer.alloc(0);
  #out: Buffer[] = [];
  #nextStream = 1;
  #window = FIRST_WINDOW_BYTES;
  #idle: number;

  constructor(sender: Sender, { address, path, streams }: VariedLoad) {
    this.#sender = sender;
    this.#idle = streams;
    const { first, others } = headerBlocks(address, path);
    [this.#first, this.#others] = [first, others];
    const [host = "", port = ""] = address.split(":");
    this.#socket = connect({ host, port: Number(port), noDelay: true });
    this.#socket.on("data", (chunk: Buffer) => this.#read(chunk));
    this.#socket.on("error", (error) => sender.fail(error.message));
    this.#socket.on("end", () => sender.fail("the server has ended a connection"));
  }

  start(): void {
    const noPush = Buffer.from([0, 2, 0, 0, 0, 0]);
    const wide = Buffer.concat([Buffer.from([0, 4]), uint32(WINDOW_BYTES)]);
    this.#out.push(
      Buffer.from(PREFACE),
      frame(SETTINGS, 0, 0, Buffer.concat([noPush, wide])),
      frame(WINDOW_UPDATE, 0, 0, uint32(WINDOW_BYTES)),
    );
    this.#send();
  }

  close(): void {
    this.#socket.destroy();
  }

  /** As many calls as may be under way, all in one write. */
  #send(): void {
    while (this.#idle > 0 && this.#window >= this.#sender.bodyBytes && this.#sender.hasNext) {
      const body = this.#sender.next();
      const block = this.#nextStream === 1 ? this.#first : this.#others;
      this.#out.push(
        frame(HEADERS, END_HEADERS, this.#nextStream, block),
        frame(DATA, END_STREAM, this.#nextStream, body),
      );
      this.#window -= body.length;
      this.#idle--;
      this.#startedAtMs.set(this.#nextStream, performance.now());
      this.#nextStream += 2;
    }
    if (this.#out.length === 0) return;
    this.#socket.write(Buffer.concat(this.#out));
    this.#out = [];
  }

  #read(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (at + FRAME_BYTES <= bytes.length) {
      const end = at + FRAME_BYTES + bytes.readUIntBE(at, 3);
      if (end > bytes.length) break;
      const stream = bytes.readUInt32BE(at + 5);
      this.#take(bytes[at + 3] ?? 0, bytes[at + 4] ?? 0, stream, bytes.subarray(at + FRAME_BYTES, end));
      at = end;
    }
    this.#rest = bytes.subarray(at);
    this.#send();
  }

  #take(type: number, flags: number, stream: number, payload: Buffer): void {
    switch (type) {
      case DATA:
        if (payload.length > 0) this.#sender.noteAnswer(payload);
        break;
      case SETTINGS:
        if ((flags & ACK) === 0) this.#out.push(frame(SETTINGS, ACK, 0, Buffer.alloc(0)));
        break;
      case PING:
        if ((flags & ACK) === 0) this.#out.push(frame(PING, ACK, 0, payload));
        break;
      case WINDOW_UPDATE:
        if (stream === 0) this.#window += payload.readUInt32BE();
        break;
      case RST_STREAM:
      case GOAWAY:
        this.#sender.fail(
          `the server has refused: frame ${type} of stream ${stream}, ${payload.toString("hex")}`,
        );
        break;
    }
    if ((flags & END_STREAM) === 0 || (type !== HEADERS && type !== DATA)) return;
    const startedAtMs = this.#startedAtMs.get(stream) ?? Number.NaN;
    this.#startedAtMs.delete(stream);
    this.#idle++;
    this.#sender.noteEnd(performance.now() - startedAtMs);
  }
}

/** All connections, and what they have seen. */
class Sender {
  readonly bodyBytes: number;
  readonly #load: VariedLoad;
  readonly #body: Buffer;
  readonly #places: readonly number[];
  readonly #latenciesMs: number[] = [];
  readonly #answers = new Map<string, number>();
  readonly #done = Promise.withResolvers<undefined>();
  #sent = 0;
  #seed: number;

  constructor(load: VariedLoad) {
    this.#load = load;
    this.#seed = load.seed;
    this.#body = grpcFrame(Buffer.from(load.message, "base64"));
    this.bodyBytes = this.#body.length;
    const places: number[] = [];
    for (let at = this.#body.indexOf(load.place); at !== -1; at = this.#body.indexOf(load.place, at + 1))
      places.push(at);
    this.#places = places;
  }

  get hasNext(): boolean {
    return this.#sent < this.#load.requests;
  }

  /** The next body: each place has a number of its own, drawn evenly. */
  next(): Buffer {
    this.#sent++;
    const { place, values } = this.#load;
    for (const at of this.#places) {
      this.#seed = (Math.imul(this.#seed, 1_664_525) + 1_013_904_223) >>> 0;
      const value = Math.floor((this.#seed / 2 ** 32) * values);
      this.#body.write(String(value).padStart(place.length, "0"), at, "latin1");
    }
    return this.#body;
  }

  noteAnswer(payload: Buffer): void {
    const start = payload.toString("hex", GRPC_PREFIX_BYTES, GRPC_PREFIX_BYTES + 2);
    this.#answers.set(start, (this.#answers.get(start) ?? 0) + 1);
  }

  noteEnd(ms: number): void {
    this.#latenciesMs.push(ms);
    if (this.#latenciesMs.length === this.#load.requests) this.#done.resolve(undefined);
  }

  fail(reason: string): void {
    this.#done.reject(new Error(reason));
  }

  async run(): Promise<VariedSeen> {
    const connections = Array.from(
      { length: this.#load.connections },
      () => new Connection(this, this.#load),
    );
    const startMs = performance.now();
    for (const one of connections) one.start();
    await this.#done.promise;
    const seconds = (performance.now() - startMs) / 1_000;
    for (const one of connections) one.close();
    const sortedMs = Float64Array.from(this.#latenciesMs).sort();
    const percentile = (share: number): number =>
      sortedMs[Math.ceil(share * sortedMs.length) - 1] ?? Number.NaN;
    return {
      perSecond: this.#load.requests / seconds,
      p50Ms: percentile(0.5),
      p99Ms: percentile(0.99),
      answers: Object.fromEntries(this.#answers),
    };
  }
}

const seen = await new Sender(JSON.parse(process.argv[2] ?? "") as VariedLoad).run();
console.log(JSON.stringify(seen));
