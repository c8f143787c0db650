import assert from "node:assert/strict";
import fc from "fast-check";
import { NO_ENTRY, type EntryFacts } from "../../src/attributes/entry-facts.ts";
import { readEntries } from "../../src/report/attributes.ts";
import { Connections, type Counted, type Keeping } from "../../src/report/connections.ts";
import { encodeMessage, grpcStatsAny, socket, type DescribedHttp, type DescribedTcp } from "./encode.ts";

const NOW_MS = 1_780_000_000_000;

/** Numbers of envoy.data.accesslog.v3.AccessLogType. */
const TYPES = {
  NotSet: 0,
  TcpUpstreamConnected: 1,
  TcpPeriodic: 2,
  TcpConnectionEnd: 3,
  DownstreamStart: 4,
  DownstreamPeriodic: 5,
  DownstreamEnd: 6,
  UpstreamPoolReady: 7,
  UpstreamPeriodic: 8,
  UpstreamEnd: 9,
  DownstreamTunnelSuccessfullyEstablished: 10,
  UdpTunnelUpstreamConnected: 11,
  UdpPeriodic: 12,
  UdpSessionEnd: 13,
  TcpConnectionStart: 14,
} as const;
type Type = keyof typeof TYPES;

/** A table of connections that remembers what it was told. */
function counter(keeping: Partial<Keeping> = {}) {
  const told = { expired: 0, full: 0 };
  const connections = new Connections({
    most: 100,
    idleMs: 60_000,
    onExpired: () => told.expired++,
    onFull: () => told.full++,
    ...keeping,
  });
  return { connections, told };
}

const tcp = (type: Type, receivedBytes = 0, sentBytes = 0, more: Partial<EntryFacts> = {}): EntryFacts => ({
  ...NO_ENTRY,
  accessLogType: TYPES[type],
  streamId: "c1",
  startedAtMs: 5,
  connectionBytes: { sent: sentBytes, received: receivedBytes },
  ...more,
});

/** Of the entry as it comes from the wire. */
function http(type: Type, messages?: readonly [number, number], more: DescribedHttp = {}): EntryFacts {
  const entry: DescribedHttp = {
    commonProperties: {
      streamId: "r1",
      accessLogType: TYPES[type],
      filterStateObjects: new Map(
        messages === undefined ? [] : [["envoy.filters.http.grpc_stats", grpcStatsAny(...messages)]],
      ),
      ...more.commonProperties,
    },
    request: { requestMethod: 1 },
  };
  const [found] = readEntries(encodeMessage({ http: [entry] }), undefined).entries;
  return found ?? assert.fail();
}

/** What becomes of entries, one after the other, in few words: `+` opened, `-` closed, then bytes received and sent. */
function story(entries: readonly EntryFacts[], { connections } = counter()): readonly string[] {
  return entries.map((entry) => words(connections.count(entry, NOW_MS)));
}

function words({ request, connection, messages }: Counted): string {
  if (connection === undefined)
    return messages === undefined ? request : `${request} ${messages.request}/${messages.response}`;
  const { opened, closed, receivedBytes, sentBytes } = connection;
  assert.equal(request, "none");
  return `${opened ? "+" : ""}${closed ? "-" : ""} ${receivedBytes}/${sentBytes}`;
}

