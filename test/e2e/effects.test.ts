import assert from "node:assert/strict";
import { type Outgoing, requestHttp1, requestHttp2, valuesOf } from "../support/http.ts";
import { ask, type Mesh, requestGrpc, startMesh } from "../support/mesh.ts";
import { need } from "../support/need.ts";

const files = {
  "platform.yaml": `
weir: 1
shared: platform
answers:
  problem:
    status: 403
    type: application/problem+json
    body: '{"title":"Forbidden","path":"\${request.url_path}"}'
    response:
      set:
        x-help: https://help.example.com
  login:
    redirect: https://login.example.com/?back=\${request.url_path}
    response:
      set:
        set-cookie: seen=1
    metadata:
      reason: signed-out
`,
  "shop.yaml": `
weir: 1
policy: shop
use: [platform]
match:
  paths: ["/shop/{page}", "/shop.Orders/{page}"]
rules:
  - id: login
    deny: path.page == "login"
    answer: login
  - id: moved
    deny: path.page == "moved"
    status: 307
    redirect: /shop/new?from=\${request.method}
  - id: nowhere
    deny: path.page.startsWith("nowhere")
    redirect: \${path.page.substring(7)}
  - id: cookies
    deny: path.page == "cookies"
    response:
      set:
        set-cookie: a=1
      append:
        set-cookie: b=2
    metadata:
      reason: cookies
  - id: headers
    allow: path.page == "headers"
    request:
      set:
        x-set: own
      append:
        x-via: \${request.method}
        x-new: first
  - id: query
    allow: path.page == "query"
    request:
      query:
        set:
          tier: gold & co
        remove: [debug]
  - id: response
    allow: path.page == "response"
    response:
      set:
        x-up: weir
        set-cookie: shop=1
      append:
        x-served-by: shop
  - id: appended
    allow: path.page == "appended"
    response:
      append:
        x-up: weir
        set-cookie: shop=2
  - id: metadata
    allow: path.page == "metadata"
    metadata:
      page: \${path.page}
      tier: gold
default: { deny: problem }
`,
  "via.yaml": `
weir: 1
policy: via
match:
  paths: ["/shop/{page}"]
rules:
  - id: second
    allow: "true"
    request:
      append:
        x-via: second
    response:
      append:
        x-served-by: via
`,
};

