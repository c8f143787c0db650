import assert from "node:assert/strict";
import { opa } from "../../../adapters/opa/adapter.ts";
import type { CheckAnswer, Handler } from "../../../src/adapter/adapter.ts";
import type { FetchAnswer } from "../../../src/adapter/host.ts";
import { createTestHost, type TestHost } from "../host.ts";

describe("the opa adapter", () => {
  let host: TestHost;
  beforeEach(() => (host = createTestHost()));

  const made = (more: object = {}): Handler =>
    opa.create({ url: "http://opa.example.com/base/", path: "mesh/allow", ...more }, host);
  const answers = (body: string, more: Partial<FetchAnswer> = {}): void =>
    void (host.remote = { kind: "answers", answer: () => ({ body: Buffer.from(body), ...more }) });
  const ask = async (handler: Handler, input = '{"user":"ann"}'): Promise<CheckAnswer> => {
    const call = { deadlineAtMs: host.nowMs() + 1_000, signal: new AbortController().signal };
    const answer = await handler.check?.(new Map([["input", input]]), call);
    return answer ?? assert.fail("it answers");
  };

  it("asks for the document with the input and the token, once for equal inputs", async () => {
    host.secrets.set("TOKEN", "tok-1");
    answers('{"result": true}');
    const handler = made({ token: { env: "TOKEN" } });
    for (let index = 0; index < 3; index++) assert.equal((await ask(handler)).verdict, "allow");
    assert.equal(host.requests.length, 1);
    const [{ url, method, headers, body } = assert.fail()] = host.requests;
    assert.deepEqual(
      [url, method, body],
      ["http://opa.example.com/base/v1/data/mesh/allow", "POST", '{"input":{"user":"ann"}}'],
    );
    assert.deepEqual(headers, { "content-type": "application/json", authorization: "Bearer tok-1" });
    await ask(handler, '{"user":"bob"}');
    assert.equal(host.requests.length, 2);
  });

  it("knows what the handler before it knew, while the same is asked of the same", async () => {
    answers('{"result": true}');
    const config = { url: "http://opa.example.com", path: "mesh/allow" };
    const before = opa.create(config, host);
    await ask(before);
    const asked = async (more: object): Promise<number> => {
      const requests = host.requests.length;
      await ask(opa.create({ ...config, ...more }, host, before));
      return host.requests.length - requests;
    };
    for (const same of [{ timeout: "1s" }, { onFailure: "open" }, { cache: { asksPerSecond: 7 } }])
      assert.equal(await asked(same), 0, JSON.stringify(same));
    host.secrets.set("TOKEN", "tok-1");
    for (const other of [
      { url: "http://other.example.com" },
      { path: "mesh/other" },
      { token: { env: "TOKEN" } },
      { undefined: "deny" },
      { cache: { allowed: "1s" } },
    ])
      assert.equal(await asked(other), 1, JSON.stringify(other));
  });

  const NO: CheckAnswer = { verdict: "deny" };
  const error = (reason: string): CheckAnswer => ({ verdict: "error", reason });
  const ROWS: readonly (readonly [body: string, more: object, wanted: CheckAnswer])[] = [
    ['{"result": true}', {}, { verdict: "allow", outputs: new Map() }],
    ['{"result": false}', {}, NO],
    [
      '{"result": true, "decision_id": "d"}',
      {},
      { verdict: "allow", outputs: new Map([["decision_id", "d"]]) },
    ],
    ["{}", {}, error("mesh/allow is not defined for this input")],
    ["{}", { undefined: "deny" }, NO],
    ['{"result": null}', {}, error("mesh/allow is neither a boolean nor an object")],
    ['{"result": "true"}', {}, error("mesh/allow is neither a boolean nor an object")],
    ['{"result": [true]}', {}, error("mesh/allow is neither a boolean nor an object")],
    ['{"result": {}}', {}, error("mesh/allow has no boolean allow")],
    ['{"result": {"allow": "yes"}}', {}, error("mesh/allow has no boolean allow")],
    ['{"result": {"allow": true}}', { verdict: "ok" }, error("mesh/allow has no boolean ok")],
    [
      '{"result": {"allow": false, "status": 402, "message": "Pay."}}',
      {},
      { verdict: "deny", status: 402, message: "Pay." },
    ],
    ['{"result": {"allow": false, "status": 200, "message": 5}}', {}, NO],
    [
      '{"result": {"allow": true, "plan": 5}}',
      { outputs: { plan: "string" } },
      error("mesh/allow has a plan that is no string"),
    ],
    ["true", {}, error("OPA's answer cannot be read: it is no object")],
    ["<html>", {}, error("OPA's answer cannot be read: the text is no JSON, at character 1")],
  ];
  for (const [body, more, wanted] of ROWS) {
    it(`takes ${body} with ${JSON.stringify(more)} for ${wanted.verdict}`, async () => {
      answers(body);
      const answer = await ask(made(more));
      if (answer.verdict === "error" && body === "<html>") assert.match(answer.reason, /cannot be read/);
      else assert.deepEqual(answer, wanted);
    });
  }

  it("gives fields of the result their types", async () => {
    answers(
      '{"result": {"allow": true, "plan": "gold", "left": 5, "rate": 2, "limits": {"day": 7}, "tags": ["a"]}}',
    );
    const outputs = {
      ...{ plan: "string", left: "int", rate: "double", limits: "map(string, int)", tags: "list(string)" },
      ...{ missing: "string" },
    };
    const declared = opa.declare?.({ url: "http://x", path: "a", outputs }, host.compiler);
    assert.equal(declared?.outputs?.["limits"]?.type, "map(string, int)");
    const answer = await ask(made({ outputs }));
    assert.ok(answer.verdict === "allow");
    assert.deepEqual(Object.fromEntries(answer.outputs ?? []), {
      result: answer.outputs?.get("result"),
      ...{ plan: "gold", left: 5n, rate: 2, limits: new Map([["day", 7n]]), tags: ["a"] },
    });
  });

  it("tells what failed from what is set up wrong, and asks twice where that is safe", async () => {
    const rows: readonly (readonly [status: number, asked: number, detail: RegExp])[] = [
      [500, 2, /the back-end fails: OPA answered with status 500/],
      [400, 1, /the back-end fails: OPA answered with status 400/],
      [401, 1, /refuses our own credentials or settings: OPA answered .*mesh\/allow with status 401/],
      [404, 1, /refuses our own credentials or settings/],
    ];
    for (const [status, asked, detail] of rows) {
      host = createTestHost();
      answers('{"result": true}', { status });
      const handler = made();
      assert.equal((await ask(handler)).verdict, "error");
      assert.equal(host.requests.length, asked, `asked after ${status}`);
      assert.match(handler.status().detail, detail);
    }
    host.remote = { kind: "away" };
    const answer = await ask(made());
    assert.deepEqual(answer, error("the connection was refused"));
  });

  it("answers what it knows while OPA is away, one that is asked again and again included", async () => {
    answers('{"result": true}');
    const handler = made({ onFailure: "resilient", cache: { allowed: "1s", maxAge: "1h" } });
    await ask(handler);
    host.remote = { kind: "away" };
    for (let index = 0; index < 20; index++) assert.equal((await ask(handler, `${index}`)).verdict, "error");
    host.advance(60_000);
    assert.equal((await ask(handler)).verdict, "allow");
    host.advance(3_600_000);
    assert.equal((await ask(handler)).verdict, "error");
    await handler.close();
  });
});
