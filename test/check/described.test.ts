import assert from "node:assert/strict";
import { checkFacts, encodeCheckRequest } from "../../src/check/attributes.ts";
import type { DescribedRequest } from "../../src/policy/tests-file.ts";

describe("a described request", () => {
  const plain: DescribedRequest = {
    ...{ method: "GET", protocol: "http", headers: new Map(), context: new Map() },
  };
  const encoded = (described: Partial<DescribedRequest>, principal = "") =>
    checkFacts(encodeCheckRequest({ ...plain, ...described }, principal, 1_500));

  it("is encoded as Envoy would send it", () => {
    const cookies: [string, readonly string[]] = ["Cookie", ["a=1", "b=2"]];
    const facts = encoded(
      {
        ...{ method: "POST", host: "a.example.com", path: "/a?b", route: "web" },
        ...{ headers: new Map([cookies]), source: { address: "10.0.0.1", port: 5_000 } },
      },
      "spiffe://cluster.local/a",
    );
    const { request, source } = facts;
    assert.deepEqual([request?.method, request?.host, request?.path], ["POST", "a.example.com", "/a?b"]);
    assert.equal(request?.timeMs, 1_500);
    assert.equal(request.headers().joined.get("cookie"), "a=1,b=2");
    assert.deepEqual(request.body(), { kind: "unseen" });
    assert.deepEqual([source.address, source.port], ["10.0.0.1", 5_000]);
    assert.equal(source.principal, "spiffe://cluster.local/a");
    assert.deepEqual(facts.contextExtensions(), new Map([["weir.route", "web"]]));
  });

  it("has its body whole", () => {
    const { request } = encoded({ body: '{"é":1}' });
    assert.deepEqual(request?.body(), { kind: "whole", bytes: Buffer.from('{"é":1}') });
    assert.equal(request.sizeBytes, 8n);
    assert.deepEqual(encoded({ body: "" }).request?.body(), { kind: "whole", bytes: Buffer.alloc(0) });
  });

  it("may be a connection", () => {
    const source = { address: "10.0.0.1", certificate: "-----BEGIN x-----\n" };
    const destination = { address: "10.0.0.2", port: 5_432, spiffe: "spiffe://cluster.local/ns/db/sa/db" };
    const facts = encoded({ protocol: "tcp", sni: "db.example.com", source, destination });
    assert.equal(facts.request, undefined);
    assert.equal(facts.serverName, "db.example.com");
    assert.equal(facts.source.certificate, "-----BEGIN%20x-----%0A");
    const { address, port, principal } = facts.destination;
    assert.deepEqual([address, port, principal], ["10.0.0.2", 5_432, destination.spiffe]);
  });
});
