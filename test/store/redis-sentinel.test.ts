import assert from "node:assert/strict";
import type { Found } from "../servers/ensure.ts";
import { need } from "../support/need.ts";
import { startSentinels } from "../support/redis.ts";
import { until } from "../support/until.ts";
import { guardOf } from "./guard.ts";
import { Load } from "./load.ts";
import { counted, counterOf, takeOne, usedOf } from "./model.ts";
import { readyStore, sentinelStore } from "./redis-stores.ts";

const TIMEOUT_MS = 50;

let server: Found;
before(async function () {
  server = await need(this, "redis");
});

describe("a master with Sentinels", () => {
  it("is followed when another becomes the master in mid-load", async function () {
    this.timeout(60_000);
    const sentinels = await startSentinels(server);
    const store = await readyStore(sentinelStore(sentinels, { timeoutMs: TIMEOUT_MS }));
    const load = new Load(store, counterOf("failover", 1_000_000));
    try {
      load.start();
      await until(() => load.fitting >= 200, { what: "some takes" });
      const oldPort = await sentinels.masterPort();
      const old =
        sentinels.servers.find(({ address }) => address.port === oldPort) ?? assert.fail("no master");
      await old.kill();
      await until(async () => (await sentinels.masterPort()) !== oldPort, {
        what: "a failover",
        timeoutMs: 20_000,
      });
      const before = load.fitting;
      await until(() => load.fitting > before + 100, { what: "takes to fit again", timeoutMs: 20_000 });
      await load.stop();
      load.assertInTime(TIMEOUT_MS);
      // What the old master has not told the new one is lost, and nothing is there twice.
      assert.ok((await usedOf(store, load.counter)) <= load.fitting + load.unknown);
    } finally {
      await load.stop();
      await store.close();
      await sentinels.stop();
    }
  });
});

describe("a master with Sentinels, all with a password and TLS", () => {
  it("is served, and followed when another becomes the master", async function () {
    this.timeout(60_000);
    const guard = await guardOf();
    const sentinels = await startSentinels(server, guard);
    const right = sentinelStore(sentinels, guard);
    const wrong = sentinelStore(sentinels, { access: { ...guard.access, password: "wrong" } });
    const counter = counterOf("guarded");
    try {
      await readyStore(right);
      assert.equal(counted(await takeOne(right, counter)).verdict, "fits");
      await until(() => wrong.status().detail.includes("WRONGPASS"), { what: "the reason" });
      const oldPort = await sentinels.masterPort();
      await sentinels.servers.find(({ address }) => address.port === oldPort)?.kill();
      await until(async () => (await takeOne(right, counter)).kind === "counted", {
        what: "the new master to count",
        timeoutMs: 30_000,
      });
      assert.notEqual(await sentinels.masterPort(), oldPort);
      assert.equal(wrong.status().state, "away");
    } finally {
      await Promise.all([right.close(), wrong.close()]);
      await sentinels.stop();
    }
  });
});
