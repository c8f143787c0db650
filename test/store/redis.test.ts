import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import type { Charge } from "../../src/store/counter.ts";
import type { RedisStore } from "../../src/store/redis.ts";
import { slotOf } from "../../src/store/redis-slot.ts";
import type { Found } from "../servers/ensure.ts";
import { need } from "../support/need.ts";
import { startRedis, type RunningRedis } from "../support/redis.ts";
import { startCluster, type RunningCluster } from "../support/redis-cluster.ts";
import { behavesAsAStore } from "./behaviour.ts";
import { counted, counterOf, later, usedOf } from "./model.ts";
import { clusterStore, readyStore, singleStore } from "./redis-stores.ts";

let server: Found;
before(async function () {
  server = await need(this, "redis");
});

describe("the Redis store on Valkey", () => {
  let valkey: RunningRedis;
  let store: RedisStore;
  before(async function () {
    valkey = await startRedis(await need(this, "valkey"));
    store = await readyStore(singleStore(valkey.address));
  });
  after(async () => {
    await store.close();
    await valkey.stop();
  });

  behavesAsAStore(() => ({ store, pass: (ms) => pause(ms) }), 30);
});

describe("the Redis store", () => {
  let redis: RunningRedis;
  let store: RedisStore;
  const stores: RedisStore[] = [];
  before(async function () {
    this.timeout(20_000);
    redis = await startRedis(server);
    stores.push(...(await Promise.all([0, 1, 2, 3].map(() => readyStore(singleStore(redis.address))))));
    [store] = stores as [RedisStore];
  });
  after(async () => {
    await Promise.all(stores.map((one) => one.close()));
    await redis.stop();
  });

  behavesAsAStore(() => ({ store, pass: (ms) => pause(ms) }), 60);

  it("lets every key expire", async () => {
    const hold = { id: "x", withinMs: 5_000, ifLost: "keep" } as const;
    const charge: Charge = { kind: "take", counter: counterOf("expires"), hits: 1, hold };
    await store.take({ mode: "all", charges: [charge] }, later());
    const keys = (await redis.command("KEYS", "*")) as string[];
    assert.ok(keys.includes(`${charge.counter.key}:held`));
    const lives = await Promise.all(
      keys.map(async (key) => [key, await redis.command("PTTL", key)] as const),
    );
    assert.deepEqual(
      lives.filter(([, ms]) => ms === -1),
      [],
    );
  });

  it("lets a counter live until its window ends, however often it is charged", async () => {
    for (const algorithm of ["fixed", "sliding", "bucket"] as const) {
      const counter = { ...counterOf(`lives-${algorithm}`), algorithm };
      const charge: Charge = { kind: "take", counter, hits: 1 };
      const lives: number[] = [];
      for (let take = 0; take < 3; take++) {
        await store.take({ mode: "all", charges: [charge] }, later());
        lives.push(Number(await redis.command("PTTL", counter.key)));
      }
      const dayMs = 86_400_000;
      const longestMs = algorithm === "sliding" ? 2 * dayMs : dayMs;
      assert.ok(
        lives.every((ms) => ms > 0 && ms <= longestMs),
        `${algorithm}: ${lives.join()}`,
      );
    }
  });

  it("shares a limit among processes, and charges all or none", async () => {
    const [narrow, wide] = [counterOf("shared-narrow", 101), counterOf("shared-wide", 1_000)];
    const charges = [wide, narrow].map((counter): Charge => ({ kind: "take", counter, hits: 1 }));
    const answers = await Promise.all(
      stores.flatMap((one) =>
        Array.from({ length: 90 }, async () => one.take({ mode: "all", charges }, later())),
      ),
    );
    assert.equal(answers.filter((answer) => counted(answer).verdict === "fits").length, 101);
    assert.equal(await usedOf(store, narrow), 101);
    assert.equal(await usedOf(store, wide), 101);
  });

  it("asks once for what comes in one turn", async () => {
    let calls = 0;
    const own = await readyStore(singleStore(redis.address, { onCall: () => calls++ }));
    const before = calls;
    const before_ = await statOf(redis, "total_commands_processed");
    await Promise.all(Array.from({ length: 64 }, () => usedOf(own, counterOf("one-turn"))));
    assert.equal(calls - before, 1);
    // EVALSHA, TIME, MGET, and INFO itself twice, whose connection asks for nothing else.
    assert.ok((await statOf(redis, "total_commands_processed")) - before_ <= 5);
    await own.close();
  });

  it("refuses a key whose braces do not hold its tag", () => {
    const counter = { ...counterOf("x"), tag: "other" };
    assert.throws(
      () => store.take({ mode: "all", charges: [{ kind: "look", counter, hits: 1 }] }, later()),
      /braces/,
    );
  });
});

async function statOf(redis: RunningRedis, name: string): Promise<number> {
  const info = String(await redis.command("INFO", "stats"));
  return Number(new RegExp(`${name}:(\\d+)`).exec(info)?.[1]);
}

describe("the Redis store on a Cluster", () => {
  let cluster: RunningCluster;
  let store: RedisStore;
  before(async function () {
    this.timeout(30_000);
    cluster = await startCluster(server);
    store = await readyStore(clusterStore(cluster.servers.slice(0, 1).map(({ address }) => address)));
  });
  after(async () => {
    await store.close();
    await cluster.stop();
  });

  behavesAsAStore(() => ({ store, pass: (ms) => pause(ms) }), 30);

  it("knows the slot of a tag as Redis does", async () => {
    const [first] = cluster.servers;
    for (const tag of ["a", "suite", "shop/orders", "123456789", "ü", "x".repeat(100)]) {
      assert.equal(slotOf(tag), await first?.command("CLUSTER", "KEYSLOT", `weir:{${tag}}:x`));
      assert.equal(store.groupOf(tag), slotOf(tag));
    }
  });

  it("asks all masters side by side", async () => {
    const counters = Array.from({ length: 60 }, (_, index) => ({
      ...counterOf("x"),
      tag: `tag-${index}`,
      key: `weir:{tag-${index}}:x`,
    }));
    const answers = await Promise.all(
      counters.map(async (counter) =>
        store.take({ mode: "all", charges: [{ kind: "take", counter, hits: 1 }] }, later()),
      ),
    );
    assert.ok(answers.every((answer) => counted(answer).verdict === "fits"));
    const sizes = await Promise.all(cluster.servers.map((one) => one.command("DBSIZE")));
    assert.ok(
      sizes.every((size) => Number(size) > 0),
      JSON.stringify(sizes),
    );
  });
});
