import assert from "node:assert/strict";
import { connect } from "node:net";
import type { CheckFacts } from "../../src/attributes/facts.ts";
import { startExtAuthz, type ExtAuthzOptions, type HttpChecked } from "../../src/http/ext-authz.ts";
import type { HttpListener } from "../../src/http/listener.ts";
import type { HttpVerdict } from "../../src/http/response.ts";
import { requestHttp1, valuesOf, type Answer, type Outgoing } from "../support/http.ts";

const ALLOW: HttpVerdict = { kind: "allow", requestSet: [], requestRemove: [], responseSet: [] };
const deny = (status: number, body = "no\n"): HttpVerdict => ({
  kind: "deny",
  status,
  body,
  contentType: "text/plain",
  headers: [],
});

describe("HTTP ext_authz", () => {
  const open: HttpListener[] = [];
  let seen: CheckFacts | undefined;
  /** What was asked last. */
  const facts = (): CheckFacts | undefined => seen;
  let verdict: HttpVerdict;
  beforeEach(() => {
    seen = undefined;
    verdict = ALLOW;
  });
  afterEach(() => Promise.all(open.splice(0).map((one) => one.close())));

  async function start(options: Partial<ExtAuthzOptions> = {}): Promise<number> {
    const listener = await startExtAuthz({
      address: { kind: "tcp", host: "127.0.0.1", port: 0 },
      pathPrefix: "",
      check: {
        decide(found): HttpChecked {
          seen = found;
          return { verdict, decisionId: "d_one" };
        },
        refuse: ({ status, reason }) => ({ verdict: deny(status, reason), decisionId: "d_own" }),
      },
      onError: (error) => assert.fail(String(error)),
      graceMs: 1_000,
      ...options,
    });
    open.push(listener);
    return listener.address.kind === "tcp" ? listener.address.port : assert.fail("no port");
  }

  const ask = async (port: number, outgoing: Outgoing): Promise<Answer> => requestHttp1({ port }, outgoing);

  /** The bytes that come back for bytes. */
  const raw = (port: number, text: string): Promise<string> =>
    new Promise((resolve, reject) => {
      let answer = "";
      const socket = connect(port, "127.0.0.1", () => socket.write(text));
      socket.setEncoding("latin1").on("data", (part: string) => (answer += part));
      socket.on("end", () => resolve(answer)).on("error", reject);
    });

  for (const method of [
    "GET",
    "HEAD",
    "POST",
    "DELETE",
    "OPTIONS",
    "PURGE",
    "PROPFIND",
    "QUERY",
    "TRACE",
    "M-SEARCH",
  ]) {
    it(`takes ${method} for a check`, async () => {
      const { status, headers } = await ask(await start(), { method, path: "/a%2Fb/../c?x=%00" });
      assert.equal(status, 200);
      assert.deepEqual(valuesOf(headers, "x-weir-decision"), ["d_one"]);
      assert.equal(facts()?.request?.method, method);
      assert.equal(facts()?.request?.path, "/a%2Fb/../c?x=%00");
      assert.equal(facts()?.request?.host, "example.com");
    });
  }

  it("takes CONNECT for a check, and an asterisk for a path", async () => {
    const port = await start();
    assert.match(
      await raw(port, "CONNECT a.example.com:443 HTTP/1.1\r\nhost: a.example.com\r\n\r\n"),
      /^HTTP\/1\.1 200 /,
    );
    assert.deepEqual([facts()?.request?.method, facts()?.request?.path], ["CONNECT", ""]);
    assert.match(
      await raw(port, "OPTIONS * HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"),
      /^HTTP\/1\.1 200 /,
    );
    assert.equal(facts()?.request?.path, "*");
  });

  const prefixes: readonly (readonly [prefix: string, path: string, seen: string | 400])[] = [
    ["/check", "/check/a", "/a"],
    ["/check", "/check/check/a", "/check/a"],
    ["/check", "/check/", "/"],
    ["/check", "/check*", "*"],
    ["/check", "/check", 400],
    ["/check", "/checked", 400],
    ["/check", "/a", 400],
    ["/check", "/%63heck/a", 400],
    ["", "/a//b", "/a//b"],
    ["", "http://example.com/a", 400],
  ];
  for (const [pathPrefix, path, expected] of prefixes) {
    it(`reads ${path} behind the prefix "${pathPrefix}" as ${expected}`, async () => {
      const { status } = await ask(await start({ pathPrefix }), { path });
      assert.equal(status, expected === 400 ? 400 : 200);
      assert.equal(facts()?.request?.path, expected === 400 ? undefined : expected);
    });
  }

  it("reads no body of its own accord: JSON without content is a check", async () => {
    const headers = [
      ["content-type", "application/json"],
      ["content-length", "0"],
    ] as const;
    assert.equal((await ask(await start(), { method: "POST", headers })).status, 200);
    assert.deepEqual(facts()?.request?.body(), { kind: "unseen" });
    assert.equal(facts()?.request?.sizeBytes, undefined);
  });

  it("hands on a body, and says where Envoy cut it", async () => {
    const port = await start();
    const bodies: readonly (readonly [body: string, marker: string | undefined, found: object])[] = [
      ["{not json", "false", { kind: "whole", bytes: Buffer.from("{not json") }],
      ["", "false", { kind: "whole", bytes: Buffer.alloc(0) }],
      ["part", "true", { kind: "cut" }],
      ["part", "false,true", { kind: "cut" }],
      ["unmarked", undefined, { kind: "unseen" }],
    ];
    for (const [body, marker, found] of bodies) {
      const marked = marker === undefined ? [] : [["x-envoy-auth-partial-body", marker] as const];
      await ask(port, { method: "POST", body, headers: [["content-type", "application/json"], ...marked] });
      assert.deepEqual(facts()?.request?.body(), found, `${body} ${marker ?? ""}`);
    }
  });

  it("refuses a body that is too large, and never by ending the connection, which is an error to Envoy", async () => {
    const length = 24 * 1024 * 1024;
    const answer = await raw(
      await start(),
      `POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${length}\r\n\r\n${"x".repeat(length)}` +
        "GET /next HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
    );
    assert.deepEqual(answer.match(/HTTP\/1\.1 \d+/g), ["HTTP/1.1 413", "HTTP/1.1 200"]);
    assert.equal(facts()?.request?.path, "/next");
  });

  it("refuses what is no HTTP and waits for the rest of it, for the same reason", async () => {
    const length = 24 * 1024 * 1024;
    const answer = await raw(
      await start(),
      `GeT / HTTP/1.1\r\nhost: a\r\ncontent-length: ${length}\r\n\r\n${"x".repeat(length)}`,
    );
    assert.match(answer, /^HTTP\/1\.1 400 /);
    assert.equal(facts(), undefined);
  });

  it("joins header lines, and leaves out what is said of the question alone", async () => {
    const headers = [
      ["X-A", "1"],
      ["x-a", "2"],
      ["__proto__", "p"],
      ["x-u", "\u00c3\u00a9"],
      ["x-bad", "\u00ff"],
      ["authorization", "a"],
      ["authorization", "b"],
      ["x-envoy-internal", "true"],
      ["x-envoy-expected-rq-timeout-ms", "5000"],
    ] as const;
    await ask(await start(), { path: "/p", headers });
    const found = facts()?.request?.headers();
    assert.deepEqual(
      found?.joined,
      new Map([
        [":authority", "example.com"],
        [":method", "GET"],
        [":path", "/p"],
        ["x-a", "1,2"],
        ["__proto__", "p"],
        ["x-u", "é"],
        ["x-bad", "!"],
        ["authorization", "a,b"],
      ]),
    );
    assert.equal(found.all, undefined, "Envoy may have joined them before");
  });

  it("refuses two hosts, and hands on none", async () => {
    const port = await start();
    assert.equal((await ask(port, { headers: [["host", "evil.example.com"]] })).status, 400);
    assert.equal(facts(), undefined);
    assert.match(await raw(port, "GET / HTTP/1.1\r\nconnection: close\r\n\r\n"), /^HTTP\/1\.1 200 /);
    assert.equal(facts()?.request?.host, "");
  });

  it("takes headers as large as Envoy's, and refuses larger ones", async () => {
    const port = await start();
    assert.equal((await ask(port, { headers: [["x-large", "a".repeat(96 * 1024)]] })).status, 200);
    assert.equal((await ask(port, { headers: [["x-large", "a".repeat(160 * 1024)]] })).status, 431);
  });

  it("refuses what is no HTTP", async () => {
    assert.match(await raw(await start(), "NONSENSE / HTTP/1.1\r\nhost: a\r\n\r\n"), /^HTTP\/1\.1 400 /);
  });

  it("writes grants", async () => {
    verdict = {
      ...ALLOW,
      requestSet: [["x-user", "zoé"]],
      requestRemove: ["x-a", "x-b"],
      responseSet: [
        ["set-cookie", "a=1"],
        ["set-cookie", "b=2"],
      ],
    };
    const { status, headers, body } = await ask(await start(), {});
    assert.equal(status, 200);
    assert.equal(body.length, 0);
    assert.deepEqual(
      valuesOf(headers, "x-user").map((value) => Buffer.from(value, "latin1").toString()),
      ["zoé"],
    );
    assert.deepEqual(valuesOf(headers, "x-envoy-auth-headers-to-remove"), ["x-a,x-b"]);
    assert.deepEqual(valuesOf(headers, "set-cookie"), ["a=1", "b=2"]);
  });

  const statuses: readonly (readonly [denied: number, status: number, meant: readonly string[]])[] = [
    [403, 403, []],
    [401, 401, []],
    [302, 302, []],
    [429, 429, []],
    [500, 403, ["500"]],
    [503, 403, ["503"]],
    [200, 403, ["200"]],
    [204, 403, ["204"]],
  ];
  for (const [denied, expected, meant] of statuses) {
    it(`writes a denial with ${denied} as ${expected}`, async () => {
      verdict = deny(denied);
      const { status, headers, body } = await ask(await start(), { method: "POST" });
      assert.equal(status, expected);
      assert.deepEqual(valuesOf(headers, "x-weir-status"), meant);
      assert.equal(body.toString(), "no\n");
    });
  }

  it("writes 503 for an error of ours alone", async () => {
    verdict = { kind: "error" };
    assert.equal((await ask(await start(), {})).status, 503);
  });

  const lost: readonly (readonly [string, Partial<HttpVerdict>])[] = [
    ["query parameters", { queryRemove: ["token"] }],
    ["appended headers", { requestAppend: [["x-a", "1"]] }],
    ["one header both ways", { requestSet: [["x-a", "1"]], responseSet: [["x-a", "2"]] }],
  ];
  for (const [what, effects] of lost) {
    it(`refuses a grant with ${what}, which HTTP cannot carry`, async () => {
      verdict = { ...ALLOW, ...effects } as HttpVerdict;
      const { status, headers } = await ask(await start(), {});
      assert.deepEqual([status, valuesOf(headers, "x-weir-status")], [403, ["500"]]);
    });
  }

  it("refuses when deciding throws, and when an answer cannot be written", async () => {
    const told: unknown[] = [];
    const onError = (error: unknown) => told.push(error);
    const check = {
      decide: () => {
        throw new Error("secret");
      },
      refuse: () => ({ verdict: deny(500), decisionId: "d_own" }),
    };
    const { status, body } = await ask(await start({ check, onError }), {});
    assert.deepEqual([status, body.toString()], [403, "no\n"]);
    assert.equal(told.length, 1);
  });

  it("finishes what is under way when it closes", async () => {
    const begun = Promise.withResolvers<undefined>();
    const answer = Promise.withResolvers<HttpChecked>();
    const check = {
      decide: () => {
        begun.resolve(undefined);
        return answer.promise;
      },
      refuse: () => assert.fail("refused"),
    };
    const asked = ask(await start({ check }), {});
    await begun.promise;
    const closed = open.pop()?.close();
    answer.resolve({ verdict: ALLOW, decisionId: "d_late" });
    assert.equal((await asked).status, 200);
    await closed;
  });
});