describe("effects through Envoy", () => {
  const open = new AsyncDisposableStack();
  let mesh: Mesh;

  before(async function () {
    const program = await need(this, "envoy");
    const logged = { metadata: "%DYNAMIC_METADATA(envoy.filters.http.ext_authz)%" };
    mesh = await startMesh({ program, files, logged }, open);
  });
  after(() => open.disposeAsync());

  const get = (page: string, more: Outgoing = {}) =>
    ask(mesh, requestHttp1, { ...more, path: `/shop/${page}` });

  for (const [protocol, send] of [
    ["HTTP/1.1", requestHttp1],
    ["HTTP/2", requestHttp2],
  ] as const) {
    for (const { what, headers, via, fresh } of [
      { what: "none", headers: [], via: "GET,second", fresh: "first" },
      { what: "one", headers: [["x-via", "client"]], via: "client,GET,second", fresh: "first" },
      {
        what: "two",
        headers: [
          ["x-via", "client"],
          ["x-via", "proxy"],
          ["x-new", "zeroth"],
        ],
        via: "client,proxy,GET,second",
        fresh: "zeroth,first",
      },
      { what: "an empty one", headers: [["x-via", ""]], via: "GET,second", fresh: "first" },
    ] as const) {
      it(`appends to a request header of which the client sent ${what}, over ${protocol}`, async () => {
        const { received } = await ask(mesh, send, { path: "/shop/headers", headers });
        assert.deepEqual(
          [received?.headers["x-via"], received?.headers["x-new"], received?.headers["x-set"]],
          [via, fresh, "own"],
        );
      });
    }
  }

  for (const [query, expected] of [
    ["", "?tier=gold%20%26%20co"],
    ["?a=1&b=%2F&a=2", "?a=1&b=%2F&a=2&tier=gold%20%26%20co"],
    ["?tier=free", "?tier=gold%20%26%20co"],
    ["?tier=free&a=1&tier=none", "?a=1&tier=gold%20%26%20co"],
    ["?t%69er=free&a=1", "?a=1&tier=gold%20%26%20co"],
    ["?debug=1&a=1&debug=2", "?a=1&tier=gold%20%26%20co"],
    ["?debug", "?tier=gold%20%26%20co"],
    ["?%64ebug=1", "?tier=gold%20%26%20co"],
    ["?debugger=1", "?debugger=1&tier=gold%20%26%20co"],
  ] as const) {
    it(`sets and removes query parameters: ${query === "" ? "none" : query}`, async () => {
      const { received } = await get(`query${query}`);
      const sorted = (text: string): string[] => text.slice(1).split("&").sort();
      const found = received?.path.slice("/shop/query".length) ?? assert.fail("refused");
      assert.deepEqual(sorted(found), sorted(expected));
    });
  }

  for (const { page, up, cookies } of [
    { page: "response", up: ["weir"], cookies: ["upstream=1", "shop=1"] },
    { page: "appended", up: ["one", "two", "weir"], cookies: ["upstream=1", "shop=2"] },
  ]) {
    it(`${page === "response" ? "sets" : "appends to"} a response header of the upstream, and keeps its cookies`, async () => {
      const headers = [
        ["x-wants-up", "one"],
        ["x-wants-up", "two"],
      ] as const;
      const { answer } = await get(page, { headers });
      assert.deepEqual(valuesOf(answer.headers, "x-up"), up);
      assert.deepEqual(valuesOf(answer.headers, "set-cookie"), cookies);
      assert.deepEqual(
        valuesOf(answer.headers, "x-served-by"),
        page === "response" ? ["shop", "via"] : ["via"],
      );
    });
  }

  it("leaves metadata for Envoy's log, beside weir's own field", async () => {
    const { entry, logged } = await get("metadata");
    // Envoy adds how long the check took.
    const { ext_authz_duration: durationMs, ...metadata } = entry["metadata"] as Record<string, unknown>;
    assert.deepEqual(metadata, { page: "metadata", tier: "gold", weir: logged });
    assert.equal(typeof durationMs, "number");
  });

  it("leaves metadata on denials too", async () => {
    const { entry, logged } = await get("cookies");
    assert.deepEqual(entry["metadata"], { reason: "cookies", weir: logged });
  });

  for (const { page, rule = page, status, location } of [
    { page: "login", status: 302, location: ["https://login.example.com/?back=/shop/login"] },
    { page: "moved", status: 307, location: ["/shop/new?from=GET"] },
    { page: "nowhere", status: 403, location: [] },
    { page: "nowhere%0d%0ax:%201", rule: "nowhere", status: 403, location: [] },
    { page: "nowhere%20x", rule: "nowhere", status: 302, location: [" x"] },
  ]) {
    it(`answers ${page} with ${status} and ${location.length === 0 ? "no" : "an"} address`, async () => {
      const { answer, by, received } = await get(page);
      assert.deepEqual([answer.status, by], [status, `shop/${rule}`]);
      assert.deepEqual(
        valuesOf(answer.headers, "location").map((one) => one.trim()),
        location.map((one) => one.trim()),
      );
      assert.equal(received, undefined);
    });
  }

  it("answers in the words of a shared answer, cookie and metadata included", async () => {
    const { answer, entry, logged } = await get("login");
    assert.deepEqual(valuesOf(answer.headers, "set-cookie"), ["seen=1"]);
    assert.deepEqual(entry["metadata"], { reason: "signed-out", weir: logged });
  });

  it("sets every cookie of a denial", async () => {
    const { answer } = await get("cookies");
    assert.deepEqual(valuesOf(answer.headers, "set-cookie"), ["a=1", "b=2"]);
  });

  it("answers in the words of a shared answer where no rule grants", async () => {
    const { answer, by } = await get("other");
    assert.deepEqual([answer.status, by], [403, "shop/default"]);
    assert.deepEqual(valuesOf(answer.headers, "content-type"), ["application/problem+json"]);
    assert.deepEqual(valuesOf(answer.headers, "x-help"), ["https://help.example.com"]);
    assert.deepEqual(JSON.parse(answer.body.toString()), { title: "Forbidden", path: "/shop/other" });
  });

  for (const { page, grpcStatus } of [
    { page: "login", grpcStatus: 16 },
    { page: "other", grpcStatus: 7 },
  ]) {
    it(`answers gRPC with status ${grpcStatus}: ${page}`, async () => {
      const { answer } = await ask(mesh, requestGrpc, { path: `/shop.Orders/${page}` });
      assert.deepEqual([answer.status, answer.grpcStatus], [200, grpcStatus]);
    });
  }
});
