import assert from "node:assert/strict";
import { CheckRequest, CheckResponse } from "../../src/wire/envoy/service/auth/v3/external_auth.ts";
import { Struct } from "../../src/wire/google/protobuf/struct.ts";

const dangerousKeys = ["constructor", "__proto__", "hasOwnProperty", "toString", "prototype"];

describe("maps from the wire", () => {
  it("keep headers with the names of object members, as ordinary entries of a Map", () => {
    const sent = new Map(dangerousKeys.map((key) => [key, `value of ${key}`]));
    const headers = roundTrip({ attributes: { request: { http: { headers: sent } } } })?.request?.http
      ?.headers;
    assert.ok(headers instanceof Map);
    assert.deepEqual([...headers], [...sent]);
    assert.equal(headers.get("valueOf"), undefined);
  });

  it("keep context extensions and peer labels so too", () => {
    const sent = new Map(dangerousKeys.map((key) => [key, key]));
    const received = roundTrip({ attributes: { contextExtensions: sent, source: { labels: sent } } });
    assert.deepEqual(received?.contextExtensions, sent);
    assert.deepEqual(received.source?.labels, sent);
  });

  it("keep filter metadata as Struct messages with a Map at every level", () => {
    const inner: Struct = { fields: new Map(dangerousKeys.map((key) => [key, { stringValue: key }])) };
    const outer: Struct = { fields: new Map(dangerousKeys.map((key) => [key, { structValue: inner }])) };
    const filterMetadata = new Map(dangerousKeys.map((key) => [key, outer]));
    const received = roundTrip({ attributes: { metadataContext: { filterMetadata } } });
    for (const key of dangerousKeys) {
      const filter = received?.metadataContext?.filterMetadata.get(key);
      assert.equal(filter?.fields.get(key)?.structValue?.fields.get(key)?.stringValue, key);
    }
  });

  it("are written back with the same keys in dynamic metadata", () => {
    const dynamicMetadata: Struct = {
      fields: new Map(dangerousKeys.map((key) => [key, { stringValue: key }])),
    };
    const bytes = CheckResponse.encode(CheckResponse.fromPartial({ dynamicMetadata })).finish();
    assert.deepEqual([...(CheckResponse.decode(bytes).dynamicMetadata?.fields.keys() ?? [])], dangerousKeys);
  });
});

describe("numbers and presence on the wire", () => {
  it("keep 64-bit integers as bigint, nanoseconds, and the difference between absent and false", () => {
    const received = roundTrip({
      attributes: { request: { time: { seconds: 9_007_199_254_740_993n, nanos: 7 }, http: { size: -1n } } },
    })?.request;
    assert.deepEqual(received?.time, { seconds: 9_007_199_254_740_993n, nanos: 7 });
    assert.equal(received.http?.size, -1n);

    const headers = [{ append: false }, { append: true }, {}];
    const response = CheckResponse.fromPartial({ okResponse: { headers } });
    const answered = CheckResponse.decode(CheckResponse.encode(response).finish()).okResponse;
    assert.deepEqual(
      answered?.headers.map(({ append }) => append),
      [false, true, undefined],
    );
  });

  it("refuse a message that is cut short or nested without end", () => {
    const whole = CheckRequest.encode(
      CheckRequest.fromPartial({ attributes: { request: { http: { path: "/orders" } } } }),
    ).finish();
    assert.throws(() => CheckRequest.decode(whole.subarray(0, -1)));

    let nested: Struct = { fields: new Map() };
    for (let depth = 0; depth < 200; depth += 1)
      nested = { fields: new Map([["x", { structValue: nested }]]) };
    const deep = Struct.encode(nested).finish();
    assert.throws(() => Struct.decode(deep), /recursion limit/);
  });
});

function roundTrip(request: Parameters<typeof CheckRequest.fromPartial>[0]) {
  return CheckRequest.decode(CheckRequest.encode(CheckRequest.fromPartial(request)).finish()).attributes;
}
