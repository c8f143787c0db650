import assert from "node:assert/strict";
import type { Client } from "@grpc/grpc-js";
import fc from "fast-check";
import type { Delivery } from "../../src/adapter/report.ts";
import type { GrpcService } from "../../src/grpc/calls.ts";
import { AccessLogType } from "../../src/wire/envoy/data/accesslog/v3/accesslog.ts";
import { ownServers } from "../grpc/client.ts";
import { FINISHED, openStream, type Sending } from "../grpc/stream.ts";
import { until } from "../support/until.ts";
import { encodeMessage, struct, time, type DescribedHttp, type DescribedMessage } from "./encode.ts";
import { inboundRequest, SIDECAR } from "./entries.ts";
import { recordOf, testReports, type TestReports } from "./fixture-service.ts";

const STREAM = "/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs";
const IDENTIFIER = { ...SIDECAR };
const delivered: Delivery = { kind: "delivered" };

const services = ({ service }: TestReports): readonly GrpcService[] => [
  {
    name: "envoy.service.accesslog.v3.AccessLogService",
    operation: "report",
    methods: {},
    streams: { StreamAccessLogs: (stream) => service.open(stream) },
  },
];

const finished = (streamId: string, more: DescribedHttp = {}): DescribedHttp => ({
  commonProperties: { streamId, duration: time(5), accessLogType: 6, startTime: time(Date.now()) },
  request: { requestMethod: 1 },
  response: {},
  ...more,
});

const balanced = ({ account }: TestReports): void => {
  for (const [name, one] of account.handlers) assert.equal(account.imbalance(one), 0, name);
};

