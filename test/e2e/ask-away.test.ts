import assert from "node:assert/strict";
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { keyServer, type KeyServer } from "../identity/fixture.ts";
import type { Envoy } from "../support/envoy.ts";
import { type Outgoing, requestHttp1 } from "../support/http.ts";
import { ask, type Mesh, startAskingEnvoy, startMesh } from "../support/mesh.ts";
import { need } from "../support/need.ts";
import { until } from "../support/until.ts";
import { serverFile } from "../support/weir.ts";

const server = (here: string, away: string): string =>
  serverFile(
    undefined,
    `  admin: { address: 127.0.0.1:0 }
outbound: { allowPrivate: [127.0.0.1] }
handlers:
  members: { adapter: list, config: { file: members.txt, refresh: 1s } }
  blocked: { adapter: list, config: { url: "${here}", means: deny, refresh: 1s } }
  brief: { adapter: list, config: { url: "${here}", means: deny, refresh: 1s, maxAge: 1s } }
  away: { adapter: list, config: { url: "${away}", refresh: 1s } }
`,
  );

/** A policy that lets in whom the handler does. */
const asking = (name: string, handler: string, onError: "error" | "deny" | "allow"): string => `
weir: 1
policy: ${name}
match:
  hosts: [${name}.example.com]
rules:
  - id: no-writes
    deny: request.method == "PUT"
  - id: asked
    ask: ${handler}
    as: found
    with:
      value: \${request.headers["x-user"]}
    onError: ${onError}
  - id: late
    deny: '"x-late" in request.headers'
  - id: everyone
    allow: "true"
`;

const files = {
  "members.txt": "alice\n",
  "members.yaml": asking("members", "members", "error"),
  "partners.yaml": `
weir: 1
policy: partners
match:
  hosts: [partners.example.com]
identities:
  partner:
    apiKey: { header: x-api-key, verify: away }
rules:
  - id: partner
    allow: has(auth.partner)
`,
  "blocked.yaml": asking("blocked", "blocked", "error"),
  "brief.yaml": asking("brief", "brief", "deny"),
  "error.yaml": asking("error", "away", "error"),
  "deny.yaml": asking("deny", "away", "deny"),
  "allow.yaml": asking("allow", "away", "allow"),
};

const user = (name: string, more: Outgoing = {}): Outgoing => ({
  ...more,
  headers: [["x-user", name], ...(more.headers ?? [])],
});
const key = (header: string, value: string): Outgoing => ({ headers: [[header, value]] });

