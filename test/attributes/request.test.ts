import assert from "node:assert/strict";
import { ValueFault } from "../../src/std/fault.ts";
import { attributes, NOBODY } from "./fixture.ts";

describe("the attributes of a request", () => {
  const headers = {
    joined: new Map([
      ["user-agent", "curl"],
      ["referer", "http://a/"],
      ["x-a", "1,2"],
    ]),
    all: new Map([
      ["user-agent", ["curl"]],
      ["x-a", ["1", "2"]],
    ]),
  };

  it("have no value where Envoy sends none", () => {
    const { request } = attributes({ path: "*", method: "OPTIONS", host: "" });
    const { host, scheme, protocol, id, size, time, referer, useragent, query, url_path, path_segments } =
      request;
    const found = {
      host,
      scheme,
      protocol,
      id,
      size,
      time,
      referer,
      useragent,
      query,
      url_path,
      path_segments,
    };
    assert.deepEqual(new Set(Object.values(found)), new Set([undefined]));
  });

  it("are what Envoy sends", () => {
    const sent = {
      id: "7",
      scheme: "https",
      protocol: "HTTP/2",
      sizeBytes: 5n,
      timeMs: 1_500,
      host: "A.example.com:1",
      path: "/a%20b/?c=d",
      headers: () => headers,
    };
    const { request } = attributes(sent);
    assert.equal(request.id, "7");
    assert.equal(request.scheme, "https");
    assert.equal(request.protocol, "HTTP/2");
    assert.equal(request.size, 5n);
    assert.deepEqual(request.time, new Date(1_500));
    assert.equal(request.host, "a.example.com");
    assert.equal(request.path, "/a%20b/?c=d");
    assert.equal(request.url_path, "/a%20b/");
    assert.deepEqual(request.path_segments, ["a b", ""]);
    assert.equal(request.query, "c=d");
    assert.deepEqual(request.query_params, new Map([["c", ["d"]]]));
    assert.equal(request.useragent, "curl");
    assert.equal(request.referer, "http://a/");
    assert.equal(request.headers.get("x-a"), "1,2");
    assert.deepEqual(request.headers_all.get("x-a"), ["1", "2"]);
  });

  it("decode headers once, and only when they are read", () => {
    let times = 0;
    const { request } = attributes({ headers: () => (times++, headers) });
    assert.equal(request.method, "GET");
    assert.equal(times, 0);
    assert.equal(request.headers, request.headers);
    assert.equal(request.useragent, "curl");
    assert.equal(times, 1);
  });

  it("say that raw headers are missing", () => {
    const { request } = attributes({});
    assert.throws(
      () => request.headers_all,
      (error) => error instanceof ValueFault && error.fault === "raw-headers",
    );
  });

  it("leave out the headers that are hidden, in both forms", () => {
    const hidden = attributes({ headers: () => headers }).request.without(new Set(["x-a", "x-b"]));
    assert.deepEqual([...hidden.headers.keys()], ["user-agent", "referer"]);
    assert.deepEqual([...hidden.headers_all.keys()], ["user-agent"]);
    assert.equal(hidden.method, "GET");
  });
});

describe("the attributes of a peer", () => {
  const principal = "spiffe://cluster.local/ns/shop/sa/web";
  const web = { ...NOBODY, address: "::ffff:10.0.0.1", port: 5_000, principal };

  it("are its address and what its certificate proves", () => {
    const { source, client, destination } = attributes({}, { source: web });
    assert.equal(source.ip?.toString(), "10.0.0.1");
    assert.equal(client.ip, source.ip);
    assert.equal(source.port, 5_000n);
    assert.equal(source.principal, web.principal);
    assert.deepEqual([source.namespace, source.service_account], ["shop", "web"]);
    assert.deepEqual(
      [destination.ip, destination.port, destination.principal],
      [undefined, undefined, undefined],
    );
  });

  for (const principal of [
    "spiffe://evil.example/ns/shop/sa/web",
    "spiffe://cluster.local.evil/ns/shop/sa/web",
    "CN=web",
    "spiffe://Cluster.local/ns/shop/sa/web",
  ]) {
    it(`are no names where the certificate says ${principal}`, () => {
      const { source } = attributes({}, { source: { ...web, principal } });
      assert.deepEqual(
        [source.principal, source.namespace, source.service_account],
        [undefined, undefined, undefined],
      );
    });
  }

  it("are an identity in the trust domains of that identity only", () => {
    const found = attributes({}, { source: { ...web, principal: "spiffe://partner.example/ns/a/sa/b" } });
    assert.equal(found.workload(new Set(["cluster.local"])), undefined);
    const workload = found.workload(new Set(["partner.example"]));
    assert.deepEqual(Object.fromEntries(Object.entries(workload ?? {})), {
      id: "spiffe://partner.example/ns/a/sa/b",
      trust_domain: "partner.example",
      namespace: "a",
      service_account: "b",
    });
  });

  for (const address of ["", "/run/envoy.sock", "10.0.0.1:80", "fe80::1%eth0"]) {
    it(`are no address where Envoy says ${JSON.stringify(address)}`, () => {
      assert.equal(attributes({}, { source: { ...web, address } }).client.ip, undefined);
    });
  }
});