describe("the report service", () => {
  const { start, client } = ownServers();
  const open = (of: Client): Sending => openStream(of, STREAM);
  const send = ({ call }: Sending, message: DescribedMessage): void => {
    call.write(encodeMessage(message));
  };
  const received = (reports: TestReports, count: number): Promise<unknown> =>
    until(() => reports.account.received.sum === count, { what: `${count} entries` });

  it("knows the Envoy of every entry of a stream by the first message", async () => {
    const nodes: string[] = [];
    const reports = testReports({
      handlers: { a: () => delivered },
      decide: (entry) => {
        nodes.push(`${entry.facts.origin.nodeId} ${entry.facts.origin.logName}`);
        return [];
      },
    });
    const caller = client(await start({ services: [...services(reports)] }));
    const [named, unnamed] = [open(caller), open(caller)];
    send(named, { identifier: { id: "A", logName: "L" }, http: [finished("1")] });
    send(named, { http: [finished("2"), finished("3")] });
    await received(reports, 3);
    send(unnamed, { http: [finished("4")] });
    await received(reports, 4);
    assert.deepEqual(nodes, ["A L", "A L", "A L", " "]);
    assert.equal(reports.account.unwanted, 4);
    assert.deepEqual(reports.account.received.entries(), [[["als_http"], 4]]);
  });

  it("counts what is no entry by its reason, and goes on with the rest and the stream", async () => {
    const reports = testReports({ handlers: { a: () => delivered } });
    const stream = open(client(await start({ services: [...services(reports)] })));
    send(stream, { identifier: IDENTIFIER });
    send(stream, { http: [finished("1"), { request: { requestMethod: 1 } }, finished("2")] });
    stream.call.write(Buffer.from([0x12, 0xff, 0x01]));
    send(stream, { http: [finished("3")] });
    stream.call.end();
    assert.deepEqual(await stream.outcome, FINISHED);
    await until(() => reports.given("a").length === 3, { what: "the good entries" });
    const invalid = Object.fromEntries(
      reports.account.invalid.entries().map(([[, reason], count]) => [reason, count]),
    );
    assert.deepEqual(invalid, { empty_message: 1, no_common_properties: 1, malformed: 1 });
    assert.deepEqual(reports.given("a"), ["1", "2", "3"]);
    balanced(reports);
  });

  it("has a stream for each worker: when one dies, the others go on, and nothing counts twice", async () => {
    const reports = testReports({ handlers: { a: () => delivered } });
    const server = await start({ services: [...services(reports)] });
    const streams = Array.from({ length: 8 }, () => open(client(server)));
    for (const [index, stream] of streams.entries())
      send(stream, { identifier: IDENTIFIER, http: [finished(`first ${index}`)] });
    await received(reports, 8);
    assert.deepEqual([reports.account.streams.of("als_http"), reports.account.streams.of("als")], [8, 0]);
    streams[3]?.call.cancel();
    await until(() => reports.account.streams.sum === 7, { what: "seven streams" });
    for (const [index, stream] of streams.entries())
      if (index !== 3) send(stream, { http: [finished(`second ${index}`)] });
    await received(reports, 15);
    await until(() => reports.given("a").length === 15, { what: "all records" });
    assert.equal(new Set(reports.given("a")).size, 15);
    balanced(reports);
  });

  it("loses nothing but the message that a stream was cut in", async () => {
    const reports = testReports({ handlers: { a: () => delivered } });
    const server = await start({ services: [...services(reports)] });
    const stream = open(client(server));
    send(stream, { identifier: IDENTIFIER, http: [finished("1")] });
    await received(reports, 1);
    stream.call.write(
      encodeMessage({ http: Array.from({ length: 5_000 }, (_, one) => inboundRequest(one)) }),
    );
    stream.call.cancel();
    await until(() => reports.account.streams.sum === 0, { what: "the end of the stream" });
    const next = open(client(server));
    send(next, { identifier: IDENTIFIER, tcp: [{ commonProperties: { streamId: "c", accessLogType: 3 } }] });
    await until(() => reports.account.received.of("als_tcp") === 1, { what: "the next stream" });
    assert.deepEqual([reports.account.received.sum, reports.account.streams.of("als_tcp")], [2, 1]);
  });

  it("keeps a slow handler from its streams and from a fast one", async () => {
    const reports = testReports({
      handlers: { fast: () => delivered, slow: () => new Promise(() => undefined) },
      settings: { capacity: 50, batch: 10, deadlineMs: 60_000 },
    });
    const stream = open(client(await start({ services: [...services(reports)] })));
    for (let message = 0; message < 20; message++)
      send(stream, { http: Array.from({ length: 10 }, (_, one) => finished(`${message}.${one}`)) });
    await received(reports, 200);
    assert.equal(reports.given("fast").length, 200);
    const slow = reports.account.of("slow");
    assert.deepEqual([slow.queued.count, slow.dropped.of("queue_full")], [50, 150]);
    balanced(reports);
    await reports.close(0);
    assert.deepEqual([slow.queued.count, slow.dropped.of("shutdown")], [0, 50]);
    balanced(reports);
  });

  it("takes a message of several megabytes in slices", async () => {
    const reports = testReports({ handlers: { a: () => delivered } });
    const server = await start({ services: [...services(reports)] });
    const large = encodeMessage({
      identifier: IDENTIFIER,
      http: Array.from({ length: 4_200 }, (_, one) => inboundRequest(one)),
    });
    assert.ok(large.length > 5 * 1024 * 1024, `${large.length} bytes`);
    const slices: number[] = [];
    let turns = 0;
    const count = (): void => {
      turns++;
      if (reports.account.received.sum < 4_200) setImmediate(count);
    };
    const stream = open(client(server));
    stream.call.write(large);
    await until(() => reports.account.received.sum > 0, { what: "the first entries" });
    slices.push(reports.account.received.sum);
    count();
    await received(reports, 4_200);
    assert.ok(slices[0] !== undefined && slices[0] < 4_200, "not all at once");
    assert.ok(turns > 3, `${turns} turns of the loop`);
    balanced(reports);
  });

  it("sheds, and counts, what there is no room for, and still learns who sends it", async () => {
    const nodes = new Set<string>();
    const reports = testReports({
      handlers: { a: () => delivered },
      maxWaitingBytes: 2_000,
      decide: (entry) => {
        nodes.add(entry.facts.origin.nodeId);
        return [{ handler: "a", outcome: recordOf(entry.facts.streamId) }];
      },
    });
    const first = reports.service.open({ caller: NOBODY });
    const second = reports.service.open({ caller: NOBODY });
    const many = Array.from({ length: 30 }, (_, one) => inboundRequest(one));
    first.message(encodeMessage({ http: many }));
    second.message(encodeMessage({ identifier: { id: "B" }, http: many }));
    assert.deepEqual(reports.account.shed.entries(), [[["als_http"], 30]]);
    await reports.service.emptied();
    second.message(encodeMessage({ http: [finished("late")] }));
    await reports.service.emptied();
    assert.deepEqual([...nodes], ["", "B"]);
    assert.equal(reports.account.received.sum, 61);
    balanced(reports);
  });

  it("counts an exception and goes on", async () => {
    const reports = testReports({
      handlers: { a: () => delivered },
      decide: (entry) => {
        if (entry.facts.streamId === "bad") throw new Error("a bug");
        return [{ handler: "a", outcome: recordOf(entry.facts.streamId) }];
      },
    });
    const stream = reports.service.open({ caller: NOBODY });
    stream.message(encodeMessage({ http: [finished("1"), finished("bad"), finished("2")] }));
    await reports.service.emptied();
    assert.deepEqual(reports.account.invalid.entries(), [[["als_http", "internal"], 1]]);
    assert.equal(reports.errors.length, 1);
    assert.equal(reports.account.of("a").wanted, 2);
    balanced(reports);
  });

  it("settles costs by the one entry that ends a request", async () => {
    const reports = testReports({ handlers: {} });
    const stream = reports.service.open({ caller: NOBODY });
    const weir = struct({
      weir: new Map([
        ["decision", "d_1"],
        ["settle", "one two"],
      ]),
    });
    const filterMetadata = new Map([["envoy.filters.http.ext_authz", weir]]);
    const entry = (accessLogType: AccessLogType): DescribedHttp => ({
      commonProperties: { streamId: "s", accessLogType, duration: time(5), metadata: { filterMetadata } },
      request: {},
      response: {},
    });
    for (const type of MOMENTS) stream.message(encodeMessage({ http: [entry(type)] }));
    await reports.service.emptied();
    assert.deepEqual(reports.settled, ["one", "two"]);
  });

  it("counts entries of Envoys whose clocks differ", async () => {
    const reports = testReports({ handlers: {} });
    const stream = reports.service.open({ caller: NOBODY });
    const began = (ms: number): DescribedHttp => finished("s", { commonProperties: { startTime: time(ms) } });
    const minute = 60_000;
    const http = [-10, 0, 10, 4, -4].map((minutes) => began(Date.now() + minutes * minute));
    stream.message(encodeMessage({ http: [...http, finished("none", { commonProperties: {} })] }));
    await reports.service.emptied();
    assert.deepEqual([reports.account.skewed.of("past"), reports.account.skewed.of("future")], [1, 1]);
  });

  it("accounts for every entry under any load, with handlers of every kind, to the end", async () => {
    const manners = fc.constantFrom<"at once" | "later" | "refuses" | "fails" | "throws" | "hangs">(
      ...(["at once", "later", "refuses", "fails", "throws", "hangs"] as const),
    );
    const sample = fc.record({
      manners: fc.array(manners, { minLength: 1, maxLength: 4 }),
      capacity: fc.integer({ min: 1, max: 60 }),
      maxWaitingBytes: fc.constantFrom(500, 5_000, 1_000_000),
      messages: fc.array(
        fc.array(fc.constantFrom("good", "bad", "unwanted", "twice", "sampled"), { maxLength: 20 }),
        {
          maxLength: 15,
        },
      ),
      drainMs: fc.constantFrom(0, 30),
    });
    await fc.assert(
      fc.asyncProperty(sample, async ({ manners: of, capacity, maxWaitingBytes, messages, drainMs }) => {
        const handlers = Object.fromEntries(of.map((manner, index) => [`h${index}`, MANNERS[manner]]));
        const names = Object.keys(handlers);
        const reports = testReports({
          handlers,
          maxWaitingBytes,
          settings: { capacity, batch: Math.min(5, capacity), waitMs: 1, deadlineMs: 20 },
          decide: ({ facts: { streamId } }) => {
            if (streamId === "unwanted") return [];
            const outcome = streamId === "sampled" ? "sampled-out" : recordOf(streamId);
            const once = names.map((handler) => ({ handler, outcome }) as const);
            return streamId === "twice" ? [...once, ...once.slice(1)] : once;
          },
        });
        const stream = reports.service.open({ caller: NOBODY });
        for (const [index, message] of messages.entries()) {
          const http = message.map((one) => (one === "bad" ? {} : finished(one)));
          stream.message(encodeMessage({ http }));
          if (index % 4 === 3) await reports.service.emptied();
          balanced(reports);
        }
        await reports.service.emptied();
        balanced(reports);
        await reports.close(drainMs);
        balanced(reports);
        const sent = messages.reduce((sum, { length }) => sum + Math.max(1, length), 0);
        assert.equal(reports.account.received.sum, sent);
        for (const one of reports.account.handlers.values()) assert.equal(one.queued.count, 0);
      }),
      { numRuns: 60 },
    );
  });
});

const MOMENTS = [
  AccessLogType.DownstreamStart,
  AccessLogType.DownstreamPeriodic,
  AccessLogType.DownstreamEnd,
];

const NOBODY = { principal: undefined, listenerRole: undefined, mayAsk: () => true };

const MANNERS = {
  "at once": () => delivered,
  later: () => Promise.resolve(delivered),
  refuses: () => ({ kind: "refused", dropped: 1, reason: "no" }),
  fails: () => ({ kind: "retry", reason: "away" }),
  throws: () => {
    throw new Error("broken");
  },
  hangs: () => new Promise<Delivery>(() => undefined),
} as const satisfies Record<string, () => Delivery | Promise<Delivery>>;