describe("an ask through Envoy of a handler", () => {
  const open = new AsyncDisposableStack();
  let here: KeyServer;
  let away: KeyServer;
  let mesh: Mesh;
  let lenient: Envoy;
  let listed = "mallory\n";

  before(async function () {
    const program = await need(this, "envoy");
    const start = async (answer: KeyServer["answer"]): Promise<KeyServer> => {
      const started = open.adopt(await keyServer(() => ""), (one) => one.close());
      started.answer = answer;
      return started;
    };
    here = await start((send) => send(200, listed));
    away = await start((send) => send(500, "away"));
    const all = { ...files, "weir.yaml": server(here.url, away.url) };
    mesh = await startMesh({ program, files: all }, open);
    lenient = await startAskingEnvoy({ ...mesh, program, filter: { failureMode: "allow" } }, open);
    await stateIs("blocked", "ready");
    await stateIs("away", "failing");
  });
  after(() => open.disposeAsync());

  const stateIs = (handler: string, state: string): Promise<unknown> =>
    until(
      async () =>
        (await mesh.weir.status()).handlers.some((one) => one.handler === handler && one.state === state),
      { what: `${handler} to be ${state}` },
    );
  const asked = async (host: string, request: Outgoing, envoy = mesh.envoy): Promise<string> => {
    const authority = `${host}.example.com`;
    const { answer, by, received } = await ask({ ...mesh, envoy }, requestHttp1, { ...request, authority });
    assert.equal(received !== undefined, answer.status === 200);
    return `${answer.status} ${by}`;
  };
  const answers = async (handler: string): Promise<number> => {
    const samples = await mesh.weir.metrics();
    return samples
      .entries()
      .filter(([name]) => name.startsWith(`weir_handler_answers_total{handler="${handler}"`))
      .reduce((sum, [, value]) => sum + value, 0);
  };

  describe("that is away", () => {
    for (const { host, request, strictly, leniently } of [
      { host: "error", request: user("alice"), strictly: "503 error/asked", leniently: "200 error/asked" },
      { host: "deny", request: user("alice"), strictly: "503 deny/asked", leniently: "503 deny/asked" },
      {
        host: "allow",
        request: user("alice"),
        strictly: "200 allow/everyone",
        leniently: "200 allow/everyone",
      },
      {
        host: "partners",
        request: key("x-api-key", "alice"),
        strictly: "503 partners/identity/partner",
        leniently: "200 partners/identity/partner",
      },
    ]) {
      it(`is decided as the rule says: ${host}, or by Envoy's failure mode`, async () => {
        assert.equal(await asked(host, request), strictly);
        assert.equal(await asked(host, request, lenient), leniently);
      });
    }

    for (const { what, request, expected } of [
      { what: "a deny", request: user("alice", { method: "PUT" }), expected: "403 error/no-writes" },
      {
        what: "a deny behind the ask",
        request: user("alice", { headers: [["x-late", "1"]] }),
        expected: "403 error/late",
      },
      { what: "a fault of the request", request: {}, expected: "400 error/asked" },
      {
        what: "a path with two readings",
        request: user("alice", { path: "/a//b" }),
        expected: "400 /weir/ambiguous-path",
      },
    ] satisfies readonly { what: string; request: Outgoing; expected: string }[]) {
      it(`is not asked where ${what} refuses, so no caller can choose to be let in`, async () => {
        const before = await answers("away");
        assert.equal(await asked("error", request), expected);
        assert.equal(await asked("error", request, lenient), expected);
        assert.equal(await answers("away"), before);
      });
    }
  });

  describe("whose list changes", () => {
    const becomes = (host: string, name: string, expected: string): Promise<unknown> =>
      until(async () => (await asked(host, user(name))) === expected, { what: `${name} to be ${expected}` });

    it("follows the file", async () => {
      assert.equal(await asked("members", user("carol")), "403 members/asked");
      await writeFile(join(mesh.folder, ".members.new"), "alice\nbob\n# new\ncarol\n");
      await rename(join(mesh.folder, ".members.new"), join(mesh.folder, "members.txt"));
      await becomes("members", "carol", "200 members/everyone");
    });

    it("follows the server, keeps the last good list while it is away, and no longer than it may", async function () {
      this.timeout(15_000);
      const { answer } = here;
      listed = "mallory\nalice\n";
      await becomes("blocked", "alice", "403 blocked/asked");
      here.answer = (send) => send(500, "away");
      await becomes("brief", "bob", "503 brief/asked");
      assert.equal(await asked("blocked", user("alice")), "403 blocked/asked");
      assert.equal(await asked("blocked", user("bob")), "200 blocked/everyone");
      here.answer = (send) => send(200, `bob\n${"\u0000".repeat(2 ** 21)}`);
      assert.equal(await asked("blocked", user("bob")), "200 blocked/everyone");
      here.answer = answer;
      await becomes("brief", "bob", "200 brief/everyone");
    });

    it("is answered as soon as a handler comes that was away", async function () {
      this.timeout(15_000);
      away.answer = (send) => send(200, "alice\n");
      await becomes("error", "alice", "200 error/everyone");
      assert.equal(await asked("error", user("bob")), "403 error/asked");
      await stateIs("away", "ready");
    });
  });
});
