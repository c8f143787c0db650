import assert from "node:assert/strict";
import { requestHttp1, valuesOf } from "../support/http.ts";
import { need } from "../support/need.ts";
import { type RunningRedis, startRedis } from "../support/redis.ts";
import { until } from "../support/until.ts";
import { removeFolder, runWeir, startWeir, type Weir, writeFolder } from "../support/weir.ts";

const REPLICAS = 4;
const LIMIT = 100;

const server = (port: number): string => `weir: 1
listen:
  grpc: { address: 127.0.0.1:0 }
  http: { address: 127.0.0.1:0 }
  admin: { address: 127.0.0.1:0 }
  metrics: { address: 127.0.0.1:0 }
store: { type: redis, url: "redis://127.0.0.1:${port}", replicas: ${REPLICAS}, timeout: 900ms }
checkTimeout: 3s
`;

const shop = `weir: 1
policy: shop
match: { hosts: [shop.example.com] }
rules:
  - id: open
    allow: request.method in ["GET", "PUT"]
quotas:
  - id: pages
    key: [request.url_path]
    algorithm: fixed
    windows:
      - limit: ${LIMIT}
        per: year
  - id: writes
    when: request.method == "PUT"
    onError: deny
    windows:
      - limit: 1000000
        per: year
`;

describe("replicas that count in one Redis", () => {
  const open = new AsyncDisposableStack();
  let redis: RunningRedis;
  let replicas: readonly Weir[];
  before(async function () {
    const program = await need(this, "redis");
    redis = open.adopt(await startRedis(program), (started) => started.stop());
    const files = { "weir.yaml": server(redis.address.port), "shop.yaml": shop };
    const folder = open.adopt(await writeFolder(files), removeFolder);
    const starting = Array.from({ length: REPLICAS }, () => startWeir(folder));
    replicas = (await Promise.all(starting)).map((weir) => open.adopt(weir, (one) => one.process.stop()));
    for (const weir of replicas) await until(async () => (await storeOf(weir)).state === "ready", STORE);
  });
  after(() => open.disposeAsync());

  const STORE = { what: "the store's state to be known", timeoutMs: 10_000 };

  const storeOf = async (weir: Weir) => (await weir.status()).store;

  async function statusOf(weir: Weir, path: string, method = "GET"): Promise<number> {
    const port = weir.httpPort ?? assert.fail("it does not listen for HTTP checks");
    const { status, headers } = await requestHttp1({ port }, { method, path, authority: "shop.example.com" });
    // Envoy takes a 5xx of the HTTP service for an error, so the status of such a refusal stands in a header.
    return Number(valuesOf(headers, "x-weir-status")[0] ?? status);
  }

  /** How many of so many requests, at all replicas at once, were let pass. */
  async function passed(path: string, requests: number): Promise<number> {
    let next = 0;
    let count = 0;
    const asking = async (weir: Weir): Promise<void> => {
      while (next++ < requests) {
        const status = await statusOf(weir, path);
        assert.ok(status === 200 || status === 429, String(status));
        if (status === 200) count++;
      }
    };
    await Promise.all(replicas.flatMap((weir) => Array.from({ length: 8 }, () => asking(weir))));
    return count;
  }

  /** What `weir quotas` prints of a replica. */
  async function quotas({ adminPort }: Weir, ...given: readonly string[]): Promise<string> {
    const all = given.length === 0 ? ["--policy", "shop", "--quota", "pages"] : given;
    const ended = await runWeir(["quotas", ...all, "--admin", `http://127.0.0.1:${String(adminPort)}`]);
    assert.ok(ended.kind === "succeeded", JSON.stringify(ended));
    return ended.stdout;
  }

  it("let pass exactly what the limit says, all of them together", async () => {
    assert.equal(await passed("/exact", 3 * LIMIT), LIMIT);
    for (const weir of replicas) assert.equal(await statusOf(weir, "/exact"), 429);
  });

  it("show what all of them count, and what one resets begins anew at each", async function () {
    this.timeout(60_000);
    const [one, other] = replicas;
    assert.ok(one && other);
    for (const weir of [one, one, other]) assert.equal(await statusOf(weir, "/looked"), 200);
    assert.match(await quotas(one), /\/looked {2}3 of 100 .* \(2 charged and 0 refused here\)/);
    assert.match(await quotas(other), /\/looked {2}3 of 100 .* \(1 charged and 0 refused here\)/);
    assert.equal(await quotas(other, "reset", "shop/pages", "/looked"), "shop/pages /looked begins anew\n");
    for (const weir of [one, other]) assert.match(await quotas(weir), /\/looked {2}0 of 100 /);
    // A replica that has refused remembers it for a moment, and then asks again.
    assert.equal(await passed("/spent", 2 * LIMIT), LIMIT);
    assert.equal(await quotas(one, "reset", "shop/pages", "/spent"), "shop/pages /spent begins anew\n");
    assert.equal(await statusOf(one, "/spent"), 200);
    await until(async () => (await statusOf(other, "/spent")) === 200, STORE);
  });

  it("share the limit evenly while Redis is away, and refuse what says so", async () => {
    await redis.kill();
    try {
      for (const weir of replicas) await until(async () => (await storeOf(weir)).state === "away", STORE);
      assert.equal(await passed("/alone", 3 * LIMIT), LIMIT);
      const [first] = replicas;
      assert.ok(first);
      assert.equal(await statusOf(first, "/other", "PUT"), 503);
      const metric =
        'weir_quota_requests_total{policy="shop",quota="writes",result="failed",by="local",mode="enforce"}';
      assert.equal(await first.metric(metric), 1);
    } finally {
      await redis.restart();
    }
    for (const weir of replicas) await until(async () => (await storeOf(weir)).state === "ready", STORE);
    assert.equal(await passed("/again", 2 * LIMIT), LIMIT);
  });

  it("answer in time while Redis hangs, and go on when it does", async () => {
    redis.signal("SIGSTOP");
    const [first] = replicas;
    assert.ok(first);
    const startedMs = performance.now();
    const statuses = await Promise.all(Array.from({ length: 20 }, () => statusOf(first, "/hung", "PUT")));
    const tookMs = performance.now() - startedMs;
    redis.signal("SIGCONT");
    assert.deepEqual(new Set(statuses), new Set([503]));
    assert.ok(tookMs < 2_500, `${tookMs} ms`);
    await until(async () => (await statusOf(first, "/hung", "PUT")) === 200, STORE);
  });
});
