import assert from "node:assert/strict";
import fc from "fast-check";
import { bodyFacts } from "../../src/attributes/body.ts";
import type { HeaderFacts, PeerFacts, RequestFacts } from "../../src/attributes/facts.ts";
import { checkFacts } from "../../src/check/attributes.ts";
import { MalformedMessage } from "../../src/std/wire-reader.ts";
import {
  AttributeContext,
  type AttributeContext_HttpRequest,
  type AttributeContext_Peer,
} from "../../src/wire/envoy/service/auth/v3/attribute_context.ts";
import { CheckRequest } from "../../src/wire/envoy/service/auth/v3/external_auth.ts";
import type { Struct, Value } from "../../src/wire/google/protobuf/struct.ts";
import { anyMessage } from "./any-message.ts";
import { checkRequest } from "./fixture.ts";

const encode = (partial: Parameters<typeof CheckRequest.fromPartial>[0]): Buffer =>
  Buffer.from(CheckRequest.encode(CheckRequest.fromPartial(partial)).finish());

/** Everything the facts say, decoded. */
function read(bytes: Buffer) {
  const facts = checkFacts(bytes);
  const peer = ({ address, port, principal, certificate }: PeerFacts): PeerFacts => ({
    ...{ address, port, principal, certificate },
  });
  return {
    request: facts.request && readRequest(facts.request),
    source: peer(facts.source),
    destination: peer(facts.destination),
    serverName: facts.serverName,
    contextExtensions: facts.contextExtensions(),
    metadata: facts.metadata(),
  };
}

function readRequest(request: RequestFacts) {
  const { id, method, path, host, scheme, protocol, sizeBytes, timeMs } = request;
  const fields = { id, method, path, host, scheme, protocol, sizeBytes, timeMs };
  return { ...fields, headers: request.headers(), body: request.body() };
}

/** The same, from the generated decoder; undefined where the message is of neither kind. */
function expected(bytes: Buffer): ReturnType<typeof read> | undefined {
  const attributes = CheckRequest.decode(bytes).attributes ?? AttributeContext.create();
  const { source, destination, request, contextExtensions, metadataContext, tlsSession } = attributes;
  if (request === undefined ? !hasAddress(source) : request.http === undefined) return undefined;
  return {
    request: request?.http && expectedRequest(request.http, request.time),
    source: expectedPeer(source),
    destination: expectedPeer(destination),
    serverName: tlsSession?.sni ?? "",
    contextExtensions,
    metadata: new Map(
      Array.from(metadataContext?.filterMetadata ?? [], ([name, one]) => [name, plainStruct(one)]),
    ),
  };
}

/** An address without fields is none. */
const hasAddress = (source: AttributeContext_Peer | undefined): boolean =>
  source?.address?.socketAddress !== undefined;

type Time = NonNullable<AttributeContext["request"]>["time"];

function expectedRequest(http: AttributeContext_HttpRequest, time: Time): ReturnType<typeof readRequest> {
  const { id, method, path, host, scheme, protocol, size, body, rawBody } = http;
  const headers = expectedHeaders(http);
  const length = headers.joined.get("content-length");
  const declared = length !== undefined && /^\d{1,18}$/.test(length) ? BigInt(length) : undefined;
  return {
    ...{ id, method, path, host, scheme, protocol },
    sizeBytes: headers.joined.get("x-envoy-auth-partial-body") === "false" ? size : declared,
    timeMs: time && Number(time.seconds) * 1_000 + Math.floor(time.nanos / 1_000_000),
    headers,
    // Envoy fills one of the two.
    body: bodyFacts(
      rawBody.length > 0 ? rawBody : Buffer.from(body),
      headers.joined.get("x-envoy-auth-partial-body"),
      declared,
    ),
  };
}

function expectedPeer(one: AttributeContext_Peer | undefined) {
  const socket = one?.address?.socketAddress;
  return {
    ...{ address: socket?.address ?? "", port: socket?.portValue },
    ...{ principal: one?.principal ?? "", certificate: one?.certificate ?? "" },
  };
}

function expectedHeaders({ headers, headerMap }: AttributeContext_HttpRequest): HeaderFacts {
  if (headerMap === undefined) return { joined: headers, all: undefined };
  const all = new Map<string, string[]>();
  for (const { key, value, rawValue } of headerMap.headers) {
    const line = rawValue.length > 0 ? sanitized(rawValue) : value;
    all.set(key, [...(all.get(key) ?? []), line]);
  }
  return { joined: new Map(Array.from(all, ([name, values]) => [name, values.join(",")])), all };
}

const plainStruct = ({ fields }: Struct): Map<string, unknown> =>
  new Map([...fields].map(([name, one]) => [name, plain(one)]));

function plain(one: Value): unknown {
  if (one.structValue !== undefined) return plainStruct(one.structValue);
  if (one.listValue !== undefined) return one.listValue.values.map(plain);
  return one.numberValue ?? one.stringValue ?? one.boolValue ?? null;
}

