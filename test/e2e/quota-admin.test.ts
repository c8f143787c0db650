import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { askLimit } from "../support/console.ts";
import { requestHttp1 } from "../support/http.ts";
import { until } from "../support/until.ts";
import { removeFolder, runWeir, startWeir, type Weir, writeFolder } from "../support/weir.ts";

const TOKEN = "token-for-the-tests-of-quotas";

const files = (log: string) => ({
  "weir.yaml": `weir: 1
listen:
  grpc: { address: 127.0.0.1:0 }
  http: { address: 127.0.0.1:0 }
  admin: { address: 127.0.0.1:0, token: { file: admin-token } }
  metrics: { address: 127.0.0.1:0 }
decisions:
  to: { file: ${log} }
  record: [{ sample: 0% }]
`,
  "edge.yaml": `domain: edge
descriptors:
  - key: plan
    value: gold
    descriptors:
      - { key: user, rate_limit: { unit: year, requests_per_unit: 2 } }
`,
  "admin-token": `${TOKEN}\n`,
  "shop.yaml": `weir: 1
policy: shop
match: { hosts: [shop.example.com] }
rules:
  - id: all
    allow: request.url_path != "/closed"
quotas:
  - id: per-path
    algorithm: fixed
    key: [request.url_path]
    windows: [{ limit: 2, per: year }]
  - id: per-token
    key: ['request.headers["x-token"]']
    when: '"x-token" in request.headers'
    windows: [{ limit: 100, per: year }]
  - id: guesses
    count: denied
    windows: [{ limit: 50, per: year }]
`,
});

interface Listed {
  readonly quotas: readonly {
    readonly quota: string;
    readonly keys: readonly Readonly<Record<string, unknown>>[];
  }[];
  readonly limits: readonly { readonly keys: readonly Readonly<Record<string, unknown>>[] }[];
}

