import assert from "node:assert/strict";
import fc from "fast-check";
import { checkFacts } from "../../src/check/attributes.ts";
import type { HeaderFacts } from "../../src/attributes/facts.ts";
import { MalformedMessage } from "../../src/std/wire-reader.ts";
import {
  AttributeContext,
  AttributeContext_HttpRequest,
  type AttributeContext_Peer,
} from "../../src/wire/envoy/service/auth/v3/attribute_context.ts";
import { CheckRequest } from "../../src/wire/envoy/service/auth/v3/external_auth.ts";
import type { Struct, Value } from "../../src/wire/google/protobuf/struct.ts";
import { checkRequest } from "./fixture.ts";

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 8 }).map((one) => one.toWellFormed()),
  fc.constantFrom("", "constructor", "__proto__", "é", "x".repeat(200)),
);
const textMap = fc.array(fc.tuple(text, text), { maxLength: 5 }).map((entries) => new Map(entries));

const { value: anyValue } = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.constant({ nullValue: 0 as const }),
    fc.double({ noNaN: true }).map((numberValue) => ({ numberValue })),
    text.map((stringValue) => ({ stringValue })),
    fc.boolean().map((boolValue) => ({ boolValue })),
    fc
      .array(fc.tuple(text, tie("value")), { maxLength: 3 })
      .map((fields) => ({ structValue: { fields: new Map(fields) } })),
    fc.array(tie("value"), { maxLength: 3 }).map((values) => ({ listValue: { values } })),
  ),
}));
const struct: fc.Arbitrary<Struct> = fc
  .array(fc.tuple(text, anyValue), { maxLength: 3 })
  .map((fields) => ({ fields: new Map(fields) }));

const peer = fc.record({
  address: fc.option(
    fc.record({
      socketAddress: fc.option(fc.record({ address: text, portValue: fc.nat(65_535) }), { nil: undefined }),
    }),
    { nil: undefined },
  ),
  service: text,
  labels: textMap,
  principal: text,
  certificate: text,
});
const line = fc.oneof(
  fc.tuple(text, text).map(([key, value]) => ({ key, value, rawValue: Buffer.alloc(0) })),
  fc
    .tuple(text, fc.uint8Array({ maxLength: 6 }))
    .map(([key, raw]) => ({ key, value: "", rawValue: Buffer.from(raw) })),
);
const http = fc.record({
  id: text,
  method: text,
  headers: textMap,
  headerMap: fc.option(fc.record({ headers: fc.array(line, { maxLength: 5 }) }), { nil: undefined }),
  path: text,
  host: text,
  scheme: text,
  query: text,
  fragment: text,
  size: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  protocol: text,
  body: text,
  rawBody: fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes)),
});
const time = fc.record({
  seconds: fc.bigInt({ min: -62_135_596_800n, max: 253_402_300_799n }),
  nanos: fc.nat(999_999_999),
});
const optional = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: undefined });
const message = fc.record({
  attributes: optional(
    fc.record({
      source: optional(peer),
      destination: optional(peer),
      request: optional(fc.record({ time: optional(time), http: optional(http) })),
      contextExtensions: textMap,
      metadataContext: optional(
        fc
          .array(fc.tuple(text, struct), { maxLength: 3 })
          .map((entries) => ({ filterMetadata: new Map(entries) })),
      ),
      tlsSession: optional(fc.record({ sni: text })),
    }),
  ),
});

const encode = (partial: Parameters<typeof CheckRequest.fromPartial>[0]): Buffer =>
  Buffer.from(CheckRequest.encode(CheckRequest.fromPartial(partial)).finish());

/** Everything the facts say, decoded. */
function read(bytes: Buffer) {
  const facts = checkFacts(bytes);
  const { id, method, path, host, scheme, protocol, sizeBytes, timeMs } = facts.request;
  const request = { id, method, path, host, scheme, protocol, sizeBytes, timeMs };
  return {
    request: { ...request, headers: facts.request.headers() },
    source: facts.source,
    destination: facts.destination,
    contextExtensions: facts.contextExtensions(),
    metadata: facts.metadata(),
  };
}

/** The same, from the generated decoder. */
function expected(bytes: Buffer): ReturnType<typeof read> {
  const attributes = CheckRequest.decode(bytes).attributes ?? AttributeContext.create();
  const { source, destination, request, contextExtensions, metadataContext } = attributes;
  const http = request?.http ?? AttributeContext_HttpRequest.create({ size: -1n });
  const { id, method, path, host, scheme, protocol, size } = http;
  const time = request?.time;
  return {
    request: {
      ...{ id, method, path, host, scheme, protocol, sizeBytes: size < 0n ? undefined : size },
      timeMs: time && Number(time.seconds) * 1_000 + Math.floor(time.nanos / 1_000_000),
      headers: expectedHeaders(http),
    },
    source: expectedPeer(source),
    destination: expectedPeer(destination),
    contextExtensions,
    metadata: new Map(
      Array.from(metadataContext?.filterMetadata ?? [], ([name, one]) => [name, plainStruct(one)]),
    ),
  };
}

function expectedPeer(one: AttributeContext_Peer | undefined) {
  const socket = one?.address?.socketAddress;
  return { address: socket?.address ?? "", port: socket?.portValue, principal: one?.principal ?? "" };
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
      fc.property(message, (partial) => {
        const bytes = encode(partial);
        assert.deepEqual(read(bytes), expected(bytes));
      }),
      { numRuns: 300 },
    );
  });

  it("are read from any message or refused as malformed", () => {
    const broken = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.tuple(message, fc.nat(), fc.nat(255)).map(([partial, at, byte]) => {
        const bytes = encode(partial);
        if (bytes.length > 0) bytes[at % bytes.length] = byte;
        return bytes;
      }),
      fc.tuple(message, fc.nat()).map(([partial, at]) => {
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

  it("are nothing for an empty message", () => {
    const { request, source, metadata } = read(Buffer.alloc(0));
    assert.deepEqual(request.headers, { joined: new Map(), all: undefined });
    assert.deepEqual([request.host, request.sizeBytes, request.timeMs], ["", undefined, undefined]);
    assert.deepEqual([source, metadata], [{ address: "", port: undefined, principal: "" }, new Map()]);
  });

  it("have the last of a field that comes twice", () => {
    const [first, second] = [
      checkRequest({ host: "first", path: "/first" }),
      checkRequest({ host: "second", path: "/second" }),
    ];
    const { request } = read(Buffer.concat([first, second]));
    assert.deepEqual([request.host, request.path], ["second", "/second"]);
  });

  it("join header lines, and have them apart too", () => {
    const lines = [
      ["x-a", "1"],
      ["x-b", Buffer.from([0x66, 0xff, 0x66])],
      ["x-a", "2"],
    ] as const;
    const { joined, all } = read(checkRequest({ lines })).request.headers;
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
      assert.throws(() => checkFacts(bytes).request.headers(), MalformedMessage);
      const most = entries.slice(0, 1_000);
      const fewer = checkRequest(form === "lines" ? { lines: most } : { headers: Object.fromEntries(most) });
      assert.equal(checkFacts(fewer).request.headers().joined.size, 1_000);
    });
  }
});
