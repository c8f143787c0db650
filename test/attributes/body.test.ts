import assert from "node:assert/strict";
import { bodyFacts, contentLength } from "../../src/attributes/body.ts";
import type { BodyFacts } from "../../src/attributes/facts.ts";
import { ValueFault } from "../../src/std/fault.ts";
import { attributes } from "./fixture.ts";

const whole = (text: string): BodyFacts => ({ kind: "whole", bytes: Buffer.from(text) });

describe("what came of a body", () => {
  const cases: readonly [what: string, headers: Record<string, string>, sent: string, BodyFacts["kind"]][] = [
    ["Envoy says that it is whole", { "x-envoy-auth-partial-body": "false" }, "hello", "whole"],
    ["Envoy says that it is whole and empty", { "x-envoy-auth-partial-body": "false" }, "", "whole"],
    [
      "Envoy says that it was cut",
      { "x-envoy-auth-partial-body": "true", "content-length": "5" },
      "hello",
      "cut",
    ],
    ["something else is said", { "x-envoy-auth-partial-body": "false,false" }, "hello", "cut"],
    ["nothing is said and nothing came", {}, "", "unseen"],
    ["a length is said and nothing came", { "content-length": "5" }, "", "unseen"],
    ["no length is said and something came", {}, "hello", "unseen"],
    ["as much came as was said", { "content-length": "5" }, "hello", "whole"],
    ["nothing was said to come", { "content-length": "0" }, "", "whole"],
    ["less came than was said", { "content-length": "6" }, "hello", "unseen"],
    ["the length is none", { "content-length": "0x5" }, "hello", "unseen"],
    ["the length comes twice", { "content-length": "0,0" }, "", "unseen"],
  ];
  for (const [what, headers, sent, kind] of cases) {
    it(`is ${kind} where ${what}`, () => {
      const marker = headers["x-envoy-auth-partial-body"];
      const declaredBytes = contentLength(new Map(Object.entries(headers)));
      assert.equal(bodyFacts(Buffer.from(sent), marker, declaredBytes).kind, kind);
    });
  }
});

describe("request.body and request.json", () => {
  it("are what came whole", () => {
    const { request } = attributes({ body: () => whole('{"a":[1,{"__proto__":null}]}') });
    assert.equal(Buffer.from(request.body).toString(), '{"a":[1,{"__proto__":null}]}');
    assert.deepEqual(request.json, new Map([["a", [1, new Map([["__proto__", null]])]]]));
    assert.equal(attributes({ body: () => whole("null") }).request.json, null);
  });

  it("are decoded once, for policies that hide headers too", () => {
    let times = 0;
    const headers = { joined: new Map([["x-a", "1"]]), all: undefined };
    const body = () => (times++, whole("[1]"));
    const { request } = attributes({ body, headers: () => headers });
    const hidden = request.without(new Set(["x-a"]));
    assert.notEqual(hidden, request);
    assert.equal(hidden.json, request.json);
    assert.equal(times, 1);
  });

  const faults: readonly [what: string, body: BodyFacts, fault: string, hasBody: boolean][] = [
    ["was cut", { kind: "cut" }, "request", false],
    ["was not sent", { kind: "unseen" }, "request", false],
    ["is empty", whole(""), "request", true],
    ["is no JSON", whole("{"), "request", true],
    ["names a field twice", whole('{"a":1,"a":2}'), "request", true],
    ["is longer than a MiB", whole(`"${"a".repeat(1 << 20)}"`), "budget", true],
    ["nests deeper than 64", whole("[".repeat(65) + "]".repeat(65)), "budget", true],
    ["has more than 100,000 values", whole(`[${"1,".repeat(100_000)}1]`), "budget", true],
  ];
  for (const [what, body, fault, hasBody] of faults) {
    it(`have no value, by the ${fault}'s fault, where the body ${what}`, () => {
      const { request } = attributes({ body: () => body });
      const isFault = (error: unknown): boolean => error instanceof ValueFault && error.fault === fault;
      for (let time = 0; time < 2; time++) assert.throws(() => request.json, isFault);
      if (hasBody) assert.ok(request.body instanceof Uint8Array);
      else assert.throws(() => request.body, isFault);
    });
  }

  it("have a value at the limits", () => {
    for (const text of [
      `"${"a".repeat((1 << 20) - 2)}"`,
      "[".repeat(64) + "]".repeat(64),
      `[${"1,".repeat(99_998)}1]`,
    ])
      assert.ok(attributes({ body: () => whole(text) }).request.json !== undefined);
  });
});