describe("quotas of a weir that runs", function () {
  this.timeout(30_000);
  const open = new AsyncDisposableStack();
  let weir: Weir;
  let log: string;
  let admin: readonly string[];

  before(async () => {
    const apart = open.adopt(await writeFolder({}), removeFolder);
    log = join(apart, "decisions.jsonl");
    const folder = open.adopt(await writeFolder(files(log)), removeFolder);
    weir = open.adopt(await startWeir(folder), (started) => started.process.stop());
    const at = `http://127.0.0.1:${String(weir.adminPort)}`;
    admin = ["--admin", at, "--token-file", join(folder, "admin-token")];
  });
  after(() => open.disposeAsync());

  const ask = async (path: string, headers: readonly (readonly [string, string])[] = []): Promise<number> =>
    (await requestHttp1({ port: weir.httpPort ?? 0 }, { path, headers, authority: "shop.example.com" }))
      .status;

  /** What `weir` prints; it must succeed. */
  async function printed(...args: readonly string[]): Promise<string> {
    const ended = await runWeir([...args, ...admin]);
    assert.ok(ended.kind === "succeeded", JSON.stringify(ended));
    return ended.stdout;
  }

  const keysOf = async (quota: string): Promise<Listed["quotas"][number]["keys"]> => {
    const text = await printed("quotas", "--quota", quota, "--format", "json");
    return (JSON.parse(text) as Listed).quotas[0]?.keys ?? [];
  };

  it("are shown with their busiest keys, and one that is reset begins anew", async () => {
    const statuses: number[] = [];
    for (let times = 0; times < 3; times++) statuses.push(await ask("/limited"));
    assert.deepEqual(statuses, [200, 200, 429]);
    assert.match(
      await printed("quotas", "--policy", "shop", "--quota", "per-path"),
      /^shop\/per-path {2}2 per year UTC {2}by request\.url_path {2}\(fixed\)\n {2}\/limited {2}2 of 2 per year UTC, 0 left, resets in .* {2}\(2 charged and 1 refused here\) {2}c_[0-9a-f]{12}\n$/,
    );
    assert.equal(
      await printed("quotas", "reset", "shop/per-path", "/limited"),
      "shop/per-path /limited begins anew\n",
    );
    assert.equal(await ask("/limited"), 200);
    assert.equal(
      await weir.metric('weir_quota_resets_total{policy="shop",quota="per-path",result="reset"}'),
      1,
    );
  });

  it("are reset by the name of the counter where nobody may see the key", async () => {
    await ask("/a", [["x-token", "a secret"]]);
    const [key] = await keysOf("per-token");
    assert.deepEqual(key?.["key"], ["(secret)"]);
    assert.match(
      await printed("quotas", "reset", String(key["id"])),
      /^shop\/per-token \(secret\) begins anew\n/,
    );
    assert.match(
      await printed("quotas", "reset", String(key["id"])),
      /^nothing was counted of shop\/per-token/,
    );
  });

  it("tell what refused requests are charged", async () => {
    assert.equal(await ask("/closed"), 403);
    const key = await until(async () => (await keysOf("guesses")).find(({ hits }) => hits === 2), {
      what: "the refusals to be counted, this one and that of the other quota",
    });
    assert.match(JSON.stringify(key["now"]), /"used":2,"remaining":48/);
  });

  it("are shown beside rate limits, which are reset by their entries or by the counter", async () => {
    const ask = () => askLimit(weir, "edge", "plan=gold", "user=alice");
    for (let times = 0; times < 3; times++) await ask();
    assert.match(
      await printed("quotas", "--domain", "edge"),
      /^edge {2}plan=gold {2}user {2}2 per year {2}\(fixed\)\n {2}plan=gold {2}user=#[0-9a-f]{12} {2}3 of 2 per year, 0 left, resets in .* {2}\(2 charged and 1 refused here\) {2}c_[0-9a-f]{12}\n$/,
    );
    const names = ["--domain", "edge", "plan=gold", "user=alice"];
    assert.match(
      await printed("quotas", "reset", ...names),
      /^edge plan=gold user=#[0-9a-f]{12} begins anew\n$/,
    );
    await ask();
    const { limits, quotas } = JSON.parse(await printed("quotas", "--format", "json")) as Listed;
    assert.equal(quotas.length, 3);
    const [key] = limits[0]?.keys ?? [];
    assert.match(JSON.stringify(key?.["now"]), /"used":1,"remaining":1/);
    assert.match(await printed("quotas", "reset", String(key?.["id"])), /begins anew\n$/);
    assert.equal(await weir.metric('weir_rate_limit_resets_total{domain="edge",result="reset"}'), 2);
  });

  it("are reset in the audit and the log, which say nothing that is secret", async () => {
    const resets = async () => {
      const lines = (await readFile(log, "utf8")).split("\n").slice(0, -1);
      const events = lines.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
      return events.filter(({ event }) => event === "reset");
    };
    const [first, second, third, limit] = await until(
      async () => ((await resets()).length === 5 ? await resets() : undefined),
      { what: "five lines of resets" },
    );
    const { revision, time, ...line } = first ?? {};
    assert.deepEqual(line, {
      ...{ kind: "audit", event: "reset", result: "reset", policy: "shop", quota: "per-path" },
      key: ["/limited"],
    });
    assert.match(`${String(revision)} ${String(time)}`, /^[0-9a-f]{12} 20.*Z$/);
    assert.deepEqual([second?.["result"], third?.["result"]], ["reset", "nothing"]);
    assert.match(JSON.stringify(limit), /"domain":"edge","entries":\[\{"key":"plan","value":"gold"\},/);
    assert.equal(weir.log().filter(({ quota }) => quota !== undefined).length, 3);
    assert.equal(weir.log().filter(({ domain }) => domain === "edge").length, 2);
    assert.doesNotMatch(JSON.stringify([await resets(), weir.log()]), /a secret|alice/);
  });

  it("are nobody's without the token, and no form's", async () => {
    const post = (headers: readonly (readonly [string, string])[]) =>
      requestHttp1(
        { port: weir.adminPort ?? 0 },
        { method: "POST", path: "/quotas/reset", authority: "localhost", headers, body: "{}" },
      );
    const token = ["authorization", `Bearer ${TOKEN}`] as const;
    const json = ["content-type", "application/json"] as const;
    assert.equal((await post([json])).status, 401);
    assert.equal((await post([token, ["content-type", "text/plain"]])).status, 415);
    assert.equal((await post([token, json, ["origin", "http://evil.example"]])).status, 403);
    assert.equal((await post([token, json])).status, 400);
  });

  it("are asked for by name: others are said to be unknown", async () => {
    const ended = await runWeir(["quotas", "reset", "shop/per-pth", "/limited", ...admin]);
    assert.equal(ended.kind, "failed");
    assert.match(JSON.stringify(ended), /shop has no quota .*per-pth.*did you mean .*per-path/);
  });
});
