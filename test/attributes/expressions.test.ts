import assert from "node:assert/strict";
import { Connection } from "../../src/attributes/connection.ts";
import type { BodyFacts } from "../../src/attributes/facts.ts";
import { Client } from "../../src/attributes/peer.ts";
import { Proxy } from "../../src/attributes/proxy.ts";
import { Request } from "../../src/attributes/request.ts";
import { rootOf, VOCABULARY } from "../../src/attributes/vocabulary.ts";
import { createEngine } from "../../src/cel/environment.ts";
import { Unknown } from "../../src/cel/expression.ts";
import { attributes, certificate, NOBODY } from "./fixture.ts";

const classes = { request: Request, connection: Connection, proxy: Proxy, client: Client };

const environment = createEngine().environment({
  types: Object.entries(classes).map(([root, constructedBy]) => ({
    name: constructedBy.name,
    constructedBy,
    fields: Object.fromEntries(
      VOCABULARY.filter((one) => rootOf(one.name) === root && one.phases.includes("check")).map(
        ({ name, type }) => [name.slice(root.length + 1), type],
      ),
    ),
  })),
  variables: Object.fromEntries(Object.entries(classes).map(([root, { name }]) => [root, name])),
});

function evaluate(source: string, body: BodyFacts): unknown {
  const parsed = environment.parse(source);
  assert.ok("reads" in parsed, source);
  const expression = environment.compile(parsed, "any");
  assert.ok("evaluate" in expression, JSON.stringify(expression));
  const more = {
    source: { ...NOBODY, address: "10.0.0.1", certificate: encodeURIComponent(certificate("one-uri")) },
    serverName: "Shop.example.com",
    proxy: { principal: "spiffe://cluster.local/a", listenerRole: undefined },
  };
  return expression.evaluate(attributes({ body: () => body }, more));
}

const whole = (text: string): BodyFacts => ({ kind: "whole", bytes: Buffer.from(text) });

describe("an expression", () => {
  for (const [source, text, expected] of [
    ['request.body == b"hello"', "hello", true],
    ["size(request.body)", "héllo", 6n],
    ["string(request.body)", "héllo", "héllo"],
    ['request.json.items[1].name == "b"', '{"items":[{"name":"a"},{"name":"b"}]}', true],
    ["request.json.amount > 5.0", '{"amount":6}', true],
    ["request.json.amount == 6", '{"amount":6}', true],
    ["has(request.json.a)", "{}", false],
    ["has(request.json.__proto__)", "{}", false],
    ['"constructor" in request.json', "{}", false],
    ["request.json == null", "null", true],
    ["request.json.all(one, one > 1.0)", "[2,3]", true],
    ['connection.requested_server_name.endsWith(".example.com")', "", true],
    ['connection.peer_certificate.startsWith("-----BEGIN CERTIFICATE-----")', "", true],
    ['proxy.principal == "spiffe://cluster.local/a" && proxy.role == "sidecar"', "", true],
    ['client.ip == ip("10.0.0.1")', "", true],
  ] as const) {
    it(`${source} of ${JSON.stringify(text)} is ${String(expected)}`, () => {
      assert.equal(evaluate(source, whole(text)), expected);
    });
  }

  for (const [source, body, fault] of [
    ["request.body == b''", { kind: "unseen" }, "request"],
    ["request.body != b'x'", { kind: "cut" }, "request"],
    ["has(request.body)", { kind: "unseen" }, "request"],
    ["has(request.json.a)", { kind: "unseen" }, "request"],
    ["!has(request.json.a)", whole("{"), "request"],
    ["request.json.a == 1", whole('{"a":1,"a":2}'), "request"],
    ["request.json.a == 1", whole("[".repeat(65) + "]".repeat(65)), "budget"],
    ["request.json.a == 1", whole("{}"), "request"],
  ] as const) {
    it(`${source} is UNKNOWN by the ${fault}'s fault where the body is ${body.kind}`, () => {
      const value = evaluate(source, body);
      assert.ok(value instanceof Unknown);
      assert.equal(value.fault, fault);
    });
  }
});
