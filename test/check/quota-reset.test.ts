import assert from "node:assert/strict";
import { listQuotas } from "../../src/check/quota-list.ts";
import { resetQuota, type Reset } from "../../src/check/quota-reset.ts";
import type { ResetAnswer } from "../../src/limits/reset.ts";
import { readReset } from "../../src/policy/reset-file.ts";
import { auditOfReset, type AuditedReset } from "../../src/runtime/audit.ts";
import { digest, quotaWorld } from "./quota-fixture.ts";

function resetting() {
  const own = quotaWorld();
  const told: AuditedReset[] = [];
  const counted: string[] = [];
  const logged: object[] = [];
  const world = {
    ...own.world,
    limits: own.limits,
    audit: (...reset: Parameters<typeof auditOfReset>) => void told.push(auditOfReset(...reset)),
    metrics: {
      countQuotaReset: ({ policy, quota }: { policy: string; quota: string }, result: string) =>
        void counted.push(`${policy}/${quota} ${result}`),
    },
    log: { info: (facts: object) => void logged.push(facts) },
  };
  const reset = (text: object): Promise<ResetAnswer<Reset>> => {
    const asked = readReset("the reset", Buffer.from(JSON.stringify(text)));
    return "kind" in asked && asked.kind !== "entries" ? resetQuota(asked, world) : assert.fail("no reset");
  };
  return { ...own, told, counted, logged, reset };
}

describe("who resets a counter", () => {
  it("has it forgotten by the values of its key, once, and that is told everywhere", async () => {
    const { take, told, counted, logged, reset, store } = resetting();
    for (let times = 0; times < 4; times++) take("shop", "per-client", ["192.0.2.1", "GET"]);
    take("shop", "per-client", ["192.0.2.2", "GET"]);
    const asked = { policy: "shop", quota: "per-client", key: ["192.0.2.1", "GET"] };
    const first = await reset(asked);
    assert.ok(first.kind === "done");
    assert.deepEqual([first.reset.result, first.reset.key], ["reset", [digest("192.0.2.1"), "GET"]]);
    assert.equal(store.status().counters, 1);
    const second = await reset(asked);
    assert.ok(second.kind === "done" && second.reset.result === "nothing");
    assert.deepEqual(counted, ["shop/per-client reset", "shop/per-client nothing"]);
    assert.equal(logged.length, 2);
    const [line] = told;
    assert.deepEqual(line, {
      kind: "audit",
      time: "2026-11-21T12:00:10.000Z",
      event: "reset",
      result: "reset",
      policy: "shop",
      quota: "per-client",
      key: [digest("192.0.2.1"), "GET"],
      reason: undefined,
      revision: first.reset.revision,
    });
    assert.doesNotMatch(JSON.stringify([told, logged, first]), /192\.0\.2\.1/);
  });

  it("has the one in shadow forgotten with the one that is enforced", async () => {
    const { take, reset, store } = resetting();
    take("shop", "per-host", ["a"]);
    take("shop", "per-host", ["a"], { mode: "shadow" });
    assert.equal(store.status().counters, 2);
    await reset({ policy: "shop", quota: "per-host", key: ["a"] });
    assert.equal(store.status().counters, 0);
  });

  it("may name it by the id that the list has, which says nothing of whose it is", async () => {
    const { take, reset, store, world } = resetting();
    take("shop", "per-token", ["a secret"]);
    take("shop", "per-token", ["another"]);
    const list = await listQuotas({ policy: "shop", quota: "per-token", limit: 1 }, world);
    const id = list?.quotas[0]?.keys[0]?.id ?? assert.fail("nothing is listed");
    const answer = await reset({ id });
    assert.ok(answer.kind === "done" && answer.reset.result === "reset");
    assert.deepEqual(answer.reset.key, ["(secret)"]);
    assert.equal(store.status().counters, 1);
  });

  it("has the counter of this process forgotten where the store is away, and is told so", async () => {
    const { take, reset, store, local, told } = resetting();
    store.take = () => ({ kind: "failed", reason: "away" });
    store.reset = () => Promise.reject(new Error("the store has not answered: away"));
    take("shop", "per-host", ["a"]);
    assert.equal(local.status().counters, 1);
    const answer = await reset({ policy: "shop", quota: "per-host", key: ["a"] });
    assert.ok(answer.kind === "done" && answer.reset.result === "failed");
    assert.equal(answer.reset.reason, "the store has not answered: away");
    assert.equal(local.status().counters, 0);
    assert.equal(told.length, 1);
  });

  const wrong: readonly (readonly [asked: object, kind: ResetAnswer<Reset>["kind"], why: RegExp])[] = [
    [
      { policy: "shp", quota: "per-host" },
      "unknown",
      /there is no policy \\"shp\\": did you mean \\"shop\\"/,
    ],
    [{ policy: "shop", quota: "per-hots" }, "unknown", /shop has no quota \\"per-hots\\": did you mean/],
    [{ policy: "shop", quota: "per-host" }, "misfit", /has 1 value \(request\.host\), and here are 0/],
    [
      { policy: "shop", quota: "per-client", key: ["192.0.2.1"] },
      "misfit",
      /has 2 values \(client\.ip, request\.method\), and here is 1/,
    ],
    [{ policy: "shop", quota: "trial", key: ["x"] }, "misfit", /shop\/trial has no key/],
    [{ id: "c_0123" }, "unknown", /is not among the busiest keys/],
  ];
  for (const [asked, kind, why] of wrong) {
    it(`is told what is wrong with ${JSON.stringify(asked)}, and nothing is told of it`, async () => {
      const { reset, told } = resetting();
      const answer = await reset(asked);
      assert.equal(answer.kind, kind);
      assert.match(JSON.stringify(answer), why);
      assert.deepEqual(told, []);
    });
  }
});
