import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { requestHttp2 } from "../support/http.ts";
import { ask, loggedOf, type Mesh, startMesh } from "../support/mesh.ts";
import { need } from "../support/need.ts";
import { rawRequest, sendRaw } from "../support/raw.ts";

const files = {
  "open.yaml": `
weir: 1
policy: open
match:
  methods: [GET]
rules:
  - id: get
    allow: "true"
    request:
      set:
        x-host: \${request.host}
        x-path: \${request.url_path}
`,
};

/** Who refuses with 400: weir, or Envoy before it asks. */
type Refuser = "weir" | "envoy";

const refusedPaths: readonly (readonly [target: string, by: Refuser])[] = [
  ["//", "weir"],
  ["//admin", "weir"],
  ["/a//b", "weir"],
  ["/./a", "weir"],
  ["/a/../b", "weir"],
  ["/..", "weir"],
  ["/a/.", "weir"],
  ["/%2e%2e/a", "weir"],
  ["/a/%2E./b", "weir"],
  ["/a/..;/b", "weir"],
  ["/a/%2e%2e;x=1/b", "weir"],
  ["/a%2Fb", "weir"],
  ["/a%2fb?c=d", "weir"],
  ["/a%5Cb", "weir"],
  ["/a\\b", "weir"],
  ["/a\\..\\b", "weir"],
  ["/a%00", "weir"],
  ["/a#b", "envoy"],
  ["/%zz", "weir"],
  ["/a%", "weir"],
  ["/a%4", "weir"],
  ["/%c3%28", "weir"],
  ["/%c0%ae%c0%ae/a", "weir"],
  ["/%ff", "weir"],
  ["http://users.example.com//a", "weir"],
  ["/a\u0000b", "envoy"],
  ["/a\tb", "envoy"],
  ["/a b", "envoy"],
  ["/caf\u00c3\u00a9", "envoy"],
  ["a", "envoy"],
  ["?a", "envoy"],
  ["*", "envoy"],
];

const refusedHosts: readonly (readonly [lines: readonly string[], by: Refuser])[] = [
  [["host:"], "weir"],
  [["host: a.example.com,b.example.com"], "weir"],
  [["host: a.example.com:99999"], "weir"],
  [["host: a.example.com.."], "weir"],
  [["host: .example.com"], "weir"],
  [["host: user@a.example.com"], "weir"],
  [["host: a.example.com/b"], "envoy"],
  [["host: [::1"], "weir"],
  [["host: a.example.com", "host: b.example.com"], "weir"],
  [[], "envoy"],
  [["host: a b"], "envoy"],
  [["host: caf\u00c3\u00a9"], "envoy"],
];

describe("what two servers may read differently, through an Envoy that normalises nothing", () => {
  const open = new AsyncDisposableStack();
  let mesh: Mesh;

  before(async function () {
    mesh = await startMesh({ program: await need(this, "envoy"), files }, open);
  });
  after(() => open.disposeAsync());

  const send = async (target: string, lines: readonly string[]) => {
    const mark = randomUUID();
    const before = mesh.upstream.received.length;
    const head = rawRequest(target, [...lines, `x-ask: ${mark}`]);
    const status = await sendRaw(mesh.envoy.port("web"), head);
    return { status, mark, received: mesh.upstream.received[before] };
  };

  for (const [target, by] of refusedPaths) {
    it(`refuses the path ${JSON.stringify(target)}, by ${by}`, async () => {
      const { status, mark, received } = await send(target, ["host: a.example.com"]);
      assert.equal(received, undefined);
      assert.equal(status, 400);
      if (by === "weir") assert.equal((await loggedOf(mesh.envoy, mark)).rule, "weir/ambiguous-path");
    });
  }

  for (const [lines, by] of refusedHosts) {
    it(`refuses ${lines.join(" and ") || "no host"}, by ${by}`, async () => {
      const { status, mark, received } = await send("/", lines);
      assert.equal(received, undefined);
      assert.equal(status, 400);
      if (by === "weir") assert.equal((await loggedOf(mesh.envoy, mark)).rule, "weir/bad-host");
    });
  }

  for (const [path, rule] of [
    ["/a/../b", "weir/ambiguous-path"],
    ["/a//b", "weir/ambiguous-path"],
    ["/a%2fb", "weir/ambiguous-path"],
    ["/a\\b", "weir/ambiguous-path"],
    ["/ok", "get"],
  ] as const) {
    it(`reads the path ${path} over HTTP/2 alike: ${rule}`, async () => {
      const { answer, logged, received } = await ask(mesh, requestHttp2, { path });
      assert.deepEqual([answer.status, logged.rule], [rule === "get" ? 200 : 400, rule]);
      assert.equal(received?.path, rule === "get" ? path : undefined);
    });
  }

  for (const [target, path] of [
    ["/", "/"],
    ["/a/", "/a/"],
    ["/a;b=1", "/a;b=1"],
    ["/a.b/..c/...", "/a.b/..c/..."],
    ["/%61%2D%E2%82%AC", "/a-%E2%82%AC"],
    ["/%252e%252e/", "/%252e%252e/"],
    ["/a?b//c/../d%zz\\", "/a"],
    ["http://b.example.com/a", "/a"],
  ] as const) {
    it(`lets the path ${target} pass, and policies read ${path}`, async () => {
      const { status, received } = await send(target, ["host: b.example.com"]);
      assert.equal(status, 200);
      assert.equal(received?.path, target.replace("http://b.example.com", ""));
      assert.deepEqual([received.headers["x-path"], received.headers["x-host"]], [path, "b.example.com"]);
    });
  }

  for (const [written, read] of [
    ["A.Example.COM", "a.example.com"],
    ["a.example.com:8080", "a.example.com"],
    ["a.example.com.", "a.example.com"],
    ["A.example.com.:80", "a.example.com"],
    ["[::1]:80", "[::1]"],
    ["my_service", "my_service"],
  ] as const) {
    it(`lets the host ${written} pass, and policies read ${read}`, async () => {
      const { status, received } = await send("/", [`host: ${written}`]);
      assert.equal(status, 200);
      assert.deepEqual([received?.headers["host"], received?.headers["x-host"]], [written, read]);
    });
  }
});
