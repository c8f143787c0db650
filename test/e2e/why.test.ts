import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { requestHttp1, valuesOf } from "../support/http.ts";
import { type Mesh, startMesh } from "../support/mesh.ts";
import { need } from "../support/need.ts";
import { startProcess } from "../support/process.ts";
import { until } from "../support/until.ts";
import { runWeir, serverFile } from "../support/weir.ts";

const files = {
  "weir.yaml": serverFile(undefined, "  admin: { address: 127.0.0.1:0, token: { file: admin-token } }\n"),
  "admin-token": "token-for-the-tests-of-why\n",
  "shop.yaml": `
weir: 1
policy: shop
match:
  hosts: [shop.example.com]
rules:
  - id: closed
    deny: request.headers[?"x-shop"].orValue("") == "closed"
  - id: reads
    allow: request.method == "GET"
`,
};

describe("who asks why", () => {
  const open = new AsyncDisposableStack();
  let mesh: Mesh;
  let admin: readonly string[];

  before(async function () {
    const program = await need(this, "envoy");
    mesh = await startMesh({ program, files }, open);
    const at = `http://127.0.0.1:${String(mesh.weir.adminPort)}`;
    admin = ["--admin", at, "--token-file", join(mesh.folder, "admin-token")];
  });
  after(() => open.disposeAsync());

  /** The decision that refused a request. */
  async function refused(method: string, shop = "open"): Promise<string> {
    const answer = await requestHttp1(
      { port: mesh.envoy.port("web") },
      { method, path: "/things", authority: "shop.example.com", headers: [["x-shop", shop]] },
    );
    assert.equal(answer.status, 403);
    return valuesOf(answer.headers, "x-weir-decision")[0] ?? assert.fail("the denial has no decision");
  }

  it("is told by the decision of the response", async () => {
    const id = await refused("PUT");
    const ended = await runWeir(["why", id, ...admin]);
    assert.ok(ended.kind === "succeeded", JSON.stringify(ended));
    assert.match(ended.stdout, /^20\S+Z {2}PUT shop\.example\.com\/things {2}\(revision \w+, [\d.]+ ms\)\n/);
    assert.match(ended.stdout, /\ndenied with 403 Forbidden by shop\/default\n/);
    assert.match(
      ended.stdout,
      /\n {6}allow: request\.method == "GET" {2}= {2}false\n {8}request\.method {2}= {2}"PUT"\n/,
    );
    assert.match(ended.stdout, /\n→ default: denies what no rule allows\n/);
  });

  it("is told what was so at that moment, though the policy has changed since", async function () {
    this.timeout(20_000);
    const id = await refused("GET", "closed");
    const text = files["shop.yaml"].replace('== "closed"', '== "gone"');
    await writeFile(join(mesh.folder, "shop.yaml"), text);
    await until(async () => (await mesh.weir.metric('weir_config_reloads_total{result="live"}')) > 1, {
      what: "the change to be live",
    });
    const ended = await runWeir(["why", id, ...admin]);
    assert.ok(ended.kind === "succeeded", JSON.stringify(ended));
    assert.match(ended.stdout, /\n→ deny closed: refuses\n.*orValue\(""\) == "closed" {2}= {2}true\n/);
    assert.doesNotMatch(ended.stdout, /gone/);
    await writeFile(join(mesh.folder, "shop.yaml"), files["shop.yaml"]);
  });

  it("sees refusals as they happen", async function () {
    this.timeout(30_000);
    const main = join(import.meta.dirname, "../../src/main.ts");
    const parameters = [main, "tail", "--policy", "shop", "--rule", "default", ...admin];
    const running = open.adopt(await startProcess(process.execPath, parameters), (started) => started.stop());
    for (const method of ["DELETE", "PATCH"]) {
      const id = await refused(method);
      const line = ` deny 403  shop/default  ${method} shop.example.com/things  ${id}\n`;
      await until(() => running.output().includes(line), { timeoutMs: 10_000, what: line });
    }
    running.signal("SIGINT");
    assert.equal(await running.whenEnded, "exit code 0");
  });

  for (const [what, parameters, complaint] of [
    ["a decision that this process has not made", ["why", "d_aaaaaaaaaaaaaaaa"], /has no such refusal/],
    ["what is no decision", ["why", "x-weir-decision"], /which decision\?/],
    ["a verdict that is not kept", ["tail", "--verdict", "allow"], /what is allowed is not kept/],
  ] as const) {
    it(`is told of ${what}`, async () => {
      const ended = await runWeir([...parameters, ...admin]);
      assert.ok(ended.kind === "failed", JSON.stringify(ended));
      assert.match(ended.stderr, complaint);
    });
  }

  it("needs the token", async () => {
    const ended = await runWeir(["tail", ...admin.slice(0, 2)]);
    assert.ok(ended.kind === "failed", JSON.stringify(ended));
    assert.match(ended.stderr, /^weir tail: send the admin token: /);
  });
});
