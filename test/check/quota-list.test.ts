import assert from "node:assert/strict";
import { listQuotas, type ListedQuota, type QuotasWanted } from "../../src/check/quota-list.ts";
import { digest, quotaWorld, SNAPSHOT } from "./quota-fixture.ts";

const ALL: QuotasWanted = { policy: undefined, quota: undefined, limit: 10 };

type World = ReturnType<typeof quotaWorld>;

const listed = async (
  { world }: World,
  wanted: Partial<QuotasWanted> = {},
): Promise<readonly ListedQuota[]> =>
  (await listQuotas({ ...ALL, ...wanted }, world))?.quotas ?? assert.fail("there is no configuration");

const keysOf = async (own: World, quota: string): Promise<ListedQuota["keys"]> =>
  (await listed(own, { quota }))[0]?.keys ?? [];

describe("the list of quotas", () => {
  it("has each with what its file says, also where nothing was counted", async () => {
    const quotas = await listed(quotaWorld());
    assert.deepEqual(
      quotas.map(({ policy, quota, mode, keys }) => [`${policy}/${quota}`, mode, keys.length]),
      [
        ["shop/per-host", "enforce", 0],
        ["shop/per-client", "enforce", 0],
        ["shop/per-token", "enforce", 0],
        ["shop/trial", "shadow", 0],
        ["stock/per-host", "enforce", 0],
      ],
    );
    assert.deepEqual(quotas[1], {
      policy: "shop",
      quota: "per-client",
      mode: "enforce",
      percent: undefined,
      algorithm: "fixed",
      count: "granted",
      onError: "deny",
      windows: [{ limit: "10", per: "1m" }],
      key: ["client.ip", "request.method"],
      keys: [],
    });
  });

  it("has the busiest keys of each, with what the store says of them now", async () => {
    const own = quotaWorld();
    for (let times = 0; times < 5; times++) own.take("shop", "per-host", ["b.example.com"]);
    own.take("shop", "per-host", ["a.example.com"]);
    const keys = await keysOf(own, "per-host");
    assert.deepEqual(
      keys.map(({ key, hits, refusals, now }) => [
        key.join(),
        hits,
        refusals,
        now.kind === "found" ? now.windows : now.kind,
      ]),
      [
        ["b.example.com", 3, 2, [{ per: "1m", limit: 3, used: 3, remaining: 0, resetMs: 50_000 }]],
        ["a.example.com", 1, 0, [{ per: "1m", limit: 3, used: 1, remaining: 2, resetMs: 50_000 }]],
      ],
    );
    assert.match(keys[0]?.id ?? "", /^c_[0-9a-f]{12}$/);
    assert.notEqual(keys[0]?.id, keys[1]?.id);
  });

  it("shows values as far as they may be shown, cut where they are long", async () => {
    const own = quotaWorld();
    own.take("shop", "per-client", ["192.0.2.1", "GET"]);
    own.take("shop", "per-token", ["a secret"]);
    own.take("shop", "per-host", ["x".repeat(1_000)]);
    assert.deepEqual((await keysOf(own, "per-client"))[0]?.key, [digest("192.0.2.1"), "GET"]);
    assert.deepEqual((await keysOf(own, "per-token"))[0]?.key, ["(secret)"]);
    assert.equal((await keysOf(own, "per-host"))[0]?.key[0], `${"x".repeat(200)}…`);
    assert.doesNotMatch(JSON.stringify(await listed(own)), /192\.0\.2\.1|a secret/);
  });

  it("is chosen by policy, quota and how many keys", async () => {
    const own = quotaWorld();
    for (const host of ["a", "b", "c"]) own.take("stock", "per-host", [host]);
    const quotas = await listed(own, { policy: "stock", limit: 2 });
    assert.deepEqual(
      quotas.map(({ quota, keys }) => [quota, keys.length]),
      [["per-host", 2]],
    );
    assert.equal((await listed(own, { quota: "per-host" })).length, 2);
    assert.equal((await listed(own, { policy: "nobody" })).length, 0);
  });

  it("says where the store is away, and what this process counts alone", async () => {
    const own = quotaWorld();
    own.take("shop", "per-host", ["a"]);
    own.take("shop", "per-client", ["192.0.2.1", "GET"]);
    own.store.take = () => ({ kind: "failed", reason: "away" });
    own.take("shop", "per-host", ["a"]);
    const [byHost] = await keysOf(own, "per-host");
    const [byClient] = await keysOf(own, "per-client");
    assert.deepEqual(byHost?.now, {
      kind: "found",
      by: "local",
      windows: [{ per: "1m", limit: 3, used: 1, remaining: 2, resetMs: 50_000 }],
    });
    assert.deepEqual(byClient?.now, { kind: "failed" });
  });

  it("looks at a bounded number of counters", async () => {
    const own = quotaWorld();
    const { policies } = SNAPSHOT;
    const [shop] = policies;
    assert.ok(shop);
    const many = Array.from({ length: 60 }, () => ({ ...shop.quotas[0] }) as (typeof shop.quotas)[number]);
    const live = { revision: "", policies: [{ ...shop, quotas: many, shadowQuotas: [] }] };
    for (const one of many)
      for (let key = 0; key < 10; key++) own.take("shop", "per-host", [String(key)], { quota: one });
    const list = await listQuotas(ALL, { ...own.world, live: () => live });
    const kinds = list?.quotas.flatMap(({ keys }) => keys.map(({ now }) => now.kind)) ?? [];
    assert.deepEqual(
      [kinds.filter((kind) => kind === "found").length, kinds.filter((kind) => kind === "skipped").length],
      [500, 100],
    );
  });

  it("is none where there is no configuration", async () => {
    assert.equal(await listQuotas(ALL, { ...quotaWorld().world, live: () => undefined }), undefined);
  });
});
