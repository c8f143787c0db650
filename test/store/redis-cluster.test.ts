import assert from "node:assert/strict";
import { slotOf } from "../../src/store/redis-slot.ts";
import type { Found } from "../servers/ensure.ts";
import { need } from "../support/need.ts";
import { PLAIN } from "../support/redis.ts";
import { addReplica, startCluster } from "../support/redis-cluster.ts";
import { until } from "../support/until.ts";
import { guardOf } from "./guard.ts";
import { Load } from "./load.ts";
import { counted, counterOf, takeOne, usedOf } from "./model.ts";
import { clusterStore, readyStore } from "./redis-stores.ts";

let server: Found;
before(async function () {
  server = await need(this, "redis");
});

/** A Cluster, and a load on one of its slots that nobody has started yet; all of it ends with `open`. */
async function startLoaded(name: string, open: AsyncDisposableStack) {
  const cluster = open.adopt(await startCluster(server), (started) => started.stop());
  const nodes = cluster.servers.map(({ address }) => address);
  const store = open.adopt(await readyStore(clusterStore(nodes, { timeoutMs: 500 })), (one) => one.close());
  const load = open.adopt(new Load(store, counterOf(name, 1_000_000)), (started) => started.stop());
  return { cluster, store, load };
}

describe("a slot of a Cluster", () => {
  it("moves in mid-load: followed, nothing lost and nothing twice", async function () {
    this.timeout(60_000);
    await using open = new AsyncDisposableStack();
    const { cluster, load } = await startLoaded("moved", open);
    const slot = slotOf(load.counter.tag);
    const from = cluster.ownerOf(slot);
    const [to = from, third = from] = cluster.servers.filter((one) => one !== from);
    load.start();
    for (const [left, right] of [
      [from, to],
      [to, third],
    ] as const) {
      const before = load.fitting;
      await until(() => load.fitting >= before + 100, { what: "some takes" });
      await cluster.move(slot, left, right);
    }
    const before = load.fitting;
    await until(() => load.fitting >= before + 100, { what: "takes at the new node" });
    await load.stop();
    await load.assertCounted();
    assert.deepEqual(
      [...load.results.keys()].filter((result) => !["fits", "refused", "timeout"].includes(result)),
      [],
    );
  });

  it("of a node that is killed in mid-load is served again when the node is back, and others all the while", async function () {
    this.timeout(60_000);
    await using open = new AsyncDisposableStack();
    const { cluster, store, load } = await startLoaded("killed-node", open);
    const killed = cluster.ownerOf(slotOf(load.counter.tag));
    const tag = Array.from({ length: 100 }, (_, index) => `other-${index}`).find(
      (one) => cluster.ownerOf(slotOf(one)) !== killed,
    );
    const elsewhere = { ...load.counter, tag: tag ?? "", key: `weir:{${tag}}:x` };
    load.start();
    await until(() => load.fitting >= 100, { what: "some takes" });
    await killed.kill();
    await until(() => store.status().state === "away", {
      what: "the node to be missed",
      timeoutMs: 10_000,
    });
    assert.equal(counted(await takeOne(store, elsewhere)).verdict, "fits");
    const before = load.fitting;
    await killed.restart();
    await until(() => load.fitting >= before + 100, { what: "takes at the node again", timeoutMs: 20_000 });
    await readyStore(store);
    await load.stop();
    load.assertInTime(500);
    // What it had counted is gone with it: it began with nothing, and nothing is there twice.
    const used = await usedOf(store, load.counter);
    assert.ok(used > 0 && used <= load.fitting - before + load.unknown, `${used} counted`);
  });
});

describe("a master of a Cluster that has a replica", () => {
  it("is followed by the replica when it is killed in mid-load", async function () {
    this.timeout(60_000);
    await using open = new AsyncDisposableStack();
    const { cluster, store, load } = await startLoaded("taken-over", open);
    const killed = cluster.ownerOf(slotOf(load.counter.tag));
    const replica = open.adopt(await addReplica(server, cluster, killed), (started) => started.stop());
    load.start();
    await until(() => load.fitting >= 100, { what: "some takes", timeoutMs: 20_000 });
    await killed.kill();
    await until(async () => String(await replica.command("ROLE")).startsWith("master"), {
      what: "the replica to take over",
      timeoutMs: 20_000,
    });
    const before = load.fitting;
    await until(() => load.fitting >= before + 100, {
      what: "takes at the new master",
      timeoutMs: 20_000,
    });
    await load.stop();
    load.assertInTime(500);
    // What the old master has not told the new one is lost, and nothing is there twice.
    const used = await usedOf(store, load.counter);
    assert.ok(used >= 100 && used <= load.fitting + load.unknown, `${used} counted`);
  });
});

describe("a Cluster with a password and TLS", () => {
  it("is served on all of its nodes, and not without one of them", async function () {
    this.timeout(60_000);
    const guard = await guardOf();
    const cluster = await startCluster(server, guard);
    const nodes = cluster.servers.slice(0, 1).map(({ address }) => address);
    const right = clusterStore(nodes, guard);
    const wrong = clusterStore(nodes, { access: { ...guard.access, password: "wrong" } });
    const plain = clusterStore(nodes, { access: { ...PLAIN, password: guard.access.password } });
    try {
      await readyStore(right);
      for (const tag of ["a", "b", "c", "d", "e", "f"]) {
        const counter = { ...counterOf("x"), tag, key: `weir:{${tag}}:x` };
        assert.equal(counted(await takeOne(right, counter)).verdict, "fits");
      }
      const sizes = await Promise.all(cluster.servers.map((one) => one.command("DBSIZE")));
      assert.ok(sizes.filter((size) => Number(size) > 0).length > 1, JSON.stringify(sizes));
      await until(() => wrong.status().detail.includes("WRONGPASS"), { what: "the reason" });
      await until(() => !plain.status().detail.includes("no node of the cluster has answered"), {
        what: "a reason",
      });
      assert.deepEqual(
        [wrong, plain].map((store) => store.status().state),
        ["away", "away"],
      );
    } finally {
      await Promise.all([right, wrong, plain].map((store) => store.close()));
      await cluster.stop();
    }
  });
});
