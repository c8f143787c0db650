import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { askingBootstrap, named, overHttp } from "../security/bootstrap.ts";
import { httpOf, startSecurityWeir } from "../security/weir.ts";
import { startEnvoy, type Envoy } from "../support/envoy.ts";
import { requestHttp1, requestHttp2, valuesOf, type Outgoing } from "../support/http.ts";
import { requestGrpc } from "../support/mesh.ts";
import { need } from "../support/need.ts";
import { startUpstream, type ReceivedRequest, type Upstream } from "../support/upstream.ts";

const files = {
  "effects.yaml": `
weir: 1
policy: effects
match:
  hosts: [effects.test]
rules:
  - id: known
    when: request.url_path == "/known"
    allow: "true"
    request:
      set:
        X-User: zoé
        x-kind: known
      append:
        x-via: weir
      remove: [X-Gone]
    response:
      set:
        x-served-for: zoé
        content-type: text/plain
        set-cookie: seen=1; Path=/
  - id: anonymous
    allow: "true"
`,
  "denials.yaml": `
weir: 1
policy: denials
match:
  hosts: [denials.test]
rules:
  - id: json
    deny: request.url_path == "/json"
    status: 451
    body: '{"reason":"zoé"}'
    type: application/json
    response:
      set:
        www-authenticate: Bearer
      append:
        set-cookie: a=1
  - id: moved
    deny: request.url_path == "/moved"
    redirect: https://login.example.com/?back=\${request.url_path}
  - id: busy
    deny: request.url_path == "/busy"
    status: 503
    message: come back later
`,
  "seen.yaml": `
weir: 1
policy: seen
match:
  hosts: [seen.test]
let:
  shown: |
    ["x-a", "x_a", "x-forwarded-for", "x-envoy-internal", "x-envoy-expected-rq-timeout-ms", "content-length", "cookie"]
      .filter(name, name in request.headers).map(name, name + "=" + request.headers[name]).join(";")
rules:
  - id: everything
    allow: "true"
    request:
      set:
        x-method: \${request.method}
        x-path: \${request.path}
        x-shown: \${shown}
  - id: large
    deny: '"x-large" in request.headers && size(request.headers["x-large"]) == 50000'
    status: 418
`,
  "bodies.yaml": `
weir: 1
policy: bodies
match:
  hosts: [bodies.test]
rules:
  - id: small
    when: request.method == "POST"
    require: request.json.amount <= 100.0
  - id: sends
    allow: "true"
    request:
      set:
        x-size: '\${request.method == "POST" ? string(size(request.body)) : "none"}'
`,
  "clients.yaml": `
weir: 1
policy: clients
match:
  hosts: [clients.test]
rules:
  - id: known
    allow: has(client.ip)
    request:
      set:
        x-client: \${string(client.ip)}
`,
};

const lists = {
  upstream: ["x-user", "x-kind", "x-via", "x-method", "x-path", "x-shown", "x-size", "x-client"],
  client: ["x-served-for", "content-type", "set-cookie"],
  pathPrefix: "/check",
};
const body = { max_request_bytes: 30, allow_partial_message: true };

const LISTENERS = [
  { name: "web", filter: overHttp(lists) },
  { name: "few", filter: overHttp(lists, { allowed_headers: named(["x-a"]) }) },
  { name: "bodies", filter: overHttp(lists, { with_request_body: body }) },
  { name: "edge", filter: overHttp(lists), manager: { use_remote_address: true } },
  { name: "careless", filter: overHttp({ pathPrefix: "/check" }) },
] as const;

