import fc from "fast-check";
import type { Struct, Value } from "../../src/wire/google/protobuf/struct.ts";

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 8 }).map((one) => one.toWellFormed()),
  fc.constantFrom("", "constructor", "__proto__", "é", "x".repeat(200)),
);
const textMap = fc.array(fc.tuple(text, text), { maxLength: 5 }).map((entries) => new Map(entries));
/** What says how much of a body came. */
const bodyHeader = fc.constantFrom(
  ["x-envoy-auth-partial-body", "false"] as const,
  ["x-envoy-auth-partial-body", "true"] as const,
  ["content-length", "0"] as const,
  ["content-length", "3"] as const,
);
const headerMapOf = fc
  .array(fc.oneof(fc.tuple(text, text), bodyHeader), { maxLength: 5 })
  .map((entries) => new Map(entries));

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
  bodyHeader.map(([key, value]) => ({ key, value: "", rawValue: Buffer.from(value) })),
  fc.tuple(text, text).map(([key, value]) => ({ key, value, rawValue: Buffer.alloc(0) })),
  fc
    .tuple(text, fc.uint8Array({ maxLength: 6 }))
    .map(([key, raw]) => ({ key, value: "", rawValue: Buffer.from(raw) })),
);
const http = fc.record({
  id: text,
  method: text,
  headers: headerMapOf,
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
/** Any CheckRequest that the generated encoder writes. */
export const anyMessage = fc.record({
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
