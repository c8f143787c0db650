import assert from "node:assert/strict";
import { type Outgoing, requestHttp1, requestHttp2 } from "../support/http.ts";
import { ask, type Mesh, requestGrpc, startMesh } from "../support/mesh.ts";
import { need } from "../support/need.ts";

const files = {
  "orders.yaml": `
weir: 1
policy: orders
match:
  hosts: [orders.example.com, "*.orders.example.com"]
  paths: ["/orders/{owner}/**"]
let:
  reads: request.method in ["GET", "HEAD"]
  user: |
    "x-user" in request.headers ? request.headers["x-user"] : ""
  owns: user != "" && user == path.owner
rules:
  - id: no-archive
    deny: request.path_segments[size(request.path_segments) - 1] == "archive"
  - id: reason
    when: '!reads'
    require: '"x-reason" in request.headers'
    status: 428
  - id: owner-reads
    allow: reads && owns
  - id: owner-writes
    when: owns
    allow: request.method == "PUT"
`,
  "shop.yaml": `
weir: 1
policy: shop
match:
  grpc: ["shop.Orders/*"]
rules:
  - id: list
    allow: request.path_segments[1] == "List"
`,
  "beta.yaml": `
weir: 1
policy: beta
match:
  hosts: [beta.example.com]
  when: request.headers["x-beta"] == "on"
except: request.method == "OPTIONS"
rules:
  - id: get
    allow: request.method == "GET"
`,
  "open.yaml": `
weir: 1
policy: open
match:
  hosts: [beta.example.com, open.example.com]
  methods: [GET, OPTIONS, DELETE]
default: allow
`,
  "guard.yaml": `
weir: 1
policy: guard
match: everything
rules:
  - id: no-delete
    deny: request.method == "DELETE"
    status: 405
`,
};

interface Row {
  does: string;
  request: Outgoing;
  by: string;
  /** 200 for what passes. */
  status: number;
}

const host = (authority: string, path = "/", more: Outgoing = {}): Outgoing => ({ authority, path, ...more });
const as = (user: string): Outgoing => ({ headers: [["x-user", user]] });
const put = (user: string, ...reasons: string[]): Outgoing => ({
  method: "PUT",
  body: "new",
  headers: [["x-user", user], ...reasons.map((reason) => ["x-reason", reason] as const)],
});

const orders = "orders.example.com";
const rows: readonly Row[] = [
  {
    does: "lets the owner of a captured segment in",
    request: host(orders, "/orders/ann/1", as("ann")),
    by: "orders/owner-reads",
    status: 200,
  },
  {
    does: "compares a captured segment as it decodes",
    request: host(orders, "/orders/%61nn", as("ann")),
    by: "orders/owner-reads",
    status: 200,
  },
  {
    does: "lets a host of a suffix in, whatever its case, port and trailing dot",
    request: host("EU.Orders.Example.com.:8080", "/orders/ann/1", as("ann")),
    by: "orders/owner-reads",
    status: 200,
  },
  {
    does: "refuses who does not own the segment",
    request: host(orders, "/orders/ann/1", as("bob")),
    by: "orders/default",
    status: 403,
  },
  {
    does: "refuses what a deny names, though an allow holds",
    request: host(orders, "/orders/ann/archive", as("ann")),
    by: "orders/no-archive",
    status: 403,
  },
  {
    does: "lets pass where the rule's `when` holds",
    request: host(orders, "/orders/ann/1", put("ann", "typo")),
    by: "orders/owner-writes",
    status: 200,
  },
  {
    does: "refuses what a require does not find",
    request: host(orders, "/orders/ann/1", put("ann")),
    by: "orders/reason",
    status: 428,
  },
  {
    does: "refuses where the rule's `when` does not hold",
    request: host(orders, "/orders/ann/1", put("bob", "typo")),
    by: "orders/default",
    status: 403,
  },
  {
    does: "refuses a path that no policy matches",
    request: host(orders, "/order/ann", as("ann")),
    by: "/weir/ungoverned",
    status: 403,
  },
  {
    does: "refuses a host that no policy matches",
    request: host("example.com", "/orders/ann/1", as("ann")),
    by: "/weir/ungoverned",
    status: 403,
  },
  {
    does: "compares methods exactly",
    request: host("open.example.com", "/", { method: "POST" }),
    by: "/weir/ungoverned",
    status: 403,
  },
  { does: "grants by default", request: host("open.example.com"), by: "open/default", status: 200 },
  {
    does: "refuses what a guard denies, though another policy grants",
    request: host("open.example.com", "/", { method: "DELETE" }),
    by: "guard/no-delete",
    status: 405,
  },
  {
    does: "applies a policy whose `match.when` holds",
    request: host("beta.example.com", "/", { headers: [["x-beta", "on"]] }),
    by: "beta/get",
    status: 200,
  },
  {
    does: "leaves a policy out whose `match.when` does not hold",
    request: host("beta.example.com", "/", { headers: [["x-beta", "off"]] }),
    by: "open/default",
    status: 200,
  },
  {
    does: "refuses where `match.when` has no value",
    request: host("beta.example.com"),
    by: "beta/match",
    status: 400,
  },
  {
    does: "leaves a policy out whose `except` holds",
    request: host("beta.example.com", "/", { method: "OPTIONS", headers: [["x-beta", "on"]] }),
    by: "open/default",
    status: 200,
  },
];

const calls: readonly Row[] = [
  { does: "lets a gRPC method pass", request: { path: "/shop.Orders/List" }, by: "shop/list", status: 200 },
  {
    does: "refuses another method of the service",
    request: { path: "/shop.Orders/Drop" },
    by: "shop/default",
    status: 403,
  },
  {
    does: "refuses another service",
    request: { path: "/shop.Carts/List" },
    by: "/weir/ungoverned",
    status: 403,
  },
];

describe("a check through Envoy", () => {
  const open = new AsyncDisposableStack();
  let mesh: Mesh;

  before(async function () {
    mesh = await startMesh({ program: await need(this, "envoy"), files }, open);
  });
  after(() => open.disposeAsync());

  for (const [protocol, send] of [
    ["HTTP/1.1", requestHttp1],
    ["HTTP/2", requestHttp2],
  ] as const) {
    describe(`over ${protocol}`, () => {
      for (const { does, request, by, status } of rows) {
        it(does, async () => {
          const asked = await ask(mesh, send, request);
          assert.deepEqual([asked.by, asked.answer.status], [by, status]);
          assert.equal(asked.logged.verdict, status === 200 ? "allow" : "deny");
          assert.equal(asked.received?.path, status === 200 ? request.path : undefined);
        });
      }
    });
  }

  describe("over gRPC", () => {
    for (const { does, request, by, status } of calls) {
      it(does, async () => {
        const { answer, received, ...asked } = await ask(mesh, requestGrpc, request);
        assert.equal(asked.by, by);
        assert.equal(answer.grpcStatus, status === 200 ? 0 : 7);
        assert.equal(answer.message?.toString(), status === 200 ? "hello" : undefined);
        assert.equal(received?.protocol, status === 200 ? "http2" : undefined);
      });
    }
  });
});
