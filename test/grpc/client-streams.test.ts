import assert from "node:assert/strict";
import { status, type Client } from "@grpc/grpc-js";
import type { GrpcService } from "../../src/grpc/calls.ts";
import type { ClientStream, StreamEnd } from "../../src/grpc/client-streams.ts";
import { until } from "../support/until.ts";
import { call, ownServers } from "./client.ts";
import { codeOf, FINISHED, openStream, type Sending } from "./stream.ts";

const STREAM = "/weir.test.Logs/Stream";
const CALL = "/weir.test.Logs/Call";

/** What one stream was told. */
interface Heard {
  readonly messages: Buffer[];
  ends: number;
  because: StreamEnd | undefined;
  readonly stream: ClientStream;
}

/** A service that writes down what it hears; a message that begins with `!` throws. */
function logs(heard: Heard[]): GrpcService[] {
  return [
    {
      name: "weir.test.Logs",
      operation: "report",
      methods: { Call: (request) => request },
      streams: {
        Stream: (stream) => {
          const one: Heard = { messages: [], ends: 0, because: undefined, stream };
          heard.push(one);
          return {
            message: (bytes) => {
              if (bytes.toString().startsWith("!")) throw new Error("secret");
              one.messages.push(bytes);
            },
            end: (because) => {
              one.ends++;
              one.because = because;
            },
          };
        },
      },
    },
  ];
}

const open = (client: Client): Sending => openStream(client, STREAM);

const empty = FINISHED;

