import assert from "node:assert/strict";
import { envoyBootstrap } from "../support/bootstrap.ts";
import { type Envoy, startEnvoy } from "../support/envoy.ts";
import { requestHttp1, valuesOf } from "../support/http.ts";
import { need } from "../support/need.ts";
import { until } from "../support/until.ts";
import { startUpstream } from "../support/upstream.ts";
import { removeFolder, serverFile, startWeir, type Weir, writeFolder } from "../support/weir.ts";

const LIMITS = `domain: edge
headers: draft-11
descriptors:
  - { key: user, rate_limit: { unit: year, requests_per_unit: 2 } }
  - { key: costly, rate_limit: { unit: year, requests_per_unit: 10 } }
  - { key: bytes, rate_limit: { unit: year, requests_per_unit: 1 } }
`;

const byHeader = (
  name: string,
  key: string,
  more: Readonly<Record<string, boolean | { number: number }>> = {},
) => ({
  actions: [{ request_headers: { header_name: name, descriptor_key: key, skip_if_absent: true } }],
  ...more,
});

const limits = [
  byHeader("x-user", "user"),
  byHeader("x-costly", "costly", { hits_addend: { number: 5 } }),
  byHeader("x-bytes", "bytes", { apply_on_stream_done: true }),
];

describe("rate limits that a real Envoy asks for", () => {
  const open = new AsyncDisposableStack();
  let envoy: Envoy;
  let weir: Weir;

  before(async function () {
    const program = await need(this, "envoy");
    const upstream = open.adopt(await startUpstream(), (started) => started.stop());
    const folder = await writeFolder({ "weir.yaml": serverFile(), "edge.yaml": LIMITS });
    open.defer(() => removeFolder(folder));
    weir = await startWeir(folder);
    open.defer(async () => {
      await weir.process.stop();
    });
    const config = envoyBootstrap({
      listeners: (["allow", "deny"] as const).map((failureMode) => ({
        name: failureMode,
        check: "skipped" as const,
        rateLimit: { domain: "edge", failureMode, limits },
      })),
      rateLimitServer: weir.checks,
      upstream: { host: upstream.host, port: upstream.port },
    });
    envoy = open.adopt(await startEnvoy({ program, config }), (started) => started.stop());
  });
  after(() => open.disposeAsync());

  const ask = (name: string, value: string, listener = "deny") =>
    requestHttp1({ port: envoy.port(listener) }, { headers: [[name, value]] });

  it("refuses with 429, and tells what remains", async () => {
    const answers = [];
    for (let asked = 0; asked < 3; asked++) answers.push(await ask("x-user", "alice"));
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 429],
    );
    assert.deepEqual(
      answers.map(({ headers }) => valuesOf(headers, "x-ratelimit-remaining")),
      [["1"], ["0"], ["0"]],
    );
    const { headers } = answers[2] ?? { headers: [] };
    assert.match(valuesOf(headers, "x-ratelimit-limit").join(), /^2, 2;w=31536000/);
    assert.match(valuesOf(headers, "x-ratelimit-reset").join(), /^[1-9]\d*$/);
    assert.deepEqual(valuesOf(headers, "ratelimit-policy"), ['"user";q=2;w=31536000']);
    assert.match(valuesOf(headers, "ratelimit").join(), /^"user";r=0;t=[1-9]\d*$/);
    assert.equal((await ask("x-user", "bob")).status, 200);
  });

  it("counts the hits that a route says", async () => {
    const statuses = [];
    for (let asked = 0; asked < 3; asked++) statuses.push((await ask("x-costly", "a")).status);
    assert.deepEqual(statuses, [200, 200, 429]);
  });

  it("counts when a stream is done, and refuses nobody for that", async () => {
    const counted = 'weir_rate_limit_hits_total{domain="edge",descriptor="bytes",result="over"}';
    for (let asked = 0; asked < 3; asked++) assert.equal((await ask("x-bytes", "a")).status, 200);
    await until(async () => (await weir.metric(counted)) === 2, { what: "hits after their streams" });
  });

  it("is decided by Envoy's failure mode where weir is away", async () => {
    await weir.process.stop();
    assert.equal((await ask("x-user", "alice", "allow")).status, 200);
    assert.equal((await ask("x-user", "alice", "deny")).status, 500);
  });
});