describe("what counts of requests", () => {
  const rows: readonly (readonly [Type, Counted["request"]])[] = [
    ["NotSet", "finished"],
    ["DownstreamEnd", "finished"],
    ["DownstreamStart", "begun"],
    ["DownstreamPeriodic", "goes-on"],
    ["DownstreamTunnelSuccessfullyEstablished", "begun"],
    ["UpstreamPoolReady", "attempt"],
    ["UpstreamPeriodic", "attempt"],
    ["UpstreamEnd", "attempt"],
  ];
  for (const [type, expected] of rows) {
    it(`is ${expected} of ${type}`, () => assert.deepEqual(story([http(type)]), [expected]));
  }

  it("is one request, however many entries tell of it", () => {
    const types: readonly Type[] = [
      ...(["DownstreamStart", "UpstreamPoolReady", "DownstreamPeriodic", "DownstreamPeriodic"] as const),
      ...(["UpstreamEnd", "DownstreamEnd"] as const),
    ];
    const told = story(types.map((type) => http(type)));
    assert.equal(told.filter((one) => one === "finished").length, 1);
  });

  it("is nothing of an intermediate entry of an old Envoy", () => {
    const entry = http("NotSet", undefined, { commonProperties: { intermediateLogEntry: true } });
    assert.deepEqual(story([entry]), ["goes-on"]);
    assert.deepEqual(story([tcp("NotSet", 5, 5, { isIntermediate: true })]), ["+ 5/5"]);
  });

  it("is nothing of a type that is not known, nor of what a logger of connections tells of a request", () => {
    assert.deepEqual(story([{ ...http("NotSet"), accessLogType: 99, kind: "http" }]), ["none"]);
    assert.deepEqual(story([tcp("DownstreamEnd")]), ["none"]);
  });

  it("is each gRPC message once", () => {
    const calls = [
      http("DownstreamPeriodic", [2, 5]),
      http("DownstreamPeriodic", [3, 9]),
      http("DownstreamEnd", [3, 12]),
    ];
    const { connections } = counter();
    assert.deepEqual(story(calls, { connections, told: { expired: 0, full: 0 } }), [
      "goes-on 2/5",
      "goes-on 1/4",
      "finished 0/3",
    ]);
    assert.equal(connections.size, 0);
    assert.deepEqual(story([http("DownstreamEnd", [3, 12])]), ["finished 3/12"]);
  });

  it("keeps apart requests that pass on one id, which began at different times", () => {
    const at = (seconds: bigint) => ({ commonProperties: { startTime: { seconds, nanos: 0 } } });
    const told = story([
      http("DownstreamPeriodic", [2, 2], at(1n)),
      http("DownstreamPeriodic", [7, 7], at(2n)),
      http("DownstreamEnd", [3, 3], at(1n)),
    ]);
    assert.deepEqual(told, ["goes-on 2/2", "goes-on 7/7", "finished 1/1"]);
  });
});

describe("what counts of connections", () => {
  const stories: Readonly<Record<string, readonly (readonly [EntryFacts, string])[]>> = {
    "once, from the start over the upstream to the end": [
      [tcp("TcpConnectionStart"), "+ 0/0"],
      [tcp("TcpUpstreamConnected"), " 0/0"],
      [tcp("TcpPeriodic", 100, 200), " 100/200"],
      [tcp("TcpPeriodic", 150, 260), " 50/60"],
      [tcp("TcpConnectionEnd", 180, 300), "- 30/40"],
    ],
    "where only the end is logged": [[tcp("TcpConnectionEnd", 180, 300), "+- 180/300"]],
    "where the start was lost": [
      [tcp("TcpPeriodic", 100, 200), "+ 100/200"],
      [tcp("TcpConnectionEnd", 180, 300), "- 80/100"],
    ],
    "of sessions of UDP": [
      [tcp("UdpTunnelUpstreamConnected"), "+ 0/0"],
      [tcp("UdpPeriodic", 10, 20), " 10/20"],
      [tcp("UdpSessionEnd", 11, 21), "- 1/1"],
    ],
    "of Envoys that tell no type": [
      [tcp("NotSet", 10, 20, { isIntermediate: true }), "+ 10/20"],
      [tcp("NotSet", 11, 21), "- 1/1"],
    ],
    "never less than nothing, where entries change places": [
      [tcp("TcpPeriodic", 150, 260), "+ 150/260"],
      [tcp("TcpPeriodic", 100, 200), " 0/0"],
      [tcp("TcpConnectionEnd", 180, 300), "- 30/40"],
    ],
    "apart, by stream and by who logs": [
      [tcp("TcpPeriodic", 1, 1), "+ 1/1"],
      [tcp("TcpPeriodic", 2, 2, { streamId: "c2" }), "+ 2/2"],
      [tcp("TcpPeriodic", 3, 3, { origin: { ...NO_ENTRY.origin, nodeId: "b" } }), "+ 3/3"],
      [tcp("TcpPeriodic", 4, 4, { origin: { ...NO_ENTRY.origin, logName: "b" } }), "+ 4/4"],
      [tcp("TcpPeriodic", 5, 5), " 4/4"],
    ],
    "by the caller's address where they have no id": [
      [
        tcp("TcpPeriodic", 1, 1, { streamId: "", address: () => ({ address: "10.0.0.1", port: 1 }) }),
        "+ 1/1",
      ],
      [
        tcp("TcpPeriodic", 1, 1, { streamId: "", address: () => ({ address: "10.0.0.1", port: 2 }) }),
        "+ 1/1",
      ],
      [
        tcp("TcpConnectionEnd", 3, 3, { streamId: "", address: () => ({ address: "10.0.0.1", port: 1 }) }),
        "- 2/2",
      ],
    ],
    "at their end, where nothing tells them apart": [
      [tcp("TcpConnectionStart", 0, 0, { streamId: "" }), " 0/0"],
      [tcp("TcpPeriodic", 100, 200, { streamId: "" }), " 0/0"],
      [tcp("TcpConnectionEnd", 180, 300, { streamId: "" }), "+- 180/300"],
    ],
    "by bytes on the wire, where those alone are told": [
      [tcp("TcpPeriodic", 0, 0, { downstreamBytes: { sent: 7, received: 5 } }), "+ 5/7"],
    ],
  };
  for (const [name, entries] of Object.entries(stories)) {
    it(name, () => {
      assert.deepEqual(
        story(entries.map(([entry]) => entry)),
        entries.map(([, expected]) => expected),
      );
    });
  }

  it("is the same from the wire, and of what a logger of HTTP tells", () => {
    const entry: DescribedTcp = {
      commonProperties: { accessLogType: 3, downstreamRemoteAddress: socket("10.0.0.1", 1) },
      connectionProperties: { receivedBytes: 1n, sentBytes: 2n },
    };
    const wire: DescribedHttp = {
      commonProperties: { accessLogType: 3, downstreamWireBytesSent: 3n },
      request: {},
    };
    const { entries } = readEntries(encodeMessage({ http: [wire], tcp: [entry] }), undefined);
    assert.deepEqual(story(entries), ["+- 0/3", "+- 1/2"]);
  });

  it("is what a simple model says, whatever comes", () => {
    const types = ["TcpConnectionStart", "TcpUpstreamConnected", "TcpPeriodic", "TcpConnectionEnd"] as const;
    const event = fc.record({
      stream: fc.constantFrom("a", "b", "c"),
      type: fc.constantFrom(...types),
      received: fc.nat(1_000),
      sent: fc.nat(1_000),
    });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), (events) => {
        const { connections } = counter();
        const model = new Map<string, { received: number; sent: number }>();
        for (const { stream, type, received, sent } of events) {
          const { connection } = connections.count(tcp(type, received, sent, { streamId: stream }), NOW_MS);
          const known = model.get(stream) ?? { received: 0, sent: 0 };
          const isBeginning = type === "TcpConnectionStart" || type === "TcpUpstreamConnected";
          const reached = isBeginning
            ? known
            : { received: Math.max(known.received, received), sent: Math.max(known.sent, sent) };
          assert.deepEqual(connection, {
            opened: !model.has(stream),
            closed: type === "TcpConnectionEnd",
            receivedBytes: reached.received - known.received,
            sentBytes: reached.sent - known.sent,
          });
          if (type === "TcpConnectionEnd") model.delete(stream);
          else model.set(stream, reached);
          assert.equal(connections.size, model.size);
        }
      }),
    );
  });
});

