import assert from "node:assert/strict";
import type { Reading } from "../../src/attributes/attributes.ts";
import { ValueFault } from "../../src/std/fault.ts";
import { attributes, certificate, NOBODY } from "./fixture.ts";

describe("the attributes of a connection", () => {
  for (const [serverName, expected] of [
    ["Shop.Example.com", "shop.example.com"],
    ["shop.example.com.", "shop.example.com"],
    ["", undefined],
    ["a b", undefined],
    ["shop.example.com:443", undefined],
    ["shop.example.com\0", undefined],
  ] as const) {
    it(`are ${expected ?? "no server name"} where TLS asked for ${JSON.stringify(serverName)}`, () => {
      assert.equal(attributes(undefined, { serverName }).connection.requested_server_name, expected);
    });
  }

  it("have the certificate in PEM, of HTTP requests too", () => {
    const pem = certificate("two-uris");
    const source = { ...NOBODY, certificate: encodeURIComponent(pem) };
    for (const request of [{}, undefined])
      assert.equal(attributes(request, { source }).connection.peer_certificate, pem);
    assert.equal(attributes({}).connection.peer_certificate, undefined);
    const garbled = { ...NOBODY, certificate: "%" };
    assert.equal(attributes({}, { source: garbled }).connection.peer_certificate, undefined);
  });

  it("are no request", () => {
    const found = attributes(undefined, { source: { ...NOBODY, address: "10.0.0.1" } });
    assert.equal(found.kind, "connection");
    assert.throws(
      () => found.request,
      (error) => error instanceof ValueFault && error.fault === "request",
    );
    assert.equal(attributes({}).kind, "http");
  });
});

describe("the attributes of a proxy", () => {
  it("are what it proved, and the role that weir.yaml gives it", () => {
    const gateway = { principal: "spiffe://cluster.local/ns/edge/sa/gateway", listenerRole: undefined };
    const proxyRole: Reading["proxyRole"] = ({ principal, listenerRole }) =>
      listenerRole ?? (principal === gateway.principal ? "gateway" : "sidecar");
    const { proxy } = attributes({}, { proxy: gateway }, { proxyRole });
    assert.deepEqual([proxy.principal, proxy.role], [gateway.principal, "gateway"]);
    const other = attributes({}, {}, { proxyRole }).proxy;
    assert.deepEqual([other.principal, other.role], [undefined, "sidecar"]);
  });
});

describe("what credentials are taken from", () => {
  it("is headers, query and address of a request, each read when it is looked at", () => {
    const joined = new Map([["authorization", "Bearer a,Bearer b"]]);
    const all = new Map([["authorization", ["Bearer a", "Bearer b"]]]);
    let times = 0;
    const source = { ...NOBODY, address: "::ffff:10.0.0.1" };
    const { presented } = attributes(
      { path: "/?key=a&key=b", headers: () => (times++, { joined, all }) },
      { source },
    );
    assert.equal(presented.client, "10.0.0.1");
    assert.deepEqual(presented.query, new Map([["key", ["a", "b"]]]));
    assert.equal(times, 0);
    assert.deepEqual([presented.headers, presented.headersAll], [joined, all]);
  });

  it("is less where less is known", () => {
    const { headersAll, query, client } = attributes({ path: "//" }).presented;
    assert.deepEqual([headersAll, client], [undefined, ""]);
    assert.deepEqual(query, new Map());
    assert.equal(attributes({ path: "/?a=%" }).presented.query, undefined);
  });

  it("is nothing of a connection", () => {
    const { headers, headersAll, query } = attributes(undefined).presented;
    assert.deepEqual([headers.size, headersAll, query], [0, undefined, undefined]);
  });
});
