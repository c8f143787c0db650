import assert from "node:assert/strict";
import fc from "fast-check";
import type { EntryFacts } from "../../src/attributes/entry-facts.ts";
import { readEntries } from "../../src/report/attributes.ts";
import { bytesOf, messageField, textField } from "../../src/std/wire-writer.ts";
import { StreamAccessLogsMessage } from "../../src/wire/envoy/service/accesslog/v3/als.ts";
import { anyHttp, anyTcp } from "./any-entry.ts";
import { expected, read } from "./decoded.ts";
import { anyOf, encodeMessage, socket, struct, structAny, type DescribedHttp } from "./encode.ts";
import { inboundRequest, SIDECAR } from "./entries.ts";

/** The one entry of a message. */
function only(entry: DescribedHttp): EntryFacts {
  const { entries, invalid } = readEntries(encodeMessage({ identifier: SIDECAR, http: [entry] }), undefined);
  assert.deepEqual(invalid, []);
  return entries[0] ?? assert.fail("no entry");
}

const request = { requestMethod: 1 as const };

describe("the entries of a message", () => {
  it("are what the generated decoder finds", () => {
    fc.assert(
      fc.property(
        fc.array(anyHttp, { minLength: 1, maxLength: 3 }),
        fc.array(anyTcp, { maxLength: 3 }),
        (http, tcp) => {
          const bytes = encodeMessage({ http, tcp });
          const decoded = StreamAccessLogsMessage.decode(bytes);
          const { entries, invalid } = readEntries(bytes, undefined);
          assert.deepEqual(invalid, []);
          assert.deepEqual(
            entries.map(read),
            [...(decoded.httpLogs?.logEntry ?? []), ...(decoded.tcpLogs?.logEntry ?? [])].map(expected),
          );
        },
      ),
      { numRuns: 300 },
    );
  });

  it("are read from any bytes without an exception, and so is all that they say", () => {
    const message = fc
      .array(anyHttp, { maxLength: 3 })
      .map((http) => encodeMessage({ identifier: SIDECAR, http }));
    const broken = fc.oneof(
      fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes)),
      fc.tuple(message, fc.nat(), fc.nat(255)).map(([bytes, at, byte]) => {
        bytes[at % bytes.length] = byte;
        return bytes;
      }),
      fc.tuple(message, fc.nat()).map(([bytes, at]) => bytes.subarray(0, at % (bytes.length + 1))),
    );
    fc.assert(
      fc.property(broken, (bytes) => {
        const { entries, invalid, origin } = readEntries(bytes, undefined);
        assert.ok(entries.length + invalid.length > 0);
        assert.ok(origin === undefined || origin.nodeMetadata.size >= 0);
        for (const facts of entries) {
          read(facts);
          facts.decision();
          facts.metadata();
          facts.request?.headers();
          assert.ok(facts.source.address.length + facts.destination.address.length >= 0);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it("are kept where one of them is bad, and the bad ones are told apart", () => {
    const good = encodeMessage({ http: [inboundRequest(1)] }).subarray(0);
    const goodEntry = Buffer.from(good).toString("latin1").slice(3);
    const entries = [
      goodEntry,
      // A field that reaches past its entry; one without common properties; one without a request.
      messageField(1, "\x0a\x7f"),
      messageField(1, messageField(3, "")),
      messageField(1, messageField(1, textField(15, "cluster"))),
      messageField(1, ""),
      // A number that no field has, in the common properties.
      messageField(1, messageField(1, "\x00\x00") + messageField(3, "")),
      goodEntry,
    ];
    const message = messageField(2, entries.join(""));
    const read = readEntries(bytesOf(message), undefined);
    assert.deepEqual(
      read.entries.map(({ streamId }) => streamId),
      ["3f1c5c2e-7a61-4c1e-9d58-000000000001", "3f1c5c2e-7a61-4c1e-9d58-000000000001"],
    );
    assert.deepEqual(read.invalid, [
      "malformed",
      "no_common_properties",
      "no_request",
      "no_common_properties",
      "malformed",
    ]);
  });

  it("are those before the place where the message breaks off, which counts once", () => {
    const whole = encodeMessage({ identifier: SIDECAR, http: [inboundRequest(1), inboundRequest(2)] });
    const { entries, invalid, origin } = readEntries(
      Buffer.concat([whole, Buffer.from([0x12, 0x7f])]),
      undefined,
    );
    assert.equal(entries.length, 2);
    assert.deepEqual(invalid, ["malformed"]);
    assert.equal(origin?.logName, "mesh-in");
  });

  it("are missed where there are none", () => {
    for (const bytes of [
      Buffer.alloc(0),
      encodeMessage({ identifier: SIDECAR }),
      encodeMessage({ http: [] }),
    ])
      assert.deepEqual(readEntries(bytes, undefined).invalid, ["empty_message"]);
  });
});

describe("the origin of entries", () => {
  const first = encodeMessage({ identifier: SIDECAR, http: [inboundRequest()] });

  it("holds for all messages behind the one that names it", () => {
    const { origin, entries } = readEntries(first, undefined);
    assert.ok(origin !== undefined && entries[0]?.origin === origin);
    assert.deepEqual([origin.via, origin.logName, origin.nodeCluster], ["als", "mesh-in", "reviews.shop"]);
    assert.equal(origin.nodeMetadata.get("WORKLOAD_NAME"), "reviews-v1");
    assert.equal((origin.nodeMetadata.get("LABELS") as Map<string, unknown>).get("app"), "reviews");
    const next = readEntries(encodeMessage({ http: [inboundRequest()] }), origin);
    assert.ok(next.origin === origin && next.entries[0]?.origin === origin);
  });

  it("is the same object when a relay says the same again, and another when it says another", () => {
    const { origin } = readEntries(first, undefined);
    assert.equal(readEntries(Buffer.from(first), origin).origin, origin);
    const other = encodeMessage({ identifier: { ...SIDECAR, id: "b" }, http: [inboundRequest()] });
    const second = readEntries(other, origin);
    assert.equal(second.origin?.nodeId, "b");
    assert.equal(second.entries[0]?.origin, second.origin);
  });

  it("is that of entries in front of it, in one message", () => {
    const entries = encodeMessage({ http: [inboundRequest()] });
    const identifier = encodeMessage({ identifier: SIDECAR });
    const read = readEntries(Buffer.concat([entries, identifier]), undefined);
    assert.equal(read.entries[0]?.origin.logName, "mesh-in");
  });

  it("stays what it was where the new one is malformed, and is empty where none has come", () => {
    const { origin } = readEntries(first, undefined);
    const entries = encodeMessage({ http: [inboundRequest()] });
    const broken = Buffer.concat([bytesOf(messageField(1, "\x0a\x7f")), entries]);
    const read = readEntries(broken, origin);
    assert.deepEqual([read.origin, read.invalid], [origin, ["malformed"]]);
    assert.equal(readEntries(entries, undefined).entries[0]?.origin.nodeId, "");
  });
});

describe("the facts of an entry", () => {
  it("have the method of the header where Envoy's enumeration lacks it", () => {
    const method = (requestHeaders: Map<string, string>): string | undefined =>
      only({ commonProperties: {}, request: { requestMethod: 0, requestHeaders } }).request?.method;
    assert.equal(method(new Map([[":method", "PROPFIND"]])), "PROPFIND");
    assert.equal(method(new Map()), "");
  });

  it("have as headers what stands in fields, behind what is logged as headers", () => {
    const { joined, all } =
      only({
        commonProperties: {},
        request: {
          ...request,
          authority: "a",
          path: "/p",
          userAgent: "u",
          requestHeaders: new Map([["user-agent", "v"]]),
        },
      }).request?.headers() ?? assert.fail();
    assert.equal(all, undefined);
    assert.deepEqual(Object.fromEntries(joined), {
      "user-agent": "v",
      ":authority": "a",
      ":path": "/p",
      ":method": "GET",
    });
  });

  it("take for the source what a check takes: the peer, but behind the PROXY protocol whom that names", () => {
    const source = (remote: ReturnType<typeof socket>) =>
      only({
        commonProperties: {
          downstreamRemoteAddress: remote,
          downstreamDirectRemoteAddress: socket("10.0.0.9", 5_000),
        },
        request,
      }).source;
    // Out of X-Forwarded-For, an address has no port.
    assert.equal(source(socket("203.0.113.7", 0)).address, "10.0.0.9");
    assert.equal(source(socket("203.0.113.7", 4_711)).address, "203.0.113.7");
  });

  it("have no identity where a certificate has two", () => {
    const uris = (...names: string[]) => ({
      commonProperties: {
        tlsProperties: { peerCertificateProperties: { subjectAltName: names.map((uri) => ({ uri })) } },
      },
      request,
    });
    assert.equal(only(uris("spiffe://a/b")).source.principal, "spiffe://a/b");
    assert.equal(only(uris("spiffe://a/b", "spiffe://a/c")).source.principal, "");
    assert.equal(only(uris()).source.principal, "");
  });

  it("leave out peers in the bytes of old proxies, and what is of no known type", () => {
    const bytes = anyOf("google.protobuf.BytesValue", bytesOf(textField(1, "ab")));
    const facts = only({
      commonProperties: {
        filterStateObjects: new Map([
          ["wasm.upstream_peer", bytes],
          ["other", bytes],
          ["strange", anyOf("example.Strange", Buffer.from([1]))],
          ["peer", structAny({ a: "b" })],
        ]),
      },
      request,
    });
    assert.deepEqual(
      facts.filterState(),
      new Map<string, unknown>([
        ["other", new Uint8Array([0x61, 0x62])],
        ["peer", new Map([["a", "b"]])],
      ]),
    );
  });

  it("treat what is malformed deep inside as if it were not there, and say the rest", () => {
    const facts = only({
      commonProperties: {
        streamId: "s",
        filterStateObjects: new Map([
          ["downstream_peer", anyOf("google.protobuf.Struct", Buffer.from([0x0a, 0x7f]))],
        ]),
      },
      request,
    });
    assert.deepEqual([facts.streamId, facts.filterState().size], ["s", 0]);
  });

  describe("about a decision", () => {
    const decided = (weir: Parameters<typeof struct>[0], namespace = "envoy.filters.http.ext_authz") =>
      only({
        commonProperties: {
          metadata: {
            filterMetadata: new Map([[namespace, struct({ weir: new Map(Object.entries(weir)) })]]),
          },
        },
        request,
      }).decision();
    const base = { decision: "d_1", verdict: "deny", policy: "orders", rule: "mfa" };

    it("are what the check's answer said", () => {
      assert.deepEqual(decided(base), {
        ...{ id: "d_1", verdict: "deny", policy: "orders", rule: "mfa" },
        ...{ policies: undefined, carried: new Map(), settleTokens: [] },
      });
    });

    it("have policies as a list or as one text, what is carried, and tokens", () => {
      const carried = new Map([["orders", new Map([["team", "a"]])]]);
      for (const policies of [["orders", "guard"], "orders guard"]) {
        const found = decided({ ...base, policies, carried, settle: "t1 t2" });
        assert.deepEqual(found?.policies, ["orders", "guard"]);
        assert.deepEqual(found.carried, carried);
        assert.deepEqual(found.settleTokens, ["t1", "t2"]);
      }
    });

    it("are none where another filter says so, or nothing names a decision", () => {
      assert.equal(decided(base, "envoy.filters.http.lua"), undefined);
      assert.equal(decided({ verdict: "allow" }), undefined);
      assert.equal(decided({ ...base, decision: 1 }), undefined);
    });
  });
});
