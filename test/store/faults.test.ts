import assert from "node:assert/strict";
import type { Charge } from "../../src/store/counter.ts";
import type { RedisStore } from "../../src/store/redis.ts";
import type { Found } from "../servers/ensure.ts";
import { createAuthority, type Authority } from "../support/certificates.ts";
import { need } from "../support/need.ts";
import { PLAIN, startRedis, type RunningRedis } from "../support/redis.ts";
import { until } from "../support/until.ts";
import { Load } from "./load.ts";
import { counted, counterOf, failed, later, takeOne, usedOf } from "./model.ts";
import { readyStore, singleStore } from "./redis-stores.ts";

const TIMEOUT_MS = 50;

let server: Found;
before(async function () {
  server = await need(this, "redis");
});

describe("a Redis that fails", () => {
  let redis: RunningRedis;
  let store: RedisStore;
  beforeEach(async function () {
    this.timeout(20_000);
    redis = await startRedis(server);
    store = await readyStore(singleStore(redis.address, { timeoutMs: TIMEOUT_MS }));
  });
  afterEach(async () => {
    await store.close();
    await redis.stop();
  });

  it("is killed in mid-load and started again empty: answers in time, nothing twice, and it is used again", async function () {
    this.timeout(20_000);
    const load = new Load(store, counterOf("killed", 1_000_000));
    load.start();
    await until(() => load.fitting >= 200, { what: "some takes" });
    await redis.kill();
    await until(() => load.results.get("away") !== undefined, { what: "takes to fail at once" });
    const before = load.fitting;
    await redis.restart();
    await until(() => load.fitting > before + 100, { what: "takes to fit again", timeoutMs: 10_000 });
    await load.stop();
    load.assertInTime(TIMEOUT_MS);
    // What it has counted since is what was answered since, and at most what nobody knows of.
    const used = await usedOf(store, load.counter);
    const since = load.fitting - before;
    assert.ok(used >= since && used <= since + load.unknown, `${used} counted, ${since} answered`);
  });

  it("hangs: takes time out, then fail at once, and none is sent again", async function () {
    this.timeout(20_000);
    const load = new Load(store, counterOf("stopped", 1_000_000));
    load.start();
    await until(() => load.fitting >= 200, { what: "some takes" });
    redis.signal("SIGSTOP");
    await until(() => load.results.get("away") !== undefined, { what: "the link to be given up" });
    assert.ok((load.results.get("timeout") ?? 0) > 0);
    assert.equal(store.status().state, "away");
    assert.match(store.status().detail, /no answer in time/);
    const before = load.fitting;
    redis.signal("SIGCONT");
    await until(() => load.fitting > before + 100, { what: "takes to fit again", timeoutMs: 10_000 });
    await load.stop();
    load.assertInTime(TIMEOUT_MS);
    await load.assertCounted();
  });

  it("forgets the script: it is told once more, and nothing is counted twice", async () => {
    const counter = counterOf("flushed", 1_000);
    for (let round = 0; round < 5; round++) {
      await redis.command("SCRIPT", "FLUSH");
      const answers = await Promise.all(Array.from({ length: 100 }, () => takeOne(store, counter)));
      assert.ok(answers.every((answer) => counted(answer).verdict === "fits"));
    }
    assert.equal(await usedOf(store, counter), 500);
  });

  it("becomes a replica: takes fail as away, uncounted", async () => {
    const other = await startRedis(server);
    try {
      await redis.command("REPLICAOF", other.address.host, other.address.port);
      await until(async () => failed(await takeOne(store, counterOf("replica"))) === "away", {
        what: "a take to fail",
      });
      await redis.command("REPLICAOF", "NO", "ONE");
      await until(async () => failed(await takeOne(store, counterOf("replica-no-more"))) === "no failure", {
        what: "a take to fit",
      });
    } finally {
      await other.stop();
    }
  });

  it("says no: takes are refused, uncounted", async () => {
    await redis.command("CONFIG", "SET", "maxmemory", "1");
    assert.equal(failed(await takeOne(store, counterOf("full"))), "refused");
    await redis.command("CONFIG", "SET", "maxmemory", "0");
    assert.equal(await usedOf(store, counterOf("full")), 0);
  });

  it("is not waited for longer than a take may", async () => {
    redis.signal("SIGSTOP");
    const startMs = performance.now();
    const charges: readonly Charge[] = [{ kind: "take", counter: counterOf("deadline"), hits: 1 }];
    const answer = await store.take({ mode: "all", charges }, Date.now() + 10);
    assert.equal(failed(answer), "timeout");
    assert.ok(performance.now() - startMs < TIMEOUT_MS);
    assert.equal(failed(await store.take({ mode: "all", charges }, Date.now() - 1)), "timeout");
    await assert.rejects(store.reset(counterOf("deadline")), /has not answered: (timeout|away)/);
    redis.signal("SIGCONT");
  });
});

