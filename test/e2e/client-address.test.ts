import assert from "node:assert/strict";
import type { Listener } from "../support/bootstrap.ts";
import { requestHttp1 } from "../support/http.ts";
import { ask, type Mesh, startMesh } from "../support/mesh.ts";
import { need } from "../support/need.ts";
import { serverFile } from "../support/weir.ts";

const policy = `
weir: 1
policy: office
match: everything
rules:
  - id: known
    deny: client.ip.inCidr("198.51.100.0/24")
  - id: all
    allow: "true"
    request:
      set:
        x-client: \${client.ip}
        x-peer: \${source.ip}
`;

const hops = "clientAddress: { from: xff, trustedHops: 1 }\n";
const networks = "clientAddress: { from: xff, trustedProxies: [127.0.0.0/8, 10.0.0.0/8] }\n";

/** Envoy writes its own address in place of a peer on loopback, so the tests' peer is followed by one entry more. */
const edge = "clientAddress: { from: xff, trustedHops: 2 }\n";

interface Row {
  readonly sent: readonly string[];
  /** The client's address, or the status of a refusal. */
  readonly found: string | number;
}

for (const { rule, more, listener, rows } of [
  {
    rule: "the peer",
    more: "",
    rows: [
      { sent: [], found: "127.0.0.1" },
      { sent: ["203.0.113.5"], found: "127.0.0.1" },
    ],
  },
  {
    rule: "one trusted hop",
    more: hops,
    rows: [
      { sent: ["203.0.113.5"], found: "203.0.113.5" },
      { sent: ["198.51.100.1, 203.0.113.5"], found: "203.0.113.5" },
      { sent: ["198.51.100.1", "203.0.113.5"], found: "203.0.113.5" },
      { sent: ["nonsense, 203.0.113.5"], found: "203.0.113.5" },
      { sent: ["203.0.113.5, 198.51.100.1"], found: 403 },
      { sent: ["[2001:db8::1]:443"], found: "2001:db8::1" },
      { sent: ["::ffff:203.0.113.5"], found: "203.0.113.5" },
      { sent: ["203.0.113.5, nonsense"], found: 400 },
      { sent: [], found: 400 },
    ],
  },
  {
    rule: "trusted networks",
    more: networks,
    rows: [
      { sent: [], found: "127.0.0.1" },
      { sent: ["203.0.113.5"], found: "203.0.113.5" },
      { sent: ["198.51.100.1, 203.0.113.5, 10.1.2.3"], found: "203.0.113.5" },
      { sent: ["203.0.113.5, 198.51.100.1, 10.1.2.3"], found: 403 },
      { sent: ["10.1.2.3"], found: "10.1.2.3" },
      { sent: ["203.0.113.5, nonsense, 10.1.2.3"], found: 400 },
    ],
  },
  {
    rule: "two trusted hops, where Envoy adds one",
    more: edge,
    listener: { name: "web", check: "asked", forwardedFor: "with the peer" },
    rows: [
      { sent: ["203.0.113.5"], found: "203.0.113.5" },
      { sent: ["198.51.100.1, 203.0.113.5"], found: "203.0.113.5" },
      { sent: [], found: 400 },
    ],
  },
] satisfies readonly { rule: string; more: string; listener?: Listener; rows: readonly Row[] }[]) {
  describe(`the client's address by ${rule}, through Envoy`, () => {
    const open = new AsyncDisposableStack();
    let mesh: Mesh;

    before(async function () {
      const program = await need(this, "envoy");
      const files = { "office.yaml": policy, "weir.yaml": serverFile(undefined, more) };
      const listeners = [listener ?? ({ name: "web", check: "asked" } as const)];
      mesh = await startMesh({ program, files, listeners }, open);
    });
    after(() => open.disposeAsync());

    for (const { sent, found } of rows) {
      it(`is ${found} where x-forwarded-for is ${sent.join(" | ") || "not sent"}`, async () => {
        const headers = sent.map((line) => ["x-forwarded-for", line] as const);
        const { answer, received } = await ask(mesh, requestHttp1, { headers });
        const client = received?.headers["x-client"] ?? answer.status;
        assert.deepEqual([client, received?.headers["x-peer"]], [found, received && "127.0.0.1"]);
      });
    }
  });
}