describe("what is kept of connections", () => {
  it("is forgotten, and that counted, when no entry has told of one for long", () => {
    const { connections, told } = counter({ idleMs: 60_000 });
    const at = (ms: number, streamId: string) =>
      connections.count(tcp("TcpPeriodic", 5, 5, { streamId }), NOW_MS + ms);
    at(0, "old");
    at(0, "young");
    at(50_000, "young");
    at(61_000, "new");
    assert.deepEqual([connections.size, told.expired], [2, 1]);
    assert.equal(at(61_001, "young").connection?.opened, false);
    assert.equal(at(61_002, "old").connection?.opened, true);
  });

  it("is bounded: what has no room counts when it ends, or when there is room, and never twice", () => {
    const { connections, told } = counter({ most: 1 });
    const count = (type: Type, bytes: number, streamId: string) =>
      words(connections.count(tcp(type, bytes, bytes, { streamId }), NOW_MS));
    assert.equal(count("TcpPeriodic", 1, "a"), "+ 1/1");
    assert.equal(count("TcpConnectionStart", 0, "b"), " 0/0");
    assert.equal(count("TcpPeriodic", 10, "b"), " 0/0");
    assert.equal(count("TcpPeriodic", 10, "c"), " 0/0");
    assert.equal(told.full, 3);
    assert.equal(count("TcpConnectionEnd", 20, "c"), "+- 20/20");
    assert.equal(count("TcpConnectionEnd", 2, "a"), "- 1/1");
    assert.equal(count("TcpPeriodic", 15, "b"), "+ 15/15");
    assert.equal(count("TcpConnectionEnd", 16, "b"), "- 1/1");
    assert.equal(connections.size, 0);
  });

  it("is nothing of requests without messages", () => {
    const { connections } = counter();
    for (const type of Object.keys(TYPES) as Type[])
      if (/^(?:Down|Up)stream/.test(type)) connections.count(http(type), NOW_MS);
    assert.equal(connections.size, 0);
  });
});