/** Bytes that are no UTF-8 as `!`, by way of replacement characters that the text itself has not. */
const sanitized = (bytes: Buffer): string => {
  let out = "";
  for (let at = 0; at < bytes.length;) {
    const length =
      [1, 2, 3, 4].find((one) => at + one <= bytes.length && isText(bytes.subarray(at, at + one))) ?? 0;
    out += length === 0 ? "!" : bytes.toString("utf8", at, at + length);
    at += length || 1;
  }
  return out;
};

function isText(bytes: Buffer): boolean {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes).length > 0;
  } catch {
    return false;
  }
}

describe("the facts of a CheckRequest", () => {
  it("are what the generated decoder finds", () => {
    fc.assert(
      fc.property(anyMessage, (partial) => {
        const bytes = encode(partial);
        const wanted = expected(bytes);
        if (wanted === undefined) assert.throws(() => read(bytes), MalformedMessage);
        else assert.deepEqual(read(bytes), wanted);
      }),
      { numRuns: 300 },
    );
  });

  it("are read from any message or refused as malformed", () => {
    const broken = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.tuple(anyMessage, fc.nat(), fc.nat(255)).map(([partial, at, byte]) => {
        const bytes = encode(partial);
        if (bytes.length > 0) bytes[at % bytes.length] = byte;
        return bytes;
      }),
      fc.tuple(anyMessage, fc.nat()).map(([partial, at]) => {
        const bytes = encode(partial);
        return bytes.subarray(0, at % (bytes.length + 1));
      }),
    );
    fc.assert(
      fc.property(broken, (bytes) => {
        try {
          read(Buffer.from(bytes));
        } catch (error) {
          assert.ok(error instanceof MalformedMessage, String(error));
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it("are little for a message that says little", () => {
    const { request, source, metadata } = read(
      encode({ attributes: { request: { http: { method: "GET" } } } }),
    );
    assert.deepEqual(request?.headers, { joined: new Map(), all: undefined });
    assert.deepEqual([request.host, request.sizeBytes, request.timeMs], ["", undefined, undefined]);
    assert.deepEqual(request.body, { kind: "unseen" });
    assert.deepEqual(source, { address: "", port: undefined, principal: "", certificate: "" });
    assert.deepEqual(metadata, new Map());
  });

  const address = { socketAddress: { address: "10.0.0.1", portValue: 1 } };
  for (const [what, attributes, kind] of [
    ["nothing at all", undefined, "malformed"],
    ["nothing", {}, "malformed"],
    ["a request without its HTTP part", { source: { address }, request: {} }, "malformed"],
    ["a source without address", { source: { principal: "spiffe://cluster.local/a" } }, "malformed"],
    ["a source with an empty address", { source: { address: {} } }, "malformed"],
    ["a destination alone", { destination: { address } }, "malformed"],
    ["the address of a source", { source: { address } }, "connection"],
    ["a request with its HTTP part", { request: { http: { path: "/" } } }, "http"],
    ["both", { source: { address }, request: { http: { path: "/" } } }, "http"],
  ] as const) {
    it(`are ${kind === "malformed" ? "malformed" : `of ${kind}`} where the message has ${what}`, () => {
      const bytes = attributes === undefined ? Buffer.alloc(0) : encode({ attributes });
      if (kind === "malformed") assert.throws(() => checkFacts(bytes), MalformedMessage);
      else assert.equal(checkFacts(bytes).request === undefined, kind === "connection");
    });
  }

  it("say what the edge knows of the proxy", () => {
    const proxy = { principal: "spiffe://cluster.local/gateway", listenerRole: "gateway" } as const;
    assert.equal(checkFacts(checkRequest({}), proxy).proxy, proxy);
    assert.equal(checkFacts(checkRequest({})).proxy.principal, undefined);
  });

  it("have the last of a field that comes twice", () => {
    const [first, second] = [
      checkRequest({ host: "first", path: "/first" }),
      checkRequest({ host: "second", path: "/second" }),
    ];
    const { request } = read(Buffer.concat([first, second]));
    assert.deepEqual([request?.host, request?.path], ["second", "/second"]);
  });

  it("join header lines, and have them apart too", () => {
    const lines = [
      ["x-a", "1"],
      ["x-b", Buffer.from([0x66, 0xff, 0x66])],
      ["x-a", "2"],
    ] as const;
    const { joined, all } = read(checkRequest({ lines })).request?.headers ?? assert.fail();
    assert.deepEqual(
      joined,
      new Map([
        ["x-a", "1,2"],
        ["x-b", "f!f"],
      ]),
    );
    assert.deepEqual(
      all,
      new Map([
        ["x-a", ["1", "2"]],
        ["x-b", ["f!f"]],
      ]),
    );
  });

  for (const form of ["headers", "lines"] as const) {
    it(`are malformed with more than a thousand ${form}`, () => {
      const entries = Array.from({ length: 1_001 }, (_, index) => [`x-${index}`, ""] as const);
      const bytes = checkRequest(
        form === "lines" ? { lines: entries } : { headers: Object.fromEntries(entries) },
      );
      assert.throws(() => checkFacts(bytes).request?.headers(), MalformedMessage);
      const most = entries.slice(0, 1_000);
      const fewer = checkRequest(form === "lines" ? { lines: most } : { headers: Object.fromEntries(most) });
      assert.equal(checkFacts(fewer).request?.headers().joined.size, 1_000);
    });
  }
});
