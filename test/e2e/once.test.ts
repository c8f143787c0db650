import assert from "node:assert/strict";
import { createAuthority, weirCertificates } from "../support/certificates.ts";
import type { Envoy } from "../support/envoy.ts";
import { requestHttp1 } from "../support/http.ts";
import { ask, startAskingEnvoy } from "../support/mesh.ts";
import { need } from "../support/need.ts";
import { startUpstream, type Upstream } from "../support/upstream.ts";
import { removeFolder, startWeir, writeFolder } from "../support/weir.ts";

const spiffe = (path: string): string => `spiffe://cluster.local/${path}`;
const GATEWAY = spiffe("ns/edge/sa/gateway");
const SIDECAR = spiffe("ns/shop/sa/orders");

const LIMIT = 5;

const SHOP = `
weir: 1
policy: shop
match: everything
rules:
  - id: reads
    allow: request.method == "GET"
quotas:
  - id: once
    when: request.host != "twice.example.com"
    key: [request.host]
    windows: [{ limit: ${LIMIT}, per: day }]
    once: request
  - id: twice
    when: request.host == "twice.example.com"
    windows: [{ limit: ${LIMIT}, per: day }]
`;

const files = {
  "weir.yaml": `
weir: 1
listen:
  grpc:
    address: 127.0.0.1:0
    tls: { cert: certs/weir.crt, key: certs/weir.key, clientCa: certs/ca.crt }
    allow: [{ san: "${spiffe("*")}", services: [check] }]
  metrics: { address: 127.0.0.1:0 }
mesh: { trustDomains: [cluster.local] }
proxy: { role: { byPrincipal: { "${GATEWAY}": gateway } } }
secrets: { mac: { env: WEIR_MAC } }
`,
  "shop.yaml": SHOP,
};

describe("a gateway and the sidecar behind it, which both ask weir", () => {
  const open = new AsyncDisposableStack();
  let upstream: Upstream;
  let gateway: Envoy;
  let sidecar: Envoy;

  before(async function () {
    const program = await need(this, "envoy");
    const authority = await createAuthority();
    const certs = await weirCertificates(authority);
    const folder = open.adopt(await writeFolder({ ...files, ...certs }), removeFolder);
    const environment = { WEIR_MAC: "a secret of at least thirty-two characters" };
    const weir = open.adopt(await startWeir(folder, { environment }), (one) => one.process.stop());
    upstream = open.adopt(await startUpstream(), (started) => started.stop());
    const startAs = async (uri: string, before: Upstream): Promise<Envoy> => {
      const tls = { ...(await authority.issue({ uris: [uri] })), ca: authority.ca };
      return startAskingEnvoy({ program, weir, upstream: before, filter: { tls } }, open);
    };
    sidecar = await startAs(SIDECAR, upstream);
    gateway = await startAs(GATEWAY, { ...upstream, port: sidecar.port("web") });
  });
  after(() => open.disposeAsync());

  /** The statuses of requests, one after the other. */
  async function statuses(
    envoy: Envoy,
    authority: string,
    { count, told }: { readonly count: number; readonly told?: string },
  ): Promise<readonly number[]> {
    const found: number[] = [];
    for (let one = 0; one < count; one++) {
      const headers = told === undefined ? [] : [["x-weir-once", told] as const];
      const { answer, received } = await ask({ envoy, upstream }, requestHttp1, { authority, headers });
      found.push(answer.status);
      assert.equal(received?.headers["x-weir-once"], undefined, "the workload sees nothing of it");
    }
    return found;
  }

  const times = (status: number, count: number): readonly number[] =>
    Array.from({ length: count }, () => status);

  it("are charged once for each request, where the quota says so", async () => {
    assert.deepEqual(await statuses(gateway, "once.example.com", { count: LIMIT + 2 }), [
      ...times(200, LIMIT),
      ...times(429, 2),
    ]);
  });

  it("are charged twice without it", async () => {
    assert.deepEqual(await statuses(gateway, "twice.example.com", { count: 3 }), [200, 200, 429]);
  });

  it("are charged for what comes past the gateway, whatever its header says", async () => {
    const told = `${Date.now() + 9_000}.${"A".repeat(43)}`;
    assert.deepEqual(await statuses(sidecar, "direct.example.com", { count: LIMIT + 1, told }), [
      ...times(200, LIMIT),
      429,
    ]);
    // A gateway believes nobody.
    assert.deepEqual(await statuses(gateway, "direct.example.com", { count: 1, told }), [429]);
  });
});
