import assert from "node:assert/strict";
import { type Credential, createAuthority } from "../support/certificates.ts";
import { requestHttp1, requestHttp2 } from "../support/http.ts";
import { ask, type Mesh, startMesh } from "../support/mesh.ts";
import { need } from "../support/need.ts";

const files = {
  "mesh.yaml": `
weir: 1
policy: mesh
match:
  hosts: [mesh.example.com]
identities:
  workload:
    mtls: { trustDomains: [cluster.local, partner.example] }
rules:
  - id: in-mesh
    require: has(auth.workload)
    status: 401
  - id: web
    allow: |
      source.namespace == "shop" && auth.workload.service_account == "web" &&
      auth.workload.id == source.principal
  - id: partner
    allow: |
      auth.workload.trust_domain == "partner.example" && !has(source.namespace) && !has(source.principal)
`,
};

const workloads: readonly { does: string; uris: string[]; by: string; status: number }[] = [
  {
    does: "lets the named workload in",
    uris: ["spiffe://cluster.local/ns/shop/sa/web"],
    by: "mesh/web",
    status: 200,
  },
  {
    does: "refuses another service account",
    uris: ["spiffe://cluster.local/ns/shop/sa/cron"],
    by: "mesh/default",
    status: 403,
  },
  {
    does: "refuses another namespace",
    uris: ["spiffe://cluster.local/ns/office/sa/web"],
    by: "mesh/default",
    status: 403,
  },
  {
    does: "has no identity for a foreign trust domain",
    uris: ["spiffe://cluster.example/ns/shop/sa/web"],
    by: "mesh/in-mesh",
    status: 401,
  },
  {
    does: "has no identity for a certificate without a SPIFFE id",
    uris: [],
    by: "mesh/in-mesh",
    status: 401,
  },
  {
    does: "has no identity for two SPIFFE ids",
    uris: ["spiffe://cluster.local/ns/shop/sa/web", "spiffe://cluster.local/ns/shop/sa/admin"],
    by: "mesh/in-mesh",
    status: 401,
  },
  {
    does: "has no identity for a SPIFFE id and another URI",
    uris: ["spiffe://cluster.local/ns/shop/sa/web", "https://cluster.local/ns/shop/sa/web"],
    by: "mesh/in-mesh",
    status: 401,
  },
  {
    does: "has no identity for an id that only looks like one",
    uris: ["spiffe://cluster.local:8080/ns/shop/sa/web"],
    by: "mesh/in-mesh",
    status: 401,
  },
  {
    does: "keeps source.* to the mesh's own trust domains, where an identity takes more",
    uris: ["spiffe://partner.example/ns/shop/sa/cron"],
    by: "mesh/partner",
    status: 200,
  },
];

describe("an identity by certificate through Envoy", () => {
  const open = new AsyncDisposableStack();
  let mesh: Mesh;
  let ca: string;
  const clients = new Map<string, Credential>();

  before(async function () {
    const program = await need(this, "envoy");
    const authority = await createAuthority();
    ca = authority.ca;
    const server = await authority.issue({ dns: ["localhost"] });
    for (const { does, uris } of workloads) clients.set(does, await authority.issue({ uris }));
    const listeners = [
      { name: "web", check: "asked" },
      { name: "mutual", check: "asked", tls: { ...server, clientCa: ca } },
      { name: "lenient", check: "asked", tls: { ...server, clientCa: ca, clients: "may show one" } },
    ] as const;
    mesh = await startMesh({ program, files, listeners, filter: { peerCertificate: "sent" } }, open);
  });
  after(() => open.disposeAsync());

  for (const [protocol, send] of [
    ["HTTP/1.1", requestHttp1],
    ["HTTP/2", requestHttp2],
  ] as const) {
    for (const { does, by, status } of workloads) {
      it(`${does} over ${protocol}`, async () => {
        const credential = clients.get(does);
        assert.ok(credential);
        const to = { listener: "mutual", tls: { ca, ...credential } };
        const asked = await ask(mesh, send, { to, authority: "mesh.example.com" });
        assert.deepEqual([asked.by, asked.answer.status], [by, status]);
        assert.equal(asked.received === undefined, status !== 200);
      });
    }

    it(`has no identity where there is no certificate, whatever headers say, over ${protocol}`, async () => {
      const claim = "By=spiffe://cluster.local/ns/a/sa/b;URI=spiffe://cluster.local/ns/shop/sa/web";
      const headers = [["x-forwarded-client-cert", claim]] as const;
      const asked = await ask(mesh, send, { authority: "mesh.example.com", headers });
      assert.deepEqual([asked.by, asked.answer.status], ["mesh/in-mesh", 401]);
    });

    it(`has no identity where the client may show a certificate and shows none, over ${protocol}`, async () => {
      const to = { listener: "lenient", tls: { ca } };
      const asked = await ask(mesh, send, { to, authority: "mesh.example.com" });
      assert.deepEqual([asked.by, asked.answer.status], ["mesh/in-mesh", 401]);
    });
  }

  it("leaves it to Envoy to refuse a certificate of another authority", async () => {
    const foreign = await createAuthority("another CA");
    const credential = await foreign.issue({ uris: ["spiffe://cluster.local/ns/shop/sa/web"] });
    for (const listener of ["mutual", "lenient"]) {
      const target = { port: mesh.envoy.port(listener), tls: { ca, ...credential } };
      await assert.rejects(requestHttp1(target, { authority: "mesh.example.com" }));
    }
  });
});
