import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { Found } from "../servers/ensure.ts";
import { httpOf } from "../security/weir.ts";
import { createAuthority } from "../support/certificates.ts";
import { type Outgoing, requestHttp1 } from "../support/http.ts";
import { ask } from "../support/mesh.ts";
import { need } from "../support/need.ts";
import {
  ALL_WELL,
  checkWith,
  filterList,
  framed,
  type Printed,
  printedFor,
  serveFiles,
  startFramed,
} from "../support/printed.ts";
import { until } from "../support/until.ts";
import { startUpstream, type Upstream } from "../support/upstream.ts";
import { removeFolder, statusOf, writeFolder } from "../support/weir.ts";

const SMALL = {
  "open.yaml": `
weir: 1
policy: open
match: { hosts: [open.example.com] }
rules:
  - id: anyone
    allow: request.method == "GET"
    request: { set: { x-user: someone, x-kind: "\${request.url_path}" } }
    response: { set: { x-served: weir } }
  - id: no
    deny: '"x-bad" in request.headers'
`,
};

describe("what weir envoy prints for weir's listeners and for their absence, in a real Envoy", function () {
  // Each starts a weir, an Envoy and a command or two.
  this.timeout(30_000);
  const open = new AsyncDisposableStack();
  let program: Found;
  let upstream: Upstream;

  before(async function () {
    program = await need(this, "envoy");
    upstream = open.adopt(await startUpstream(), (started) => started.stop());
  });
  after(() => open.disposeAsync());

  describe("where weir is away and Envoy lets pass", () => {
    const spoofed: Outgoing = {
      authority: "open.example.com",
      headers: [
        ["x-user", "root"],
        ["X_User", "root"],
        ["x-kind", "root"],
        ["x-stays", "1"],
      ],
    };
    let folder: string;
    let printed: Printed;
    /** The same with failure_mode_allow, and perhaps without the guard. */
    const careless = (guard: "guarded" | "bare") => {
      const manager = structuredClone(printed.http_connection_manager ?? {});
      const filters = filterList
        .parse(manager["http_filters"])
        .filter(({ name }) => guard === "guarded" || name !== "weir.guard");
      for (const { name, typed_config: config } of filters)
        if (name === "envoy.filters.http.ext_authz") config["failure_mode_allow"] = true;
      manager["http_filters"] = filters;
      return framed({ printed: { ...printed, http_connection_manager: manager }, upstream });
    };

    before(async function () {
      this.timeout(30_000);
      const served = await serveFiles(SMALL, open);
      const { weir } = served;
      folder = served.folder;
      printed = await printedFor(folder, { at: weir.checks });
      await weir.process.stop();
      await until(async () => (await statusOf(weir.metricsPort, "/healthz")) === undefined, {
        what: "weir to be away",
      });
    });
    const passing = async (config: unknown): Promise<readonly string[]> => {
      const envoy = await startFramed({ program, config }, open);
      const mark = randomUUID();
      const headers = [...(spoofed.headers ?? []), ["x-ask", mark] as const];
      const { status } = await requestHttp1({ port: envoy.port("web") }, { ...spoofed, headers });
      assert.equal(status, 200);
      const received = upstream.received.find((one) => one.headers["x-ask"] === mark) ?? assert.fail();
      return ["x-user", "x_user", "x-kind", "x-stays"].filter((name) => name in received.headers);
    };

    it("removes a client's copy of what policies own", async () => {
      assert.deepEqual(await passing(careless("guarded")), ["x-stays"]);
    });

    it("would not without the guard, and --check says so", async () => {
      assert.deepEqual(await passing(careless("bare")), ["x-user", "x_user", "x-kind", "x-stays"]);
      const bare = await checkWith(folder, careless("bare"));
      assert.equal(bare.code, 1);
      assert.match(bare.said, /fails-open-unguarded .*x-kind, x-user/);
      const guarded = await checkWith(folder, careless("guarded"));
      assert.equal(guarded.code, 0);
      assert.match(guarded.said, /fails-open {2}warning/);
    });

    it("answers 503 as it is printed", async () => {
      const envoy = await startFramed({ program, config: framed({ printed, upstream }) }, open);
      const { status } = await requestHttp1({ port: envoy.port("web") }, spoofed);
      assert.equal(status, 503);
    });
  });

  it("shows weir a certificate where its listener asks for one", async () => {
    const authority = await createAuthority();
    const edge = "spiffe://cluster.local/ns/edge/sa/envoy";
    const own = await authority.issue({
      ips: ["127.0.0.1"],
      uris: ["spiffe://cluster.local/ns/weir/sa/weir"],
    });
    const client = await authority.issue({ uris: [edge] });
    const tls = await writeFolder({
      ...{ "weir-ca.crt": authority.ca, "tls.crt": client.certificate, "tls.key": client.key },
      ...{ "weir.crt": own.certificate, "weir.key": own.key },
    });
    open.defer(() => removeFolder(tls));
    const server = `weir: 1
listen:
  grpc:
    address: 127.0.0.1:0
    tls: { cert: ${tls}/weir.crt, key: ${tls}/weir.key, clientCa: ${tls}/weir-ca.crt }
    allow: [{ san: "${edge}", services: [check] }]
  metrics: { address: 127.0.0.1:0 }
`;
    const named = SMALL["open.yaml"].replace("x-user: someone", 'x-user: "${proxy.principal}"');
    const { folder, weir } = await serveFiles({ "weir.yaml": server, "open.yaml": named }, open);
    const rewrite = (text: string) => text.replaceAll("/etc/envoy/tls", tls);
    const printed = await printedFor(folder, { at: weir.checks, rewrite });
    const config = framed({ printed, upstream });
    const envoy = await startFramed({ program, config }, open);
    const { received, by } = await ask({ envoy, upstream }, requestHttp1, { authority: "open.example.com" });
    assert.deepEqual([by, received?.headers["x-user"]], ["open/anyone", edge]);
    assert.deepEqual(await checkWith(folder, config), ALL_WELL);
  });

  it("asks over HTTP where it is told to, with every header there and back", async () => {
    const server = `weir: 1
listen:
  grpc: { address: 127.0.0.1:0 }
  http: { address: 127.0.0.1:0, pathPrefix: /check }
  metrics: { address: 127.0.0.1:0 }
clientAddress: { from: xff, trustedProxies: ["10.0.0.0/8"] }
`;
    const files = {
      "open.yaml": SMALL["open.yaml"].replace("x-user: someone", 'x-user: "${string(client.ip)}"'),
    };
    const { folder, weir } = await serveFiles({ "weir.yaml": server, ...files }, open);
    const printed = await printedFor(folder, { at: httpOf(weir), parameters: ["--http"] });
    const config = framed({ printed, upstream });
    const envoy = await startFramed({ program, config }, open);
    const port = envoy.port("web");
    const mark = randomUUID();
    const headers = [["x-user", "root"] as const, ["x-ask", mark] as const];
    const granted = await requestHttp1({ port }, { authority: "open.example.com", path: "/a", headers });
    const received = upstream.received.find((one) => one.headers["x-ask"] === mark);
    // Envoy writes an address of the machine for loopback.
    assert.match(received?.headers["x-user"] ?? "", /^\d+\.\d+\.\d+\.\d+$/);
    assert.deepEqual([granted.status, received?.headers["x-kind"]], [200, "/a"]);
    assert.ok(granted.headers.some(([name, value]) => name === "x-served" && value === "weir"));
    const bad = await requestHttp1({ port }, { authority: "open.example.com", headers: [["x-bad", "1"]] });
    assert.equal(bad.status, 403);
    assert.deepEqual(await checkWith(folder, config), ALL_WELL);
  });

  const proxied = `
weir: 1
policy: proxied
match: { protocol: tcp }
rules:
  - id: tenant
    allow: metadata["envoy.filters.listener.proxy_protocol"].tenant == "a"
`;
  it("is taken by Envoy for the example folder, on a socket, and for metadata of connections", async () => {
    const connections = open.adopt(await writeFolder({ "proxied.yaml": proxied }), removeFolder);
    for (const folder of ["policies", connections]) {
      const printed = await printedFor(folder, { at: { unix: "/tmp/no-such-weir.sock" } });
      const envoy = await startFramed({ program, config: framed({ printed, upstream }) }, open);
      assert.doesNotMatch(envoy.logs(), /deprecated|ext_authz|header_mutation/);
    }
  });
});
