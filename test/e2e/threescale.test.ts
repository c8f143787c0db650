import assert from "node:assert/strict";
import { createAuthority, type Authority } from "../support/certificates.ts";
import { requestHttp1, type Outgoing } from "../support/http.ts";
import { ask, type Mesh, startAskingEnvoy } from "../support/mesh.ts";
import { need } from "../support/need.ts";
import { addApplication, addService, startThreescale, type Threescale } from "../support/threescale.ts";
import type { BookApplication } from "../support/threescale-book.ts";
import { until } from "../support/until.ts";
import { startUpstream } from "../support/upstream.ts";
import { removeFolder, startWeir, writeFolder, type Weir } from "../support/weir.ts";

/** `plans` remembers for longer than a test takes; `brief` for a moment. */
const server = (system: string): string => `
weir: 1
listen:
  grpc: { address: 127.0.0.1:0 }
  admin: { address: 127.0.0.1:0 }
  metrics: { address: 127.0.0.1:0 }
mesh: { trustDomains: [cluster.local] }
checkTimeout: 2s
outbound: { allowPrivate: [127.0.0.1] }
handlers:
  plans:
    adapter: threescale
    config:
      system: ${system}
      accessToken: { env: THREESCALE_TOKEN }
      folder: state/plans
      cache: { allowed: 10m, maxAge: 10m }
      reports: { flush: 300ms }
  brief:
    adapter: threescale
    config:
      system: ${system}
      accessToken: { env: THREESCALE_TOKEN }
      folder: state/brief
      cache: { allowed: 300ms, denied: 100ms, stale: 0s }
      reports: { flush: 300ms }
`;

const asking = (name: string, handler: string, credential: string): string => `
weir: 1
policy: ${name}
match:
  hosts: [${name}.example.com]
rules:
  - id: plan
    ask: ${handler}
    as: plan
    with:
      service: orders
      method: \${request.method}
      path: \${request.path}
      ${credential}
    request:
      set:
        x-plan: \${plan.plan}
  - id: known
    allow: plan.service == "7"
`;

const KEY = 'app_key: ${request.headers[?"app-key"].orValue("")}';
const ID = 'app_id: ${request.headers[?"app-id"].orValue("")}';

const files = {
  "orders.yaml": asking("orders", "plans", `${ID}\n      ${KEY}`),
  "brief.yaml": asking("brief", "brief", `${ID}\n      ${KEY}`),
  "located.yaml": asking("located", "plans", "headers: request.headers"),
  "shared.yaml": "weir: 1\nshared: platform\ndata: { applications: applications.yaml }\n",
  "applications.yaml": '"spiffe://cluster.local/ns/shop/sa/web": web-app\n',
  "mesh.yaml": asking("mesh", "plans", "app_id: ${data.applications[auth.workload.id]}").replace(
    "rules:",
    "use: [platform]\nidentities:\n  workload: { mtls: { trustDomains: [cluster.local] } }\nrules:",
  ),
};

