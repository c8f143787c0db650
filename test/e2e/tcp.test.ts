import assert from "node:assert/strict";
import type { CheckFacts } from "../../src/attributes/facts.ts";
import { checkFacts } from "../../src/check/attributes.ts";
import { attributes } from "../attributes/fixture.ts";
import { envoyBootstrap } from "../support/bootstrap.ts";
import { type Credential, createAuthority } from "../support/certificates.ts";
import { allowed, type Checks, denied, startChecks } from "../support/checks.ts";
import { type Envoy, startEnvoy } from "../support/envoy.ts";
import { requestHttp1, type Target } from "../support/http.ts";
import { need } from "../support/need.ts";
import { startUpstream, type Upstream } from "../support/upstream.ts";

const WEB = "spiffe://cluster.local/ns/shop/sa/web";

describe("what Envoy tells of a connection", () => {
  const open = new AsyncDisposableStack();
  const checks: Checks = { answer: allowed, asked: [] };
  const clients = new Map<string, Credential>();
  let ca: string;
  let upstream: Upstream;
  let envoy: Envoy;

  before(async function () {
    const program = await need(this, "envoy");
    const authority = await createAuthority();
    ca = authority.ca;
    clients.set("one", await authority.issue({ uris: [WEB], dns: ["web.shop"] }));
    clients.set("two", await authority.issue({ uris: [WEB, "spiffe://cluster.local/ns/shop/sa/admin"] }));
    const tls = {
      ...(await authority.issue({ uris: ["spiffe://cluster.local/ns/db/sa/db"] })),
      clientCa: ca,
    };
    upstream = open.adopt(await startUpstream(), (started) => started.stop());
    const { host, port } = upstream;
    const server = { host, port: await startChecks(checks, open) };
    const config = envoyBootstrap({
      listeners: [
        { name: "plain", speaks: "tcp", check: "asked" },
        { name: "tcp", speaks: "tcp", check: "asked", tls },
        { name: "http", check: "asked", tls },
      ],
      extAuthz: { server, timeoutMs: 5000, headers: "raw", peerCertificate: "sent", tlsSession: "sent" },
      upstream: { host, port },
    });
    envoy = open.adopt(await startEnvoy({ program, config }), (started) => started.stop());
  });
  beforeEach(() => {
    checks.answer = allowed;
    checks.asked.length = 0;
  });
  after(() => open.disposeAsync());

  const to = (listener: string, client?: string, serverName?: string): Target => {
    const credential = client === undefined ? undefined : (clients.get(client) ?? assert.fail(client));
    const name = serverName === undefined ? {} : { serverName };
    return { port: envoy.port(listener), ...(credential && { tls: { ca, ...credential, ...name } }) };
  };
  const asked = (): CheckFacts => checkFacts(checks.asked[0] ?? assert.fail("Envoy did not ask"));

  it("is the peers alone where it is plain TCP", async () => {
    assert.equal((await requestHttp1(to("plain"), {})).status, 200);
    const facts = asked();
    const { request, source, destination, serverName } = facts;
    assert.equal(request, undefined);
    assert.equal(source.address, "127.0.0.1");
    assert.ok((source.port ?? 0) > 0);
    assert.deepEqual([destination.address, destination.port], ["127.0.0.1", envoy.port("plain")]);
    assert.deepEqual([source.principal, source.certificate, serverName], ["", "", ""]);
    assert.deepEqual([facts.contextExtensions().size, facts.metadata().size], [0, 0]);
  });

  it("ends where the check denies, before the upstream sees anything", async () => {
    checks.answer = denied;
    const before = upstream.received.length;
    await assert.rejects(requestHttp1(to("plain"), {}));
    assert.equal(upstream.received.length, before);
    assert.equal(checks.asked.length, 1);
  });

  for (const listener of ["tcp", "http"] as const) {
    it(`has names, certificate and server name of mutual TLS, on ${listener}`, async () => {
      assert.equal((await requestHttp1(to(listener, "one", "Db.example.com"), {})).status, 200);
      const facts = asked();
      assert.equal(facts.request === undefined, listener === "tcp");
      const { source, destination, connection } = asAttributes(facts);
      assert.equal(source.principal, WEB);
      assert.equal(destination.service_account, "db");
      assert.equal(connection.requested_server_name, "db.example.com");
      assert.equal(connection.peer_certificate?.trim(), clients.get("one")?.certificate.trim());
    });

    it(`proves no identity with two URIs, on ${listener}`, async () => {
      await requestHttp1(to(listener, "two"), {});
      const facts = asked();
      assert.equal(facts.source.principal, WEB);
      const { source, connection } = asAttributes(facts);
      assert.deepEqual([source.principal, source.presented], [undefined, undefined]);
      assert.equal(connection.requested_server_name, undefined);
    });
  }
});

/** What expressions of a connection read of it. */
const asAttributes = ({ source, destination, serverName }: CheckFacts) =>
  attributes(undefined, { source, destination, serverName });
