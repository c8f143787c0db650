import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSecrets } from "../../src/host/secrets.ts";
import type { RedisStoreFile, StoreFile } from "../../src/policy/store-file.ts";
import { FollowedStore } from "../../src/runtime/store.ts";
import type { Counter, Taken } from "../../src/store/counter.ts";
import type { Found } from "../servers/ensure.ts";
import { need } from "../support/need.ts";
import { PLAIN, startRedis, type RunningRedis } from "../support/redis.ts";
import { until } from "../support/until.ts";

const MEMORY: StoreFile = { type: "memory", maxCounters: 1_000 };

const counter: Counter = {
  tag: "t",
  key: "weir:{t}:x",
  algorithm: "fixed",
  windows: [{ limit: 2, length: 86_400_000, burst: 2 }],
};

describe("the store that weir.yaml says", () => {
  let server: Found;
  let redis: RunningRedis;
  let folder: string;
  let events: string[];
  let store: FollowedStore;
  before(async function () {
    server = await need(this, "redis");
    folder = await mkdtemp(join(tmpdir(), "weir-store-"));
    const access = { ...PLAIN, password: "hunter2" };
    redis = await startRedis(server, { settings: { requirepass: "hunter2" }, access });
  });
  after(async () => {
    await redis.stop();
    await rm(folder, { recursive: true });
  });
  beforeEach(() => {
    events = [];
    store = new FollowedStore({
      nowMs: () => Date.now(),
      secret: createSecrets({ environment: { URL: urlOf("hunter2") }, nowMs: () => performance.now() }),
      onTaken: (result) => events.push(result),
      onCall: (items) => events.push(`call of ${items}`),
      onConnection: ({ name, state }) => events.push(`${name} ${state}`),
      onEvicted: () => events.push("evicted"),
    });
  });
  afterEach(() => store.close());

  const urlOf = (password: string): string => `redis://:${password}@127.0.0.1:${redis.address.port}`;

  const redisFile = (at: Partial<RedisStoreFile>): RedisStoreFile => ({
    type: "redis",
    at: { kind: "url", url: `redis://127.0.0.1:${redis.address.port}` },
    username: undefined,
    password: undefined,
    tls: undefined,
    timeoutMs: 1_000,
    prefix: "weir",
    replicas: 1,
    ...at,
  });

  const take = (): Taken | Promise<Taken> =>
    store.take({ mode: "all", charges: [{ kind: "take", counter, hits: 1 }] }, Date.now() + 2_000);

  const isReady = (): boolean => store.status().state === "ready";

  it("is in memory, and answers without a promise", async () => {
    await store.follow(MEMORY);
    assert.ok(!(take() instanceof Promise));
    await take();
    await take();
    assert.deepEqual(events, ["fits", "fits", "exceeds"]);
    assert.deepEqual(store.status(), { type: "memory", state: "ready", detail: "", counters: 1 });
    await store.follow({ ...MEMORY });
    assert.equal(store.status().counters, 1, "the same settings change nothing");
  });

  it("becomes Redis, by a secret URL, and memory again", async () => {
    await store.follow(MEMORY);
    await store.follow(redisFile({ at: { kind: "url", url: { env: "URL" } } }));
    await until(isReady, { what: "Redis to be ready" });
    assert.equal((await take()).kind, "counted");
    assert.deepEqual(events, ["redis ready", "call of 1", "fits"]);
    await store.follow(MEMORY);
    assert.equal(events.at(-1), "redis gone");
    assert.equal(store.status().type, "memory");
  });

  it("says what keeps it away, and reads a secret again before it tries again", async () => {
    const path = join(folder, "password");
    await store.follow(redisFile({ password: { file: path } }));
    await until(() => store.status().detail.includes("no such file"), { what: "the reason" });
    assert.deepEqual(await take(), { kind: "failed", reason: "away" });
    assert.ok(events.includes("away"));
    await writeFile(path, "hunter2\n");
    await until(isReady, { what: "Redis to be ready" });
    assert.equal((await take()).kind, "counted");
  });

  it("shows no secret of a URL that is none", async () => {
    await writeFile(join(folder, "url"), "not hunter2 a URL");
    await store.follow(redisFile({ at: { kind: "url", url: { file: join(folder, "url") } } }));
    await until(() => store.status().detail.includes("not the URL"), { what: "the reason" });
    assert.ok(!store.status().detail.includes("hunter2"));
  });
});