describe("a Redis that is not there", () => {
  it("is served without, and used when it comes", async function () {
    this.timeout(20_000);
    const redis = await startRedis(server);
    await redis.kill();
    const store = singleStore(redis.address);
    try {
      assert.equal(failed(await takeOne(store, counterOf("x"))), "away");
      await until(() => store.status().detail.includes("ECONNREFUSED"), { what: "the reason" });
      await redis.restart();
      await readyStore(store);
      assert.equal(counted(await takeOne(store, counterOf("x"))).verdict, "fits");
    } finally {
      await store.close();
      await redis.stop();
    }
  });

  it("has at most so many takes waiting", async () => {
    const redis = await startRedis(server);
    const store = await readyStore(singleStore(redis.address, { timeoutMs: 100 }));
    redis.signal("SIGSTOP");
    const answers = await Promise.all(Array.from({ length: 10_010 }, () => takeOne(store, counterOf("x"))));
    assert.equal(answers.filter((answer) => failed(answer) === "away").length >= 10, true);
    assert.ok(answers.every((answer) => answer.kind === "failed"));
    await store.close();
    await redis.stop();
  });
});

describe("a Redis with a password", () => {
  it("serves who knows it, as a user with no more rights than the page says", async function () {
    this.timeout(20_000);
    const admin = { ...PLAIN, password: "of-admin" };
    const redis = await startRedis(server, { settings: { requirepass: "of-admin" }, access: admin });
    const rights =
      "+evalsha +eval +time +mget +set +del +pexpire +zadd +zcard +zpopmin +zrange +zrangebyscore +zrem +zremrangebyrank";
    await redis.command("ACL", "SETUSER", "weir", "on", ">hunter2", "~weir:*", ...rights.split(" "));
    const wrong = singleStore(redis.address, { access: { ...PLAIN, username: "weir", password: "wrong" } });
    const right = singleStore(redis.address, { access: { ...PLAIN, username: "weir", password: "hunter2" } });
    try {
      await until(() => wrong.status().detail.includes("WRONGPASS"), { what: "the reason" });
      assert.ok(!wrong.status().detail.includes("wrong"));
      assert.equal(failed(await takeOne(wrong, counterOf("acl"))), "away");
      await readyStore(right);
      const hold = { id: "x", withinMs: 1, ifLost: "release" } as const;
      const charges: readonly Charge[] = [{ kind: "take", counter: counterOf("acl"), hits: 1, hold }];
      counted(await right.take({ mode: "all", charges }, later()));
      await until(async () => (await usedOf(right, counterOf("acl"))) === 0, {
        what: "the hits to be released",
      });
      const other = { ...counterOf("acl"), key: "other:{suite}:x" };
      assert.equal(failed(await takeOne(right, other)), "refused");
      assert.equal(await right.reset(counterOf("acl")), true);
    } finally {
      await Promise.all([wrong.close(), right.close()]);
      await redis.stop();
    }
  });
});

describe("a Redis over TLS", () => {
  let authority: Authority;
  before(async function () {
    this.timeout(20_000);
    authority = await createAuthority();
  });

  it("is served with a certificate of the authority, and asked for by nobody else", async function () {
    this.timeout(20_000);
    const { certificate, key } = await authority.issue({ ips: ["127.0.0.1"], dns: ["localhost"] });
    const tls = { ca: authority.ca, cert: certificate, key };
    const redis = await startRedis(server, {
      tls: { ...tls, certificate },
      access: { ...PLAIN, tls },
    });
    const right = singleStore(redis.address, { access: { ...PLAIN, tls } });
    const unproven = singleStore(redis.address, { access: { ...PLAIN, tls: { ca: authority.ca } } });
    const untrusting = singleStore(redis.address, { access: { ...PLAIN, tls: { cert: certificate, key } } });
    try {
      await readyStore(right);
      assert.equal(counted(await takeOne(right, counterOf("tls"))).verdict, "fits");
      await until(() => /certificate/.test(untrusting.status().detail), { what: "the reason" });
      await until(() => !/not connected yet/.test(unproven.status().detail), { what: "a reason" });
      for (const store of [unproven, untrusting])
        assert.equal(failed(await takeOne(store, counterOf("tls"))), "away");
    } finally {
      await Promise.all([right, unproven, untrusting].map((store) => store.close()));
      await redis.stop();
    }
  });
});
