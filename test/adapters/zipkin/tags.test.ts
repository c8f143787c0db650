import assert from "node:assert/strict";
import { tagsOf } from "../../../adapters/zipkin/tags.ts";
import type { Exchange, FieldValue } from "../../../src/adapter/report.ts";
import { exchangeOf } from "./exchange.ts";

const tags = (attributes: Readonly<Record<string, FieldValue>>, more: Partial<Exchange> = {}): unknown =>
  tagsOf(exchangeOf({ attributes: new Map(Object.entries(attributes)), ...more }));

describe("the tags of a span", () => {
  it("have Zipkin's and Envoy's names, and others as they are", () => {
    assert.deepEqual(
      tags({
        "http.request.method": "GET",
        "url.path": "/orders/7",
        "http.response.status_code": 200,
        "rpc.grpc.status_code": 14,
        "envoy.response_flags": "UH,UF",
        "envoy.request_id": "r-1",
        "weir.decision.rule": "own",
      }),
      {
        "http.method": "GET",
        "http.path": "/orders/7",
        "http.status_code": "200",
        "grpc.status_code": "14",
        response_flags: "UH,UF",
        "guid:x-request-id": "r-1",
        "weir.decision.rule": "own",
      },
    );
  });

  it("are texts, whatever the values are", () => {
    assert.deepEqual(tags({ a: true, b: null, c: ["x", 1], d: { e: 2.5 }, f: "" }), {
      a: "true",
      b: "null",
      c: '["x",1]',
      d: '{"e":2.5}',
      f: "",
    });
  });

  it("say why an exchange failed, and nothing where it did not", () => {
    assert.deepEqual(tags({}, { failure: "UF" }), { error: "UF" });
    assert.deepEqual(tags({}), {});
  });

  it("are the rule's where it names one that is there", () => {
    const added = new Map([
      ["http.path", "/orders/*"],
      ["team", "a"],
    ]);
    assert.deepEqual(tags({ "url.path": "/orders/7" }, { added }), { "http.path": "/orders/*", team: "a" });
  });

  it("are cut where they are long", () => {
    assert.deepEqual(tags({ a: "x".repeat(5_000) }), { a: `${"x".repeat(4_096)}…` });
  });

  it("keep names that mean something to JavaScript", () => {
    const added = new Map([["__proto__", "x"]]);
    assert.equal(JSON.stringify(tags({}, { added })), '{"__proto__":"x"}');
  });
});