describe("3scale behind Envoy's checks", () => {
  const open = new AsyncDisposableStack();
  let three: Threescale;
  let authority: Authority;
  let folder: string;
  let mesh: Mesh;
  let weir: Weir;
  const environment: Record<string, string> = {};

  const startAnother = async (): Promise<Weir> => {
    const started = open.adopt(await startWeir(folder, { environment }), (one) => one.process.stop());
    for (const name of ["plans", "brief"]) {
      await until(
        async () =>
          (await started.status()).handlers.some((one) => one.handler === name && one.state === "ready"),
        { what: `${name} to know its services`, timeoutMs: 15_000 },
      );
    }
    return started;
  };

  before(async function () {
    const program = await need(this, "envoy");
    three = open.adopt(await startThreescale(), (one) => one.stop());
    three.book.memoMs = 0;
    environment["THREESCALE_TOKEN"] = three.token;
    const service = addService(three, {
      id: "7",
      name: "orders",
      backendVersion: "2",
      serviceToken: "svc-1",
      metrics: [
        ["hits", undefined],
        ["search", "hits"],
      ],
      proxy: { credentials_location: "authorization" },
      rules: ["GET / hits 1", "GET /search search 1"],
    });
    for (const id of ["a1", "a2", "a3", "a4", "a5"]) addApplication(service, id, { keys: ["k1"] });
    addApplication(service, "web-app", { plan: "Mesh" });
    folder = open.adopt(await writeFolder({ ...files, "weir.yaml": server(three.url) }), removeFolder);
    weir = await startAnother();
    const upstream = open.adopt(await startUpstream(), (one) => one.stop());
    authority = await createAuthority();
    const own = await authority.issue({ uris: ["spiffe://cluster.local/ns/shop/sa/edge"] });
    const listeners = [
      { name: "web", check: "asked" as const },
      { name: "mutual", check: "asked" as const, tls: { ...own, clientCa: authority.ca } },
    ];
    const envoy = await startAskingEnvoy(
      { program, weir, upstream, listeners, filter: { peerCertificate: "sent" } },
      open,
    );
    mesh = { folder, weir, upstream, envoy };
  });
  after(() => open.disposeAsync());

  const application = (id: string): BookApplication =>
    three.book.services.get("7")?.applications.get(id) ?? assert.fail(id);
  const by = (id: string, key = "k1"): Outgoing => ({
    headers: [
      ["app-id", id],
      ["app-key", key],
    ],
  });
  const asked = async (host: string, outgoing: Outgoing): Promise<number> =>
    (await ask(mesh, requestHttp1, { ...outgoing, authority: `${host}.example.com` })).answer.status;
  const counted = (id: string, total: number): Promise<unknown> =>
    until(() => three.book.total("7", id) === total, {
      what: `${total} to be counted of ${id}`,
      timeoutMs: 10_000,
    });
  const becomes = (outgoing: Outgoing, status: number): Promise<unknown> =>
    until(async () => (await asked("brief", outgoing)) === status, { what: `an answer of ${status}` });

  it("asks once for a hundred requests, whose counters end equal, in a few reports", async () => {
    const before = { ...three.calls };
    const statuses = await Promise.all(Array.from({ length: 100 }, () => asked("orders", by("a1"))));
    assert.deepEqual(new Set(statuses), new Set([200]));
    await counted("a1", 100);
    assert.equal(three.calls.authorize - before.authorize, 1);
    assert.ok(three.calls.report - before.report <= 10, `${three.calls.report - before.report} reports`);
    assert.equal(three.calls.authrep, before.authrep);
    assert.deepEqual(three.book.droppedBatches, []);
  });

  it("tells policies the plan, and refuses as the proxy configuration says", async () => {
    const { received } = await ask(mesh, requestHttp1, { ...by("a1"), authority: "orders.example.com" });
    assert.equal(received?.headers["x-plan"], "Basic");
    const { answer } = await ask(mesh, requestHttp1, {
      ...by("a1", "wrong"),
      authority: "orders.example.com",
    });
    assert.deepEqual([answer.status, answer.body.toString()], [403, "Authentication failed"]);
    assert.ok(
      answer.headers.some(
        ([name, value]) => name === "content-type" && value === "text/plain; charset=us-ascii",
      ),
    );
    assert.equal(await asked("orders", {}), 401);
    assert.equal(await asked("orders", { ...by("a1"), method: "PATCH" }), 404);
  });

  it("takes the credential from where the proxy configuration has it", async () => {
    const basic = (text: string): Outgoing => ({
      headers: [["authorization", `Basic ${Buffer.from(text).toString("base64")}`]],
    });
    const statuses = [basic("a1:k1"), basic("a1:wrong"), by("a1")].map((one) => asked("located", one));
    assert.deepEqual(await Promise.all(statuses), [200, 403, 401]);
  });

  it("lets a workload of the mesh in without any key, as the application that its name stands for", async () => {
    const web = await authority.issue({ uris: ["spiffe://cluster.local/ns/shop/sa/web"] });
    const to = { listener: "mutual", tls: { ca: authority.ca, ...web } };
    for (let one = 0; one < 3; one++) {
      const { received } = await ask(mesh, requestHttp1, {
        to,
        authority: "mesh.example.com",
        path: "/search",
      });
      assert.equal(received?.headers["x-plan"], "Mesh");
    }
    await counted("web-app", 6);
  });

  it("sees within the time of an answer that a key has changed", async () => {
    assert.equal(await asked("brief", by("a2")), 200);
    application("a2").keys = ["k2"];
    await becomes(by("a2"), 403);
    assert.equal(await asked("brief", by("a2", "k2")), 200);
  });

  it("sees within the time of an answer that an application is suspended, and that it is not any more", async () => {
    assert.equal(await asked("brief", by("a3")), 200);
    application("a3").state = "suspended";
    await becomes(by("a3"), 403);
    application("a3").state = "active";
    await becomes(by("a3"), 200);
  });

  it("sees within the time of an answer that a limit is lower, and says when to come again", async () => {
    assert.equal(await asked("brief", by("a4")), 200);
    application("a4").limits.push({ metric: "hits", period: "day", max: 1 });
    await becomes(by("a4"), 429);
    const { answer } = await ask(mesh, requestHttp1, { ...by("a4"), authority: "brief.example.com" });
    const retry = answer.headers.find(([name]) => name === "retry-after")?.[1];
    assert.ok(Number(retry) > 0 && Number(retry) <= 86_400, String(retry));
  });

  it("answers while 3scale is gone, and delivers when it is back: nothing lost, nothing counted twice", async function () {
    this.timeout(30_000);
    assert.equal(await asked("orders", by("a5")), 200);
    await counted("a5", 1);
    await three.stop();
    for (let one = 0; one < 10; one++) assert.equal(await asked("orders", by("a5")), 200);
    assert.equal(await asked("brief", by("a5")), 503);
    await until(async () => (await weir.metric('weir_threescale_spool_records{handler="plans"}')) > 0, {
      what: "reports on disk",
    });
    await three.comeBack();
    await until(() => three.book.total("7", "a5") === 11, {
      what: "eleven to be counted",
      timeoutMs: 20_000,
    });
    await becomes(by("a5"), 200);
  });

  it("delivers after a restart what an earlier process could not: nothing lost, nothing counted twice", async function () {
    this.timeout(40_000);
    const before = three.book.total("7", "a1");
    three.behaviour.backend = { status: 503, body: "" };
    for (let one = 0; one < 20; one++) assert.equal(await asked("orders", by("a1")), 200);
    await weir.process.stop();
    assert.equal(three.book.total("7", "a1"), before);
    three.behaviour.backend = "well";
    weir = await startAnother();
    await counted("a1", before + 20);
    const reports = three.calls.report;
    await until(async () => (await weir.metric('weir_threescale_spool_records{handler="plans"}')) === 0, {
      what: "an empty disk",
    });
    assert.equal(three.calls.report, reports);
    assert.deepEqual(three.book.droppedBatches, []);
  });
});
