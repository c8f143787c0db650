import assert from "node:assert/strict";
import { answerOf } from "../../src/runtime/answer.ts";

const denied = (more: object): unknown => answerOf({ verdict: "deny", ...more }, {});

describe("a refusal of a handler", () => {
  it("has a body and headers of its own", () => {
    const body = { text: '{"error":"limits"}', contentType: "application/json" };
    const headers = new Map([["retry-after", "7"]]);
    assert.deepEqual(denied({ status: 429, body, headers }), { verdict: "deny", status: 429, body, headers });
  });

  it("stands without what of it cannot be used", () => {
    for (const more of [
      { status: "429", message: 7, body: "text", headers: { "retry-after": "7" } },
      { body: { text: "x" }, headers: new Map() },
      { body: { text: "x", contentType: "text/plain\r\nx: y" } },
      {
        headers: new Map<unknown, unknown>([
          ["Retry-After", "7"],
          ["a b", "c"],
          ["x", "a\nb"],
          ["", "x"],
          [1, "x"],
          ["x", 1],
        ]),
      },
      {
        headers: new Map([
          ["content-length", "7"],
          ["content-type", "a/b"],
          ["transfer-encoding", "chunked"],
        ]),
      },
      {
        headers: new Map([
          ["x-weir-decision", "a"],
          ["grpc-status", "0"],
          ["connection", "close"],
        ]),
      },
    ]) {
      assert.deepEqual(denied(more), { verdict: "deny" });
    }
  });

  it("has at most sixteen headers", () => {
    const headers = new Map(Array.from({ length: 40 }, (_, index) => [`x-${index}`, "y"]));
    const answer = answerOf({ verdict: "deny", headers }, {});
    assert.equal(answer.verdict === "deny" && answer.headers?.size, 16);
  });

  it("tells who was refused, in outputs that the adapter declares", () => {
    const declared = { client: { type: "string", meaning: "The client" } };
    const outputs = new Map([["client", "c1"]]);
    assert.deepEqual(answerOf({ verdict: "deny", outputs }, declared), { verdict: "deny", outputs });
    for (const wrong of [new Map([["client", 5]]), new Map([["other", "c1"]]), { client: "c1" }]) {
      assert.deepEqual(answerOf({ verdict: "deny", outputs: wrong }, declared), { verdict: "deny" });
    }
  });
});
