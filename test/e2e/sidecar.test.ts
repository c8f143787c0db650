import assert from "node:assert/strict";
import { once } from "node:events";
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { connect } from "node:tls";
import {
  type Authority,
  createAuthority,
  type Credential,
  weirCertificates,
} from "../support/certificates.ts";
import type { Envoy } from "../support/envoy.ts";
import { requestHttp1 } from "../support/http.ts";
import { type Load, startLoad } from "../support/load.ts";
import { ask, type Mesh, startAskingEnvoy } from "../support/mesh.ts";
import { need } from "../support/need.ts";
import { until } from "../support/until.ts";
import { startUpstream } from "../support/upstream.ts";
import { removeFolder, runWeir, startWeir, writeFolder } from "../support/weir.ts";

const spiffe = (path: string): string => `spiffe://cluster.local/${path}`;

const server = `
weir: 1
listen:
  grpc:
    address: 127.0.0.1:0
    tls: { cert: certs/weir.crt, key: certs/weir.key, clientCa: certs/ca.crt }
    allow:
      - { san: "${spiffe("ns/edge/*")}", services: [check] }
      - { san: "${spiffe("ns/shop/sa/orders")}", services: [check] }
      - { san: "${spiffe("ns/ops/sa/reporter")}", services: [report] }
  metrics: { address: 127.0.0.1:0 }
proxy:
  role:
    byPrincipal:
      "${spiffe("ns/edge/*")}": gateway
`;

const files = {
  "weir.yaml": server,
  "orders.yaml": `
weir: 1
policy: orders
match:
  destinations: [shop/orders]
rules:
  - id: no-admin
    deny: request.path_segments[0] == "admin"
  - id: read
    allow: request.method == "GET"
    request:
      set:
        x-proxy: \${proxy.principal}
        x-role: \${proxy.role}
`,
  "open.yaml": `
weir: 1
policy: open
match:
  hosts: [open.example.com]
  destinations: [shop/orders]
default: allow
`,
  "edge.yaml": `
weir: 1
policy: edge
match:
  hosts: [edge.example.com]
  when: proxy.role == "gateway"
default: allow
`,
};

/** Who asks weir, by the certificate that it shows. */
const proxies = {
  sidecar: [spiffe("ns/shop/sa/orders")],
  gateway: [spiffe("ns/edge/sa/gateway")],
  foreign: [spiffe("ns/evil/sa/envoy")],
  reporter: [spiffe("ns/ops/sa/reporter")],
  double: [spiffe("ns/shop/sa/orders"), spiffe("ns/edge/sa/gateway")],
} as const;
type Proxy = keyof typeof proxies;

