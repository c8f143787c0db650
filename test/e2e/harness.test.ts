import assert from "node:assert/strict";
import { envoyBootstrap } from "../support/bootstrap.ts";
import { createAuthority, type Credential } from "../support/certificates.ts";
import { allowed, type Checks, denied, startChecks } from "../support/checks.ts";
import { type Envoy, startEnvoy } from "../support/envoy.ts";
import { callGrpc, requestHttp1, requestHttp2, type Target, valuesOf } from "../support/http.ts";
import { need } from "../support/need.ts";
import { until } from "../support/until.ts";
import { startUpstream, type Upstream } from "../support/upstream.ts";

describe("a real Envoy between a client and an upstream", () => {
  const open = new AsyncDisposableStack();
  const checks: Checks = { answer: allowed, asked: [] };
  let upstream: Upstream;
  let envoy: Envoy;
  let client: Credential;
  let ca: string;

  before(async function () {
    const program = await need(this, "envoy");
    const authority = await createAuthority();
    ca = authority.ca;
    client = await authority.issue({ uris: ["spiffe://cluster.local/ns/shop/sa/web"] });
    const server = await authority.issue({ dns: ["localhost"] });
    upstream = open.adopt(await startUpstream(), (started) => started.stop());
    const checkPort = await startChecks(checks, open);
    const { host, port, http2Port } = upstream;
    const config = envoyBootstrap({
      listeners: [
        { name: "open", check: "skipped" },
        { name: "checked", check: "asked", contextExtensions: { "weir.route": "all" } },
        { name: "mutual", check: "asked", tls: { ...server, clientCa: ca } },
      ],
      extAuthz: { server: { host, port: checkPort }, timeoutMs: 2000, statusOnError: 503, headers: "raw" },
      upstream: { host, port },
      grpcUpstream: { host, port: http2Port },
      accessLog: { path: "%REQ(:PATH)%", status: "%RESPONSE_CODE%" },
    });
    envoy = open.adopt(await startEnvoy({ program, config }), (started) => started.stop());
  });
  beforeEach(() => {
    checks.answer = allowed;
    checks.asked.length = 0;
  });
  after(() => open.disposeAsync());

  const target = (listener: string): Target => ({ port: envoy.port(listener) });

  for (const { listener, asks } of [
    { listener: "open", asks: 0 },
    { listener: "checked", asks: 1 },
  ]) {
    for (const [protocol, request] of [
      ["HTTP/1.1", requestHttp1],
      ["HTTP/2", requestHttp2],
    ] as const) {
      it(`lets ${protocol} through the ${listener} listener, path and repeated headers as written`, async () => {
        const answer = await request(target(listener), {
          path: "/a/../b//c?q=%2F",
          headers: [
            ["x-team", "one"],
            ["x-team", "two"],
          ],
        });
        assert.equal(answer.status, 200);
        assert.deepEqual(valuesOf(answer.headers, "set-cookie"), ["upstream=1"]);
        const received = upstream.received.at(-1);
        assert.equal(received?.path, "/a/../b//c?q=%2F");
        assert.equal(received.headers["x-team"], "one, two");
        assert.deepEqual(JSON.parse(answer.body.toString()), received);
        assert.equal(checks.asked.length, asks);
      });
    }

    it(`lets gRPC through the ${listener} listener`, async () => {
      const message = Buffer.from("hello");
      const answer = await callGrpc(target(listener), { path: "/shop.Orders/List", message });
      assert.equal(answer.grpcStatus, 0);
      assert.deepEqual(answer.message, message);
      assert.equal(upstream.received.at(-1)?.protocol, "http2");
      assert.equal(checks.asked.length, asks);
    });
  }

  it("refuses what the check denies, and the upstream sees nothing of it", async () => {
    checks.answer = denied;
    const before = upstream.received.length;
    const answer = await requestHttp1(target("checked"), {});
    assert.equal(answer.status, 403);
    assert.equal(upstream.received.length, before);
  });

  it("answers status_on_error where the check fails", async () => {
    checks.answer = "fail";
    assert.equal((await requestHttp1(target("checked"), {})).status, 503);
  });

  it("sends the check the listener's context extensions", async () => {
    await requestHttp1(target("checked"), {});
    assert.match(String(checks.asked[0]), /weir\.route/);
  });

  it("sends the check the SPIFFE id of a client's certificate", async () => {
    for (const request of [requestHttp1, requestHttp2]) {
      checks.asked.length = 0;
      const tls = { ca, certificate: client.certificate, key: client.key };
      const answer = await request({ ...target("mutual"), tls }, {});
      assert.equal(answer.status, 200);
      assert.match(String(checks.asked[0]), /spiffe:\/\/cluster\.local\/ns\/shop\/sa\/web/);
    }
  });

  it("takes no client without a certificate where TLS is mutual", async () => {
    await assert.rejects(requestHttp1(target("mutual"), {}));
    assert.equal(checks.asked.length, 0);
  });

  it("counts and logs what passed", async () => {
    await requestHttp1(target("open"), { path: "/logged" });
    const logged = await until(() => envoy.accessLog().find(({ path }) => path === "/logged"), {
      what: "the access-log entry",
    });
    assert.deepEqual(logged, { path: "/logged", status: 200 });
    const stats = await envoy.stats("http.checked.ext_authz.");
    assert.equal(stats.get("http.checked.ext_authz.denied"), 1);
    assert.equal(stats.get("http.checked.ext_authz.error"), 1);
  });
});
