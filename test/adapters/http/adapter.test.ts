import assert from "node:assert/strict";
import { http } from "../../../adapters/http/adapter.ts";
import type { CheckAnswer, Handler } from "../../../src/adapter/adapter.ts";
import { createEngine } from "../../../src/cel/environment.ts";
import { createOutbound, type Outbound } from "../../../src/host/fetch.ts";
import { createHost } from "../../../src/host/host.ts";
import { LentCompiler } from "../../../src/policy/lent-compiler.ts";
import { NO_METRICS } from "../../host/no-metrics.ts";
import { keptLog, serve, type LocalServer } from "../../host/server.ts";

interface Reply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

interface Seen {
  readonly line: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

describe("the http adapter", () => {
  const compiler = new LentCompiler(createEngine());
  let server: LocalServer;
  let outbound: Outbound;
  let seen: Seen[];
  let reply: Reply;
  const handlers: Handler[] = [];

  beforeEach(async () => {
    seen = [];
    reply = {};
    server = await serve((request, response) => {
      let body = "";
      request.on("data", (part) => (body += String(part)));
      request.on("end", () => {
        seen.push({ line: `${request.method} ${request.url}`, headers: request.headers, body });
        const { status = 200, headers = { "content-type": "application/json" } } = reply;
        response.writeHead(status, headers).end(reply.body ?? '{"allowed": true, "plan": "gold"}');
      });
    });
    outbound = createOutbound({ settings: { allowPrivate: ["127.0.0.1"] }, log: keptLog() });
  });
  afterEach(async () => {
    for (const handler of handlers.splice(0)) await handler.close();
    await Promise.all([outbound.close(), server.close()]);
  });

  function made(more: object = {}, previous?: Handler): Handler {
    const config = { url: `${server.url}/api`, allow: "response.body.allowed", ...more };
    assert.ok(http.config.safeParse(config).success, "the configuration is good");
    assert.deepEqual(http.declare?.(config, compiler).problems, []);
    const host = createHost({
      log: keptLog(),
      nowMs: Date.now,
      fetch: outbound.fetch,
      metrics: NO_METRICS,
      compiler,
      secret: () => Promise.resolve("Bearer tok-1"),
    });
    const handler = http.create(config, host, previous);
    handlers.push(handler);
    return handler;
  }
  const ask = async (
    handler: Handler,
    values: Readonly<Record<string, unknown>> = {},
  ): Promise<CheckAnswer> => {
    const call = { deadlineAtMs: Date.now() + 2_000, signal: new AbortController().signal };
    return (await handler.check?.(new Map(Object.entries(values)), call)) ?? assert.fail("it answers");
  };

  it("makes the request that is written, and asks once for equal inputs", async () => {
    const handler = made({
      method: "POST",
      inputs: { user: "string", count: "int", tags: "list(string)" },
      path: "/users/${input.user}/x${input.count}",
      query: { of: "${input.user}", "a b": "$${x}" },
      headers: { "X-User": "u ${input.user}" },
      secretHeaders: { authorization: { env: "TOKEN" } },
      json: '{"user": input.user, "next": input.count + 1, "tags": input.tags}',
    });
    const values = { user: "a/b ?#ü", count: 4n, tags: ["x"] };
    assert.equal((await ask(handler, { ...values, user: "a/b ?#" })).verdict, "allow");
    assert.equal((await ask(handler, { ...values, user: "a/b ?#" })).verdict, "allow");
    const [{ line, headers, body } = assert.fail(), ...more] = seen;
    assert.deepEqual(more, []);
    assert.equal(line, "POST /api/users/a%2Fb%20%3F%23/x4?of=a%2Fb%20%3F%23&a%20b=%24%7Bx%7D");
    assert.equal(headers["x-user"], "u a/b ?#");
    assert.equal(headers["authorization"], "Bearer tok-1");
    assert.equal(headers["content-type"], "application/json");
    assert.equal(body, '{"user":"a/b ?#","next":5,"tags":["x"]}');
    await ask(handler, { ...values, user: "a/b ?#", tags: ["x", "y"] });
    assert.equal(seen.length, 2);
  });

  it("knows what the handler before it knew, while the same is asked of the same", async () => {
    const before = made();
    await ask(before);
    const asked = async (more: object): Promise<number> => {
      const requests = seen.length;
      await ask(made(more, before));
      return seen.length - requests;
    };
    for (const same of [{ timeout: "1s" }, { onFailure: "resilient" }, { retry: "never" }])
      assert.equal(await asked(same), 0, JSON.stringify(same));
    for (const other of [
      { url: `${server.url}/other` },
      { headers: { "x-a": "1" } },
      { secretHeaders: { authorization: { env: "TOKEN" } } },
      { allow: "!response.body.allowed" },
      { outputs: { plan: { type: "string", value: "response.body.plan" } } },
      { cache: { denied: "1s" } },
    ])
      assert.equal(await asked(other), 1, JSON.stringify(other));
  });

  it("sends forms", async () => {
    await ask(
      made({ method: "POST", inputs: { user: "string" }, form: { user: "${input.user}", a: "b&c" } }),
      {
        user: "ann=1",
      },
    );
    assert.equal(seen[0]?.body, "user=ann%3D1&a=b%26c");
    assert.equal(seen[0].headers["content-type"], "application/x-www-form-urlencoded");
  });

  it("sends nothing that would be another request than the one that is written", async () => {
    const handler = made({
      inputs: { user: "string" },
      path: "/users/${input.user}",
      headers: { "x-user": "${input.user}" },
    });
    for (const user of ["", ".", "..", "a\r\nx-admin: 1", "\ud800", "a\u0000", "ü"]) {
      const answer = await ask(handler, { user });
      assert.deepEqual(
        [answer.verdict, "status" in answer && answer.status],
        ["deny", 400],
        JSON.stringify(user),
      );
    }
    assert.equal(seen.length, 0);
    await ask(handler, { user: "%2e%2e" });
    assert.equal(seen[0]?.line, "GET /api/users/%252e%252e");
  });

  const HTML = { "content-type": "text/html" };
  const error = (reason: string): CheckAnswer => ({ verdict: "error", reason });
  const ROWS: readonly (readonly [what: string, more: object, reply: Reply, wanted: CheckAnswer])[] = [
    ["yes", {}, {}, { verdict: "allow", outputs: new Map() }],
    ["a no", {}, { body: '{"allowed": false}' }, { verdict: "deny" }],
    [
      "a no with words",
      { deny: { status: "402", message: "response.body.why" } },
      { body: '{"allowed": false, "why": "Pay."}' },
      { verdict: "deny", status: 402, message: "Pay." },
    ],
    [
      "a no whose words are none",
      { deny: { status: "response.body.code", message: "response.body.why" } },
      { body: '{"allowed": false, "code": 200, "why": 5}' },
      { verdict: "deny" },
    ],
    ["neither", {}, { body: "{}" }, error("`allow` has no value for what the service answered")],
    [
      "a text for a yes",
      {},
      { body: '{"allowed": "true"}' },
      error("`allow` has no value for what the service answered"),
    ],
    [
      "a page",
      {},
      { headers: HTML, body: "<p>" },
      error("the service answered with status 200, whose body cannot be read: it is no JSON"),
    ],
    [
      "a status alone",
      { allow: "response.status == 204" },
      { status: 204 },
      { verdict: "allow", outputs: new Map() },
    ],
    [
      "text",
      { allow: 'response.text == "ok"' },
      { headers: HTML, body: "ok" },
      { verdict: "allow", outputs: new Map() },
    ],
    [
      "a header",
      { allow: 'response.headers["x-ok"] == "1"' },
      { headers: { "x-ok": "1" } },
      { verdict: "allow", outputs: new Map() },
    ],
    ["a failure", {}, { status: 503 }, error("the service answered with status 503")],
    [
      "a failure of its own kind",
      { failed: "response.status != 200" },
      { status: 404 },
      error("the service answered with status 404"),
    ],
    [
      "an output of another type",
      { outputs: { plan: { type: "int", value: "response.body.plan" } } },
      {},
      error("the output plan is no int"),
    ],
  ];
  for (const [what, more, given, wanted] of ROWS) {
    it(`hears ${what}`, async () => {
      reply = given;
      assert.deepEqual(await ask(made(more)), wanted);
    });
  }

  it("gives outputs their types, and leaves out what is not there", async () => {
    reply = { body: '{"allowed": true, "plan": "gold", "limits": {"day": 5}}' };
    const outputs = {
      plan: { type: "string", value: "response.body.plan" },
      limits: { type: "map(string, int)", value: "response.body.limits" },
      twice: { type: "int", value: "response.body.limits.day * 2" },
      missing: { type: "string", value: "response.body.missing" },
    };
    const config = { url: "http://a.example.com", inputs: { user: "string" }, allow: "true", outputs };
    const declared = http.declare?.(config, compiler);
    assert.equal(declared?.outputs?.["limits"]?.type, "map(string, int)");
    assert.equal(declared.inputs?.["user"]?.type, "string");
    const answer = await ask(made({ outputs }));
    assert.ok(answer.verdict === "allow");
    const wanted = new Map<string, unknown>([
      ["plan", "gold"],
      ["limits", new Map([["day", 5n]])],
      ["twice", 10n],
    ]);
    assert.deepEqual(answer.outputs, wanted);
  });

  it("says where an expression is wrong", () => {
    const config = {
      ...{ url: "http://a.example.com", inputs: { user: "string" }, path: "/${input.usr}" },
      ...{ allow: "response.statu == 200", deny: { status: '"402"' } },
    };
    const found = http.declare?.(config, compiler).problems ?? [];
    assert.deepEqual(
      found.map(({ path, message, start }) => [path.join("."), message, start]),
      [
        ["path", "there is no input.usr", 9],
        ["allow", "there is no response.statu", 9],
        ["deny.status", "this yields string, not int", 0],
      ],
    );
  });

  it("asks again what is safe to ask, and nothing else", async () => {
    reply = { status: 500 };
    await ask(made());
    assert.equal(seen.length, 2);
    await ask(made({ method: "POST", json: "{}" }));
    assert.equal(seen.length, 3);
    await ask(made({ method: "POST", json: "{}", retry: "safe" }));
    assert.equal(seen.length, 5);
  });

  it("uses answers for as long as Cache-Control says, where it is told to", async () => {
    const rows: readonly (readonly [headers: Readonly<Record<string, string>>, asked: number])[] = [
      [{ "cache-control": "no-store" }, 2],
      [{ "cache-control": "private, max-age=60" }, 2],
      [{ "cache-control": "max-age=0" }, 2],
      [{ "cache-control": "max-age=60", age: "60" }, 2],
      [{ "cache-control": "max-age=much" }, 2],
      [{ "cache-control": "public, S-MaxAge=60, max-age=0" }, 1],
      [{ "cache-control": 'max-age="60"' }, 1],
      [{ "cache-control": "must-revalidate" }, 1],
      [{}, 1],
    ];
    for (const [headers, asked] of rows) {
      seen.length = 0;
      reply = { headers: { "content-type": "application/json", ...headers } };
      const handler = made({ freshness: "cache-control" });
      await ask(handler);
      await ask(handler);
      assert.equal(seen.length, asked, JSON.stringify(headers));
    }
  });

  it("is under the guards of whatever goes out, and shows nothing of a request", async () => {
    const elsewhere = made({
      url: "http://127.0.0.2:9/api",
      path: "/${input.key}",
      inputs: { key: "string" },
    });
    const answer = await ask(elsewhere, { key: "sec-1" });
    assert.ok(answer.verdict === "error");
    assert.match(answer.reason, /GET http:\/\/127\.0\.0\.2:9\/api .*not a public address/);
    assert.doesNotMatch(answer.reason + elsewhere.status().detail, /sec-1/);
  });
});