describe("sidecars that ask weir over mutual TLS", () => {
  const open = new AsyncDisposableStack();
  const envoys = new Map<Proxy, Envoy>();
  let authority: Authority;
  let client: Credential;
  let mesh: Omit<Mesh, "envoy">;
  let load: Load;
  let renewed: Credential;

  before(async function () {
    const program = await need(this, "envoy");
    authority = await createAuthority();
    client = await authority.issue({ uris: [spiffe("ns/shop/sa/web")] });
    const certs = await weirCertificates(authority);
    const folder = open.adopt(await writeFolder({ ...files, ...certs }), removeFolder);
    const weir = open.adopt(await startWeir(folder), (started) => started.process.stop());
    const upstream = open.adopt(await startUpstream(), (started) => started.stop());
    mesh = { folder, weir, upstream };
    const orders = {
      ...(await authority.issue({ uris: [spiffe("ns/shop/sa/orders")] })),
      clientCa: authority.ca,
    };
    for (const [name, uris] of Object.entries(proxies) as [Proxy, readonly string[]][]) {
      const filter = {
        peerCertificate: "sent",
        tls: { ...(await authority.issue({ uris })), ca: authority.ca },
      } as const;
      const listeners = [
        { name: "orders", check: "asked", tls: orders },
        { name: "web", check: "asked" },
      ] as const;
      envoys.set(name, await startAskingEnvoy({ ...mesh, program, listeners, filter }, open));
    }
    // Certificates are looked at every ten seconds: what follows runs meanwhile.
    load = startLoad({
      port: envoyOf("gateway").port("web"),
      headers: () => ({ host: "edge.example.com" }),
      judge: ({ status }) => (status === 200 ? undefined : `answered ${status}`),
    });
    open.defer(() => load.stop());
    renewed = await authority.issue({ dns: ["weir"] });
    await publish({ "weir.crt": renewed.certificate, "weir.key": renewed.key });
  });
  after(() => open.disposeAsync());

  const envoyOf = (name: Proxy): Envoy => envoys.get(name) ?? assert.fail(name);
  const publish = async (texts: Readonly<Record<string, string>>): Promise<void> => {
    for (const [name, text] of Object.entries(texts)) {
      await writeFile(join(mesh.folder, "certs", `.${name}`), text);
      await rename(join(mesh.folder, "certs", `.${name}`), join(mesh.folder, "certs", name));
    }
  };
  const send = (proxy: Proxy, listener: "orders" | "web", authorityHeader: string, path = "/") => {
    const to = listener === "web" ? { listener } : { listener, tls: { ca: authority.ca, ...client } };
    return ask({ ...mesh, envoy: envoyOf(proxy) }, requestHttp1, { to, authority: authorityHeader, path });
  };

  for (const { proxy, host, path, expected } of [
    { proxy: "sidecar", host: "orders.shop", path: "/1", expected: "200 orders/read" },
    { proxy: "sidecar", host: "orders.shop", path: "/admin", expected: "403 orders/no-admin" },
    { proxy: "sidecar", host: "open.example.com", path: "/1", expected: "200 open/default" },
    { proxy: "sidecar", host: "open.example.com", path: "/admin", expected: "403 orders/no-admin" },
    { proxy: "sidecar", host: "edge.example.com", path: "/admin", expected: "403 orders/no-admin" },
    { proxy: "sidecar", host: "nobody.example.com", path: "/admin", expected: "403 orders/no-admin" },
    { proxy: "gateway", host: "edge.example.com", path: "/1", expected: "200 edge/default" },
  ] as const) {
    it(`binds ${path} with Host ${host} at a ${proxy} to what is called: ${expected}`, async () => {
      const { answer, by } = await send(proxy, "orders", host, path);
      assert.deepEqual(`${answer.status} ${by}`, expected);
    });
  }

  it("tells policies which Envoy asks, and what it is", async () => {
    for (const [proxy, role] of [
      ["sidecar", "sidecar"],
      ["gateway", "gateway"],
    ] as const) {
      const { received } = await send(proxy, "orders", "orders.shop", "/1");
      assert.deepEqual(
        [received?.headers["x-proxy"], received?.headers["x-role"]],
        [proxies[proxy][0], role],
      );
    }
  });

  it("does not let a sidecar use what is for gateways", async () => {
    assert.equal((await send("sidecar", "web", "edge.example.com")).by, "/weir/ungoverned");
    assert.equal((await send("gateway", "web", "edge.example.com")).by, "edge/default");
  });

  for (const proxy of ["foreign", "reporter", "double"] as const) {
    it(`answers no check of an Envoy whose certificate may not ask: ${proxy}`, async () => {
      const refused = 'weir_refused_callers_total{listener="grpc"}';
      const before = await mesh.weir.metric(refused);
      const tls = { ca: authority.ca, ...client };
      const port = envoyOf(proxy).port("orders");
      const { status } = await requestHttp1({ port, tls }, { authority: "orders.shop", path: "/1" });
      assert.equal(status, 403);
      assert.equal(await mesh.weir.metric(refused), before + 1);
    });
  }

  it("shows a new certificate without a restart, and no request fails", async function () {
    this.timeout(30_000);
    const renewals = 'weir_tls_renewals_total{listener="grpc",result="renewed"}';
    await until(async () => (await mesh.weir.metric(renewals)) >= 1, {
      timeoutMs: 20_000,
      what: "the new certificate to be read",
    });
    assert.equal(await shownCertificate(), renewed.certificate.trim());
    const { answered } = load;
    await until(() => load.answered > answered + 20, { what: "more requests" });
    assert.deepEqual(load.wrong, []);
  });

  /** What weir shows who connects now, in PEM. */
  async function shownCertificate(): Promise<string> {
    const { checks } = mesh.weir;
    assert.ok("host" in checks);
    const socket = connect({
      ...checks,
      ca: authority.ca,
      cert: client.certificate,
      key: client.key,
      checkServerIdentity: () => undefined,
    });
    await once(socket, "secureConnect");
    const certificate = socket.getPeerX509Certificate()?.toString().trim();
    socket.destroy();
    return certificate ?? assert.fail("it shows none");
  }
});

describe("where an Envoy that asks may be a sidecar", () => {
  const policy = (match: string): string => `
weir: 1
policy: orders
match:
${match}
default: deny
`;
  const roles = "proxy: { role: sidecar }\n";
  const byPrincipal = `proxy: { role: { byPrincipal: { "${spiffe("ns/edge/*")}": gateway } } }\n`;
  for (const { what, proxy, match, code } of [
    {
      what: "hosts alone",
      proxy: roles,
      match: "  hosts: [orders.example.com]",
      code: "host-is-callers-choice",
    },
    {
      what: "paths alone",
      proxy: byPrincipal,
      match: '  paths: ["/orders/**"]',
      code: "host-is-callers-choice",
    },
    {
      what: "hosts and destinations",
      proxy: roles,
      match: "  hosts: [a.example.com]\n  destinations: [shop/orders]",
      code: undefined,
    },
  ]) {
    it(`${code === undefined ? "takes" : "refuses"} a policy that is chosen by ${what}`, async () => {
      const folder = await writeFolder({ "weir.yaml": `weir: 1\n${proxy}`, "orders.yaml": policy(match) });
      const ended = await runWeir(["validate", folder]);
      await removeFolder(folder);
      assert.equal(ended.kind, code === undefined ? "succeeded" : "failed");
      if (code !== undefined) assert.match(JSON.stringify(ended), new RegExp(`orders\\.yaml:5:3 {2}${code}`));
    });
  }
});
