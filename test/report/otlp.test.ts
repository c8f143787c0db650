import assert from "node:assert/strict";
import fc from "fast-check";
import type { EntryFacts } from "../../src/attributes/entry-facts.ts";
import { exportResponse, OtlpReader, whyRejected } from "../../src/report/otlp.ts";
import { ExportLogsServiceResponse } from "../../src/wire/opentelemetry/proto/collector/logs/v1/logs_service.ts";
import { attributesOf, exportOf } from "./otlp-records.ts";

const only = (message: Buffer): EntryFacts => {
  const { entries, invalid } = new OtlpReader().read(message);
  assert.deepEqual([entries.length, invalid], [1, []]);
  return entries[0] ?? assert.fail("there is no entry");
};

const ENVOY = { log_name: "mesh-in", node_name: "sidecar~10.0.0.1", cluster_name: "orders" };

describe("entries that come as records of OpenTelemetry", () => {
  it("say of a request what Envoy writes", () => {
    const entry = only(
      exportOf(ENVOY, {
        timeNanos: 1_700_000_000_123_456_789n,
        attributes: {
          ...attributesOf({
            accessLogType: "DownstreamEnd",
            streamId: "4b1a",
            durationMs: "12",
            method: "PURGE",
            host: "orders.example.com:443",
            path: "/orders/7?x=1",
            protocol: "HTTP/2",
            userAgent: "curl/8",
            responseCode: "503",
            responseFlags: "UH,URX",
            responseCodeDetails: "no healthy upstream",
            downstreamDirectRemote: "[2001:db8::1]:4711",
            downstreamLocal: "10.0.0.1:8080",
            upstreamRemote: "-",
            upstreamCluster: "inbound|8080||",
            downstreamWireSent: "300",
            downstreamWireReceived: "180",
            peerUris: "spiffe://cluster.local/ns/shop/sa/web",
            tlsVersion: "TLSv1.3",
            requestBodyBytes: "5",
          }),
          "timing.first_upstream_tx_byte_ns": "1500000",
          "request.headers.content-type": "application/grpc",
          "response.trailers.grpc-status": "14",
          "custom_tags.up.san": "-",
          "custom_tags.trace": "4bf9",
          "metadata.envoy.filters.http.ext_authz":
            '{"weir":{"decision":"d_1","verdict":"allow","policy":"orders","rule":"owner"}}',
          "filter_state.downstream_peer": '{"namespace":"shop"}',
        },
      }),
    );
    assert.deepEqual(
      {
        kind: entry.kind,
        origin: entry.origin,
        type: entry.accessLogType,
        started: entry.startedAtMs,
        duration: entry.durationMs,
        first: entry.timing("first_upstream_tx_byte"),
        last: entry.timing("last_upstream_tx_byte"),
        method: entry.request?.method,
        path: entry.request?.path,
        size: entry.request?.sizeBytes,
        headers: entry.request?.headers().joined,
        code: entry.responseCode,
        flags: entry.responseFlags,
        source: entry.source,
        upstream: entry.address("upstream_remote"),
        bytes: entry.downstreamBytes,
        tls: entry.tls()?.version,
        grpc: [entry.requestHeader("content-type"), entry.responseTrailer("grpc-status")],
        tags: entry.customTags(),
        decision: entry.decision()?.rule,
        peer: entry.filterState(),
      },
      {
        kind: "http",
        origin: {
          via: "otlp",
          logName: "mesh-in",
          nodeId: "sidecar~10.0.0.1",
          nodeCluster: "orders",
          nodeMetadata: new Map(),
        },
        type: 6,
        started: 1_700_000_000_123.456,
        duration: 12,
        first: 1.5,
        last: undefined,
        method: "PURGE",
        path: "/orders/7?x=1",
        size: 5n,
        headers: new Map([
          [":method", "PURGE"],
          [":authority", "orders.example.com:443"],
          [":path", "/orders/7?x=1"],
          ["user-agent", "curl/8"],
          ["content-type", "application/grpc"],
        ]),
        code: 503,
        flags: [2, 16],
        source: {
          address: "2001:db8::1",
          port: 4711,
          principal: "spiffe://cluster.local/ns/shop/sa/web",
          certificate: "",
        },
        upstream: undefined,
        bytes: { sent: 300, received: 180 },
        tls: "TLSv1.3",
        grpc: ["application/grpc", "14"],
        tags: new Map([["trace", "4bf9"]]),
        decision: "owner",
        peer: new Map([["downstream_peer", new Map([["namespace", "shop"]])]]),
      },
    );
  });

  it("say of a connection what it carried", () => {
    const fields = { accessLogType: "TcpConnectionEnd", receivedBytes: "180", sentBytes: "300", method: "-" };
    const entry = only(exportOf(ENVOY, { attributes: attributesOf(fields) }));
    assert.deepEqual(
      [entry.kind, entry.request, entry.connectionBytes],
      ["tcp", undefined, { sent: 300, received: 180 }],
    );
  });

  it("have no response code where no response began", () => {
    const entry = only(
      exportOf(ENVOY, {
        attributes: attributesOf({ accessLogType: "DownstreamEnd", responseCode: "0", responseFlags: "DC" }),
      }),
    );
    assert.deepEqual([entry.responseCode, entry.responseFlags], [undefined, [15]]);
  });

  it("have one origin for all exports of one logger of one Envoy", () => {
    const reader = new OtlpReader();
    const record = { attributes: attributesOf({ accessLogType: "DownstreamEnd" }) };
    const originOf = (resource: Readonly<Record<string, string>>) =>
      reader.read(exportOf(resource, record)).entries[0]?.origin;
    assert.equal(originOf(ENVOY), originOf(ENVOY));
    assert.notEqual(originOf(ENVOY), originOf({ ...ENVOY, log_name: "mesh-out" }));
    const metadata = originOf({ ...ENVOY, "node.metadata.WORKLOAD_NAME": "orders-v1" })?.nodeMetadata;
    assert.deepEqual(metadata, new Map([["WORKLOAD_NAME", "orders-v1"]]));
  });

  it("may have values that a collector has made numbers and maps of", () => {
    const weir = { kvlistValue: { values: [{ key: "decision", value: { stringValue: "d_2" } }] } };
    const entry = only(
      exportOf(ENVOY, {
        attributes: {
          ...attributesOf({ accessLogType: "DownstreamEnd" }),
          "response.code": 200,
          "metadata.envoy.filters.http.ext_authz": {
            kvlistValue: { values: [{ key: "weir", value: weir }] },
          },
        },
      }),
    );
    assert.deepEqual([entry.responseCode, entry.decision()?.id], [200, "d_2"]);
  });

  it("are left out one by one where they are none, and whoever sends them is told why", () => {
    const good = { attributes: attributesOf({ accessLogType: "DownstreamEnd" }) };
    const { entries, invalid } = new OtlpReader().read(
      exportOf(ENVOY, { attributes: { body: "x" } }, good, { attributes: {} }),
    );
    assert.deepEqual([entries.length, invalid], [1, ["unknown_attributes", "unknown_attributes"]]);
    const answer = ExportLogsServiceResponse.decode(exportResponse(invalid.length, whyRejected(invalid)));
    assert.deepEqual(answer.partialSuccess, {
      rejectedLogRecords: 2n,
      errorMessage:
        "2 without the attribute log.type: print the logger's configuration with weir envoy --otlp",
    });
    assert.deepEqual(exportResponse(0, whyRejected([])), Buffer.alloc(0));
  });

  it("yield nothing where the message is malformed as a whole", () => {
    assert.deepEqual(new OtlpReader().read(Buffer.from([0x0a, 0x7f, 1])), {
      entries: [],
      invalid: ["malformed"],
    });
    assert.equal(whyRejected(["malformed"]), "1 malformed");
  });

  it("never throw, whatever the bytes are", () => {
    const message = exportOf(ENVOY, {
      attributes: { ...attributesOf({ accessLogType: "DownstreamEnd", peerUris: "a,b" }), "metadata.x": "{" },
    });
    const changed = fc.tuple(fc.nat(message.length - 1), fc.nat(255)).map(([at, byte]) => {
      const bytes = Buffer.from(message);
      bytes[at] = byte;
      return bytes;
    });
    fc.assert(
      fc.property(
        fc.oneof(
          changed,
          fc.uint8Array().map((bytes) => Buffer.from(bytes)),
        ),
        (bytes) => {
          for (const entry of new OtlpReader().read(bytes).entries) readAll(entry);
        },
      ),
    );
  });
});

/** Every getter and function of an entry. */
function readAll(entry: EntryFacts): void {
  const names = ["source", "destination", "responseFlags", "downstreamBytes", "connectionBytes"] as const;
  const got: readonly unknown[] = names.map((name) => entry[name]);
  const made = [entry.metadata(), entry.filterState(), entry.customTags(), entry.details()];
  assert.ok([...got, ...made].every((value) => value !== undefined));
  assert.ok(entry.tls()?.version !== "-" && entry.decision()?.id !== "");
  assert.ok(entry.request === undefined || entry.request.headers().joined.size >= 0);
}
