import assert from "node:assert/strict";
import { namespacesOf, partsOf, type Part } from "../../src/envoy/needs.ts";
import { needsFor, policyOf } from "./fixture.ts";

const MTLS = "identities:\n  workload: { mtls: { trustDomains: [cluster.local] } }\n";

describe("what policies need of Envoy", () => {
  const rows: readonly (readonly [what: string, parts: readonly Part[], text: string])[] = [
    [
      "nothing for what each check says",
      [],
      policyOf('request.headers["x-a"] == "b" || client.ip == source.ip'),
    ],
    ["the body", ["body"], policyOf("size(request.body) > 10")],
    ["the body, for its JSON", ["body"], policyOf('request.json.kind == "a"')],
    ["nothing for the size, which a header may say", [], policyOf("request.size > 10")],
    ["lines of headers", ["rawHeaders"], policyOf('size(request.headers_all["x-a"]) > 1')],
    ["the certificate", ["certificate"], policyOf('connection.peer_certificate.contains("a")')],
    ["the certificate, for its one name", ["certificate"], policyOf("!has(source.principal)")],
    ["the certificate, for an identity", ["certificate"], policyOf("!has(auth.workload)", MTLS)],
    ["nothing for an identity that no rule reads", [], policyOf('request.method == "PUT"', MTLS)],
    ["the TLS session", ["tlsSession"], policyOf('connection.requested_server_name == "a"')],
    ["metadata", ["metadata"], policyOf('metadata["ns"].a == "b"')],
    ["context extensions", ["contextExtensions"], policyOf('context_extensions["a"] == "b"')],
    [
      "routes",
      ["contextExtensions"],
      policyOf('request.method == "PUT"').replace("match:\n", "match:\n  routes: [a]\n"),
    ],
    ["a name of the proxy's own", ["proxyName"], policyOf('proxy.principal == "a"')],
    ["what a let reads", ["body"], policyOf("big", "let:\n  big: size(request.body) > 10\n")],
    [
      "what a match reads",
      ["body"],
      policyOf('request.method == "PUT"').replace("match:\n", "match:\n  when: size(request.body) > 1\n"),
    ],
    [
      "what a rule in shadow reads",
      ["body"],
      policyOf("size(request.body) > 10").replace("  - id: all", "    mode: shadow\n  - id: all"),
    ],
    [
      "what an effect reads",
      ["certificate"],
      `${policyOf('request.method == "PUT"')}    request: { set: { x-from: "\${source.principal}" } }\n`,
    ],
  ];
  for (const [what, parts, text] of rows) {
    it(`is ${what}`, () => {
      assert.deepEqual([...partsOf(needsFor({ "orders.yaml": text }), "http")], parts);
    });
  }

  it("says which rule reads what, and where", () => {
    const { all } = needsFor({ "orders.yaml": policyOf("size(request.body) > 10") });
    const [need] = all;
    assert.ok(need !== undefined && all.length === 1);
    assert.deepEqual([need.policy, need.rule, need.reader], ["orders", "asked", "request.body"]);
    assert.deepEqual([need.place.file, need.place.line, need.place.column], ["orders.yaml", 6, 9]);
  });

  it("is of HTTP or of TCP, each for itself", () => {
    const tcp = `weir: 1
policy: database
match: { protocol: tcp }
rules:
  - id: named
    allow: connection.requested_server_name == "db"
`;
    const needs = needsFor({ "database.yaml": tcp, "orders.yaml": policyOf("size(request.body) > 10") });
    assert.deepEqual([...partsOf(needs, "tcp")], ["tlsSession"]);
    assert.deepEqual([...partsOf(needs, "http")], ["body"]);
    assert.deepEqual(
      needs.tcpPolicies.map(({ policy }) => policy),
      ["database"],
    );
  });

  it("has the namespaces of metadata by name, from expressions and from identities", () => {
    const claims = "identities:\n  user: { metadata: { namespace: b, claims: { sub: string } } }\n";
    const needs = needsFor({ "orders.yaml": policyOf('metadata["a"].x == 1 || has(auth.user)', claims) });
    assert.deepEqual(namespacesOf(needs, "http"), ["a", "b"]);
  });

  const setting = (header: string, id = "other"): string =>
    `weir: 1\npolicy: ${id}\nmatch: { hosts: [${id}.example.com] }\nrules:\n  - id: all\n    allow: request.method == "GET"\n    request: { set: { ${header}: a } }\n`;

  it("guards what policies own and nothing else reads", () => {
    const reads = policyOf('request.headers["X-User"] == "root"');
    const { guarded, unguarded } = needsFor({
      ...{ "a.yaml": setting("x-kind"), "b.yaml": setting("x-user", "users"), "orders.yaml": reads },
    });
    assert.deepEqual(guarded, ["x-kind"]);
    assert.deepEqual([...unguarded], [["x-user", "orders"]]);
  });

  it("never guards where credentials are looked for", () => {
    const jwt = `identities:
  user: { jwt: { issuer: https://idp.example.com, audiences: [a], jwks: https://idp.example.com/certs, claims: { sub: string } } }
`;
    const files = { "a.yaml": setting("authorization"), "orders.yaml": policyOf("!has(auth.user)", jwt) };
    const { guarded, unguarded, headersRead } = needsFor(files);
    assert.deepEqual(guarded, []);
    assert.deepEqual([...unguarded], [["authorization", "auth.user of orders"]]);
    assert.deepEqual(headersRead, ["authorization"]);
  });
});