describe("Envoy's HTTP service", () => {
  const open = new AsyncDisposableStack();
  let envoy: Envoy;
  let upstream: Upstream;

  before(async function () {
    const program = await need(this, "envoy");
    const weir = await startSecurityWeir(
      {
        files,
        more: "clientAddress: { from: xff, trustedHops: 1 }\n",
        http: '"127.0.0.1:0", pathPrefix: /check',
      },
      open,
    );
    upstream = open.adopt(await startUpstream(), (started) => started.stop());
    const config = askingBootstrap({
      ...{ grpc: weir.checks, http: httpOf(weir), upstream, listeners: LISTENERS },
    });
    envoy = open.adopt(await startEnvoy({ program, config }), (started) => started.stop());
  });
  after(() => open.disposeAsync());

  const ask = async (outgoing: Outgoing, name = "web", send = requestHttp1) => {
    const mark = randomUUID();
    const headers = [...(outgoing.headers ?? []), ["x-ask", mark] as const];
    const answer = await send({ port: envoy.port(name) }, { ...outgoing, headers });
    return { answer, received: upstream.received.find((one) => one.headers["x-ask"] === mark) };
  };
  const shown = (received: ReceivedRequest | undefined, name: string): string | undefined => {
    assert.ok(received, "the request did not arrive");
    const value = received.headers[name];
    return value === undefined ? undefined : Buffer.from(value, "latin1").toString();
  };

  describe("a grant", () => {
    const spoofed = [
      ["x-user", "root"],
      ["x_user", "root"],
      ["x-via", "edge"],
      ["x-gone", "1"],
      ["x_gone", "1"],
      ["x-kind", "known"],
      ["x-stays", "1"],
    ] as const;

    it("sets, appends and removes headers of the request", async () => {
      const { received, answer } = await ask({ authority: "effects.test", path: "/known", headers: spoofed });
      assert.equal(answer.status, 200);
      assert.equal(shown(received, "x-user"), "zoé");
      assert.equal(shown(received, "x-kind"), "known");
      assert.equal(shown(received, "x-via"), "edge,weir");
      assert.equal(shown(received, "x-stays"), "1");
      for (const name of ["x_user", "x-gone", "x_gone", "x-envoy-auth-headers-to-remove", "x-weir-decision"])
        assert.equal(shown(received, name), undefined, name);
    });

    it("removes what its policy owns and does not set", async () => {
      const { received } = await ask({ authority: "effects.test", headers: spoofed });
      for (const name of ["x-user", "x_user", "x-kind"]) assert.equal(shown(received, name), undefined, name);
      assert.equal(shown(received, "x-stays"), "1");
    });

    it("adds headers to the response, and replaces none of the upstream's", async () => {
      const { answer } = await ask({ authority: "effects.test", path: "/known" });
      assert.deepEqual(
        valuesOf(answer.headers, "x-served-for").map((value) => Buffer.from(value, "latin1").toString()),
        ["zoé"],
      );
      assert.deepEqual(valuesOf(answer.headers, "set-cookie"), ["upstream=1", "seen=1; Path=/"]);
      assert.deepEqual(valuesOf(answer.headers, "content-type"), ["application/json,text/plain"]);
    });

    it("sets nothing that Envoy's lists do not name, and then leaves the client's copy", async () => {
      const { received } = await ask(
        { authority: "effects.test", path: "/known", headers: spoofed },
        "careless",
      );
      assert.equal(shown(received, "x-user"), "root");
      assert.equal(shown(received, "x_user"), undefined);
    });
  });

  describe("a denial", () => {
    for (const [protocol, send] of [
      ["HTTP/1.1", requestHttp1],
      ["HTTP/2", requestHttp2],
    ] as const) {
      it(`brings body, type and headers over ${protocol}`, async () => {
        const { answer, received } = await ask({ authority: "denials.test", path: "/json" }, "web", send);
        assert.equal(received, undefined);
        assert.equal(answer.status, 451);
        assert.equal(answer.body.toString(), '{"reason":"zoé"}');
        assert.deepEqual(valuesOf(answer.headers, "content-type"), ["application/json"]);
        assert.deepEqual(valuesOf(answer.headers, "www-authenticate"), ["Bearer"]);
        assert.deepEqual(valuesOf(answer.headers, "set-cookie"), ["a=1"]);
        assert.match(valuesOf(answer.headers, "x-weir-decision").join(), /^d_[a-z2-7]{16}$/);
      });

      it(`redirects over ${protocol}`, async () => {
        const { answer, received } = await ask({ authority: "denials.test", path: "/moved" }, "web", send);
        assert.equal(received, undefined);
        assert.equal(answer.status, 302);
        assert.deepEqual(valuesOf(answer.headers, "location"), ["https://login.example.com/?back=/moved"]);
      });

      it(`with 503 is 403, so that no failure mode lets it pass, over ${protocol}`, async () => {
        const { answer, received } = await ask({ authority: "denials.test", path: "/busy" }, "web", send);
        assert.equal(received, undefined);
        assert.equal(answer.status, 403);
        assert.deepEqual(valuesOf(answer.headers, "x-weir-status"), ["503"]);
        assert.equal(answer.body.toString(), "come back later");
      });
    }

    it("of a gRPC call is told by Envoy in gRPC's words", async () => {
      const answer = await requestGrpc(
        { port: envoy.port("web") },
        { authority: "denials.test", path: "/busy" },
      );
      assert.equal(answer.status, 200);
      assert.equal(answer.grpcStatus, 7);
      assert.equal(answer.grpcMessage, "come back later");
    });
  });

  describe("a question", () => {
    for (const method of ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PURGE", "PROPFIND", "TRACE"]) {
      it(`is of any method: ${method}`, async () => {
        const { received } = await ask({ authority: "seen.test", method, path: "/a/check/b?x=%20" });
        assert.equal(shown(received, "x-method"), method);
        assert.equal(shown(received, "x-path"), "/a/check/b?x=%20");
      });
    }

    it("is of JSON without content", async () => {
      const headers = [["content-type", "application/json"]] as const;
      const { answer } = await ask({ authority: "seen.test", method: "POST", headers, body: "" });
      assert.equal(answer.status, 200);
    });

    it("has large headers", async () => {
      const headers = [["x-large", "a".repeat(50_000)]] as const;
      assert.equal((await ask({ authority: "seen.test", headers })).answer.status, 418);
    });

    const lines = [
      ["x-a", "1"],
      ["x-a", "2"],
      ["x_a", "3"],
      ["cookie", "a=1"],
      ["x-forwarded-for", "198.51.100.1, 198.51.100.2"],
      ["x-envoy-internal", "true"],
    ] as const;

    it("joins lines, adds no address to X-Forwarded-For, and calls nobody internal", async () => {
      const { received } = await ask({ authority: "seen.test", headers: lines });
      assert.equal(
        shown(received, "x-shown"),
        "x-a=1,2;x_a=3;x-forwarded-for=198.51.100.1, 198.51.100.2;cookie=a=1",
      );
    });

    it("has only the headers that Envoy is told to send", async () => {
      const { received } = await ask({ authority: "seen.test", headers: lines }, "few");
      assert.equal(shown(received, "x-shown"), "x-a=1,2");
    });
  });

  it("tells the client where Envoy adds its peer to X-Forwarded-For", async () => {
    const headers = [["x-forwarded-for", "192.0.2.66, 198.51.100.2"]] as const;
    const { received } = await ask({ authority: "clients.test", headers }, "edge");
    assert.equal(shown(received, "x-client"), "198.51.100.2");
  });

  describe("a body", () => {
    const bodies: readonly (readonly [what: string, body: string, status: number, name: string])[] = [
      ["within the rule", '{"amount": 99}', 200, "bodies"],
      ["beyond the rule", '{"amount": 101}', 403, "bodies"],
      ["that was cut, though it reads well by itself", `{"amount": 9}${" ".repeat(40)}`, 400, "bodies"],
      ["that is empty, of which Envoy says nothing", "", 400, "bodies"],
      ["that Envoy does not send", '{"amount": 99}', 400, "web"],
    ];
    for (const [what, text, status, name] of bodies) {
      it(`${what}: ${status}`, async () => {
        const headers = [["x-envoy-auth-partial-body", "false"]] as const;
        const asked = { authority: "bodies.test", method: "POST", body: text, headers };
        const { answer, received } = await ask(asked, name);
        assert.equal(answer.status, status);
        assert.equal(received?.headers["x-size"], status === 200 ? String(text.length) : undefined);
      });
    }

    it("is not asked for where the rule does not read it", async () => {
      assert.equal((await ask({ authority: "bodies.test" }, "bodies")).answer.status, 200);
    });
  });
});
