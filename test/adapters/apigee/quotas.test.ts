import assert from "node:assert/strict";
import { tick } from "../host.ts";
import { AskedApigee, COUNTER, GET } from "./asked.ts";

describe("quotas of Apigee", () => {
  let on: AskedApigee;
  beforeEach(() => (on = new AskedApigee()));
  afterEach(() => on.open.disposeAsync());

  it("is asked once about a key, lets the quota pass, and is told what passed", async () => {
    await on.start();
    assert.deepEqual(await on.times(8), [...Array<string>(5).fill("allow"), "429", "429", "429"]);
    await tick(on.host);
    assert.deepEqual([on.remote.calls.verifyApiKey, on.remote.counters.get(COUNTER)], [1, 5]);
    on.host.advance(60_000);
    assert.equal(await on.asked(), "allow");
  });

  it("knows by the service's own clock when a window ends", async () => {
    await on.start(() => (on.remote.nowMs = () => on.host.nowMs() - 25_000));
    const msToEnd = 60_000 - (on.remote.nowMs() % 60_000);
    assert.equal((await on.times(6)).at(-1), "429");
    on.host.advance(msToEnd - 1);
    assert.equal(await on.asked(), "429");
    on.host.advance(1);
    assert.equal(await on.asked(), "allow");
  });

  it("hands products and counters to who comes after it, and asks nothing twice", async () => {
    await on.start(() => on.remote.counters.set(COUNTER, 2));
    assert.deepEqual(await on.times(2), ["allow", "allow"]);
    const { products } = on.remote.calls;
    on.remote.behaviour.products = "hang";
    on.remote.behaviour.quotas = { status: 503, body: "" };
    const before = on.handler;
    on.handler = on.open.adopt(on.create({ quotas: { sync: "500ms" } }, before), (one) => one.close());
    await on.handler.start();
    assert.deepEqual(await on.times(2), ["allow", "429"]);
    assert.ok(on.remote.calls.products <= products + 1);
    on.remote.behaviour.quotas = "well";
    await before.close();
    await on.handler.close();
    assert.equal(on.remote.counters.get(COUNTER), 5);
  });

  it("counts with others from the first request on", async () => {
    await on.start(() => on.remote.counters.set(COUNTER, 4));
    assert.deepEqual(await on.times(2), ["allow", "429"]);
  });

  it("charges nothing for what an earlier hop was charged for, and refuses nothing for want of room", async () => {
    await on.start(() => on.remote.counters.set(COUNTER, 4));
    assert.deepEqual(await on.times(2), ["allow", "429"]);
    const input = new Map(Object.entries({ key: "key-1", ...GET }));
    const call = { deadlineAtMs: on.host.nowMs() + 1_000, signal: AbortSignal.timeout(1_000) };
    const answer = await on.handler.check?.(input, { ...call, charge: "before" });
    assert.equal(answer?.verdict, "allow");
    const closed = await on.handler.check?.(new Map([...input, ["path", "/other"]]), {
      ...call,
      charge: "before",
    });
    assert.equal(closed?.verdict, "deny");
    await tick(on.host);
    assert.equal(on.remote.counters.get(COUNTER), 5);
  });

  it("decides by what it knows while quotas cannot be told, within the deadline", async () => {
    await on.start(() => (on.remote.behaviour.quotas = "hang"));
    assert.equal((await on.ask({ key: "key-1", ...GET }, 150)).verdict, "allow");
    assert.ok((await on.times(6)).includes("429"));
  });

  it("tells a unit once, where it may have been counted", async () => {
    await on.start();
    assert.equal(await on.asked(), "allow");
    on.remote.behaviour.quotas = "cut";
    await tick(on.host);
    on.remote.behaviour.quotas = "well";
    on.host.advance(1_000);
    await on.asked();
    await tick(on.host);
    assert.equal(on.remote.counters.get(COUNTER), 2);
  });
});
