import assert from "node:assert/strict";
import { requestHttp1, requestHttp2, valuesOf } from "../support/http.ts";
import { ask, type Mesh, requestGrpc, startMesh } from "../support/mesh.ts";
import { need } from "../support/need.ts";

/** Each rule refuses the requests whose path names it. */
const files = {
  "refusals.yaml": `
weir: 1
policy: refusals
match:
  paths: ["/shop.Refusals/{rule}"]
rules:
  - id: plain
    deny: path.rule == "plain"
  - id: login
    deny: path.rule == "login"
    status: 401
    message: Grüße, \${request.method}! 100% "please" sign in.
    response:
      set:
        www-authenticate: Bearer realm="\${path.rule}"
        X-Reason: no-token
  - id: problem
    deny: path.rule == "problem"
    status: 404
    body: '{"title":"No \${path.rule}"}'
    type: application/problem+json
  - id: closed
    require: path.rule != "closed"
    status: 503
    message: Closed.
    response:
      set:
        retry-after: "30"
  - id: many
    deny: path.rule == "many"
    status: 429
    body: ""
  - id: cookie
    deny: path.rule == "cookie"
    status: 418
    message: Short and stout.
    response:
      set:
        set-cookie: pot=1
  - id: missing
    deny: request.headers["x-never-sent"] == "1" && path.rule == "missing"
  - id: broken
    deny: path.rule.contains("broken")
    message: Broken \${path.rule}
    response:
      set:
        x-rule: \${path.rule}
        x-whole: "yes"
`,
  "open.yaml": `
weir: 1
policy: open
match:
  paths: ["/shop.Refusals/**"]
rules:
  - id: open
    allow: "true"
`,
};

interface Row {
  rule: string;
  by?: string;
  status: number;
  grpcStatus: number;
  body: string;
  type?: string;
  headers?: Readonly<Record<string, string>>;
}

const text = "text/plain; charset=utf-8";
const rows: readonly Row[] = [
  { rule: "plain", status: 403, grpcStatus: 7, body: "Forbidden\n" },
  {
    rule: "login",
    status: 401,
    grpcStatus: 16,
    body: 'Grüße, METHOD! 100% "please" sign in.',
    headers: { "www-authenticate": 'Bearer realm="login"', "x-reason": "no-token" },
  },
  {
    rule: "problem",
    status: 404,
    grpcStatus: 5,
    body: '{"title":"No problem"}',
    type: "application/problem+json",
  },
  { rule: "closed", status: 503, grpcStatus: 14, body: "Closed.", headers: { "retry-after": "30" } },
  { rule: "many", status: 429, grpcStatus: 8, body: "" },
  {
    rule: "cookie",
    status: 418,
    grpcStatus: 2,
    body: "Short and stout.",
    headers: { "set-cookie": "pot=1" },
  },
  {
    rule: "missing",
    status: 400,
    grpcStatus: 3,
    body: "a value that the policy reads is missing or malformed\n",
  },
  // The refusal stands; the header that would be two does not.
  {
    rule: "broken%0d%0ax-rule: 2",
    by: "broken",
    status: 403,
    grpcStatus: 7,
    body: "Broken broken\r\nx-rule: 2",
    headers: { "x-whole": "yes" },
  },
];

describe("a denial through Envoy", () => {
  const open = new AsyncDisposableStack();
  let mesh: Mesh;

  before(async function () {
    mesh = await startMesh({ program: await need(this, "envoy"), files }, open);
  });
  after(() => open.disposeAsync());

  /** What Envoy itself adds to an answer. */
  const envoys = new Set(["connection", "content-length", "date", "server"]);

  for (const { rule, by = rule, status, body, type = text, headers = {}, grpcStatus } of rows) {
    const path = `/shop.Refusals/${rule.replaceAll(" ", "%20")}`;
    const about = (method: string): string => body.replace("METHOD", method);

    for (const [protocol, send] of [
      ["HTTP/1.1", requestHttp1],
      ["HTTP/2", requestHttp2],
    ] as const) {
      it(`answers ${protocol} as the rule says: ${by} ${status}`, async () => {
        const { answer, logged, received } = await ask(mesh, send, { path });
        assert.equal(answer.status, status);
        assert.equal(answer.body.toString(), about("GET"));
        const written = answer.headers.filter(([name]) => !envoys.has(name));
        // Envoy drops the type of a body that is empty.
        const typed = body === "" ? {} : { "content-type": type };
        const expected = { ...typed, "x-weir-decision": logged.decision, ...headers };
        assert.deepEqual(Object.fromEntries(written), expected);
        assert.equal(written.length, Object.keys(expected).length);
        assert.deepEqual(logged, { ...logged, policy: "refusals", rule: by, verdict: "deny" });
        assert.equal(received, undefined);
      });
    }

    it(`answers gRPC in gRPC's words: ${by} ${grpcStatus}`, async () => {
      const { answer, logged, received } = await ask(mesh, requestGrpc, { path });
      assert.equal(answer.status, 200);
      assert.equal(answer.grpcStatus, grpcStatus);
      assert.equal(answer.grpcMessage, about("POST").trimEnd());
      // Trailers-only: one block of headers, and nothing behind it.
      assert.deepEqual([answer.body.length, answer.trailers], [0, []]);
      assert.deepEqual(valuesOf(answer.headers, "content-type"), ["application/grpc"]);
      assert.deepEqual(valuesOf(answer.headers, "x-weir-decision"), [logged.decision]);
      for (const [name, value] of Object.entries(headers))
        assert.deepEqual(valuesOf(answer.headers, name), [value]);
      assert.equal(logged.rule, by);
      assert.equal(received, undefined);
    });
  }

  for (const [type, dialect] of [
    ["application/grpc+proto", "grpc"],
    ["application/grpc-web", "http"],
    ["application/grpcx", "http"],
    ["application/json", "http"],
  ] as const) {
    it(`takes ${type} for ${dialect}`, async () => {
      const headers = [["content-type", type]] as const;
      const { answer } = await ask(mesh, requestHttp2, { path: "/shop.Refusals/problem", headers });
      const { status } = answer;
      const found = [
        status,
        ...valuesOf(answer.headers, "content-type"),
        valuesOf(answer.headers, "grpc-status"),
      ];
      assert.deepEqual(
        found,
        dialect === "grpc" ? [200, "application/grpc", ["5"]] : [404, "application/problem+json", []],
      );
    });
  }

  it("gives each decision an id of its own, on allow and denial alike", async () => {
    const seen = new Set<string>();
    for (const path of ["/shop.Refusals/none", "/shop.Refusals/plain", "/elsewhere"]) {
      for (let time = 0; time < 3; time++) {
        const { logged, answer } = await ask(mesh, requestHttp1, { path });
        const isAllowed = path.endsWith("none");
        assert.equal(answer.status, isAllowed ? 200 : 403);
        assert.equal(logged.verdict, isAllowed ? "allow" : "deny");
        assert.deepEqual(valuesOf(answer.headers, "x-weir-decision"), isAllowed ? [] : [logged.decision]);
        seen.add(logged.decision);
      }
    }
    assert.equal(seen.size, 9);
  });
});