describe("client streams", () => {
  const { start, client } = ownServers();

  it("hands over each message in order and answers the end with the empty response", async () => {
    const heard: Heard[] = [];
    const { call: sending, outcome } = open(client(await start({ services: logs(heard) })));
    const sent = Array.from({ length: 300 }, (_, index) => Buffer.from(`message ${index}`));
    for (const bytes of sent) sending.write(bytes);
    sending.end();
    assert.deepEqual(await outcome, empty);
    assert.deepEqual(heard[0]?.messages, sent);
    assert.equal(heard[0].ends, 1);
  });

  it("takes messages far above what a unary call may send, and bounds both", async () => {
    const heard: Heard[] = [];
    const streamBounds = { maxMessageBytes: 8 * 1024 * 1024 };
    const server = await start({ services: logs(heard), maxMessageBytes: 100, streamBounds });
    const caller = client(server);
    const large = open(caller);
    large.call.write(Buffer.alloc(6 * 1024 * 1024));
    const tooLarge = open(caller);
    tooLarge.call.write(Buffer.alloc(9 * 1024 * 1024));
    assert.equal(codeOf(await tooLarge.outcome), status.RESOURCE_EXHAUSTED);
    await until(() => heard.some(({ messages }) => messages.length === 1), { what: "the large message" });
    large.call.write(Buffer.from("still here"));
    large.call.end();
    assert.deepEqual(await large.outcome, empty);
    assert.deepEqual(
      heard[0]?.messages.map(({ length }) => length),
      [6 * 1024 * 1024, 10],
    );
    await until(() => heard[1]?.ends === 1, { what: "the end to be told" });
    assert.deepEqual(
      heard.map(({ because }) => because),
      ["over", "too large"],
    );
    assert.equal(codeOf(await call(caller, CALL, Buffer.alloc(101))), status.RESOURCE_EXHAUSTED);
    assert.equal(codeOf(await call(caller, CALL, Buffer.alloc(100))), status.OK);
  });

  it("tells the end of a stream when its client cancels or goes away", async () => {
    const heard: Heard[] = [];
    const server = await start({ services: logs(heard) });
    const leaving = client(server);
    const streams = [open(client(server)), open(leaving)];
    for (const { call: sending } of streams) sending.write(Buffer.from("one"));
    await until(() => heard.length === 2 && heard.every(({ messages }) => messages.length === 1), {
      what: "both messages",
    });
    streams[0]?.call.cancel();
    leaving.close();
    streams[1]?.call.cancel();
    await until(() => heard.every(({ ends }) => ends === 1), { what: "both ends" });
  });

  it("answers INTERNAL when a reader throws, tells of it, and lets others live", async () => {
    const heard: Heard[] = [];
    const told: string[] = [];
    const onError = (error: unknown, method: string): void => void told.push(`${method}: ${String(error)}`);
    const caller = client(await start({ services: logs(heard), onError }));
    const failing = open(caller);
    const other = open(caller);
    failing.call.write(Buffer.from("!"));
    assert.deepEqual(await failing.outcome, { code: status.INTERNAL, details: "internal error" });
    assert.deepEqual(told, ["weir.test.Logs/Stream: Error: secret"]);
    other.call.end(Buffer.from("fine"));
    assert.deepEqual(await other.outcome, empty);
  });

  it("refuses callers whose certificate may not report", async () => {
    const heard: Heard[] = [];
    const refused: string[] = [];
    const server = await start({
      services: logs(heard),
      rules: { allow: [] },
      onRefused: (_caller, method) => refused.push(method),
    });
    const { call: sending, outcome } = open(client(server));
    sending.write(Buffer.alloc(1_000_000));
    assert.equal(codeOf(await outcome), status.PERMISSION_DENIED);
    assert.deepEqual([refused, heard], [["weir.test.Logs/Stream"], []]);
  });

  it("finishes old streams with OK, each at a time of its own", async () => {
    const heard: Heard[] = [];
    const server = await start({ services: logs(heard), streamBounds: { maxAgeMs: 50 } });
    const caller = client(server);
    const outcomes = await Promise.all([1, 2, 3].map(() => open(caller).outcome));
    assert.deepEqual(outcomes, [empty, empty, empty]);
    assert.deepEqual(
      heard.map(({ ends }) => ends),
      [1, 1, 1],
    );
  });

  it("finishes a stream when its reader has had enough, and drops what comes after", async () => {
    const heard: Heard[] = [];
    const { call: sending, outcome } = open(client(await start({ services: logs(heard) })));
    sending.write(Buffer.from("one"));
    const [one] = await until(
      () => (heard.some(({ messages }) => messages.length === 1) ? heard : undefined),
      { what: "it" },
    );
    one?.stream.finish();
    one?.stream.finish();
    sending.write(Buffer.from("two"));
    assert.deepEqual(await outcome, empty);
    assert.deepEqual(one?.ends, 1);
    assert.equal(one.messages.length, 1);
  });

  it("leaves calls their room beside streams, and refuses a stream too many", async () => {
    const heard: Heard[] = [];
    const server = await start({
      services: logs(heard),
      maxConcurrentCalls: 2,
      streamBounds: { maxPerConnection: 3 },
    });
    const caller = client(server);
    const streams = [1, 2, 3].map(() => open(caller));
    for (const { call: sending } of streams) sending.write(Buffer.from("begun"));
    await until(() => heard.length === 3, { what: "three streams" });
    assert.equal(codeOf(await open(caller).outcome), status.RESOURCE_EXHAUSTED);
    assert.equal(codeOf(await call(caller, CALL, Buffer.from("x"))), status.OK);
    streams[0]?.call.end();
    await streams[0]?.outcome;
    const next = open(caller);
    next.call.end();
    assert.deepEqual(await next.outcome, empty);
  });

  it("finishes endless streams with OK when the server drains", async () => {
    const heard: Heard[] = [];
    const server = await start({ services: logs(heard) });
    const streams = [1, 2, 3].map(() => open(client(server)));
    for (const { call: sending } of streams) sending.write(Buffer.from("begun"));
    await until(() => heard.length === 3, { what: "three streams" });
    const drained = server.drain(60_000);
    assert.deepEqual(await Promise.all(streams.map(({ outcome }) => outcome)), [empty, empty, empty]);
    await drained;
    assert.deepEqual(
      heard.map(({ ends }) => ends),
      [1, 1, 1],
    );
  });
});
