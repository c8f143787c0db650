import assert from "node:assert/strict";
import { hash } from "node:crypto";
import type { ResetAnswer } from "../../src/limits/reset.ts";
import { readReset } from "../../src/policy/reset-file.ts";
import { listLimits } from "../../src/quota/limit-list.ts";
import { resetLimit, type LimitReset } from "../../src/quota/limit-reset.ts";
import { auditOfReset, type AuditedReset } from "../../src/runtime/audit.ts";
import { serve, snapshotOf } from "./fixture.ts";

const EDGE = `
domain: edge
descriptors:
  - { key: remote_address, rate_limit: { unit: minute, requests_per_unit: 1 } }
  - { key: free, rate_limit: { unlimited: true } }
  - key: plan
    value: gold
    descriptors:
      - key: user
        when: hits > 5
        limits:
          - { unit: second, requests_per_unit: 2, algorithm: bucket }
          - { unit: minute, requests_per_unit: 3, algorithm: sliding }
`;

const digest = (printed: string): string => `#${hash("sha256", printed).slice(0, 12)}`;

function resetting() {
  const snapshot = snapshotOf([EDGE]);
  const server = serve(snapshot);
  const { topKeys, stores } = server;
  const told: AuditedReset[] = [];
  const counted: string[] = [];
  const logged: object[] = [];
  const world = {
    ...{ live: () => snapshot, topKeys, stores, nowMs: () => server.nowMs, digest },
    limits: { askAgain: () => undefined },
    audit: (...reset: Parameters<typeof auditOfReset>) => void told.push(auditOfReset(...reset)),
    metrics: {
      countRateLimitReset: (domain: string, result: string) => void counted.push(`${domain} ${result}`),
    },
    log: { info: (facts: object) => void logged.push(facts) },
  };
  const reset = (text: object): Promise<ResetAnswer<LimitReset>> => {
    const asked = readReset("the reset", Buffer.from(JSON.stringify(text)));
    return "kind" in asked && asked.kind !== "key" ? resetLimit(asked, world) : assert.fail("no reset");
  };
  return { server, world, told, counted, logged, reset };
}

const ADDRESS = { domain: "edge", entries: [{ key: "remote_address", value: "192.0.2.1" }] };

describe("who resets a rate limit", () => {
  it("has it forgotten by its entries, once, and that is told everywhere", async () => {
    const { server, told, counted, logged, reset } = resetting();
    const ask = async () => (await server.ask("edge", [["remote_address=192.0.2.1"]])).overall;
    assert.deepEqual([await ask(), await ask()], ["ok", "over"]);
    const first = await reset(ADDRESS);
    assert.ok(first.kind === "done");
    const entries = [{ key: "remote_address", value: digest('"192.0.2.1"') }];
    assert.deepEqual([first.reset.result, first.reset.entries], ["reset", entries]);
    const second = await reset(ADDRESS);
    assert.ok(second.kind === "done" && second.reset.result === "nothing");
    assert.equal(await ask(), "ok");
    assert.deepEqual(counted, ["edge reset", "edge nothing"]);
    assert.deepEqual(told[0], {
      ...{ kind: "audit", time: new Date(server.nowMs).toISOString(), event: "reset", result: "reset" },
      ...{ domain: "edge", entries, reason: undefined, revision: "r" },
    });
    assert.equal(logged.length, 2);
    assert.doesNotMatch(JSON.stringify([told, logged, first]), /192\.0\.2\.1/);
  });

  it("has all counters of the entries forgotten, whatever when says of a request", async () => {
    const { server, reset } = resetting();
    const entries = ["plan=gold", "user=alice"];
    await server.ask("edge", [{ entries, hits: 1 }]);
    assert.equal(server.store.status().counters, 0);
    await server.ask("edge", [{ entries, hits: 6 }]);
    for (const { charges } of [...server.taken])
      for (const { counter } of charges)
        await server.store.take({ mode: "each", charges: [{ kind: "count", counter, hits: 1 }] }, Infinity);
    assert.equal(server.store.status().counters, 2);
    await reset({
      domain: "edge",
      entries: [
        { key: "plan", value: "gold" },
        { key: "user", value: "alice" },
      ],
    });
    assert.equal(server.store.status().counters, 0);
  });

  it("may name one counter by the id that the list has", async () => {
    const { server, world, reset } = resetting();
    await server.ask("edge", [["remote_address=a"]]);
    await server.ask("edge", [["remote_address=b"]]);
    const list = await listLimits({ domain: "edge", limit: 1 }, world);
    const [key] = list?.limits.flatMap(({ keys }) => keys) ?? [];
    const answer = await reset({ id: key?.id });
    assert.ok(answer.kind === "done" && answer.reset.result === "reset");
    assert.equal(server.store.status().counters, 1);
  });

  const entriesOf = (...keys: readonly string[]) => ({
    domain: "edge",
    entries: keys.map((key) => ({ key })),
  });
  const wrong: readonly (readonly [asked: object, why: RegExp])[] = [
    [{ ...ADDRESS, domain: "egde" }, /there is no domain "egde": did you mean "edge"/],
    [entriesOf("remote_adress"), /nothing limits remote_adress in edge/],
    [entriesOf("free"), /nothing limits free/],
    [entriesOf("plan"), /nothing limits plan/],
    [{ id: "c_0123" }, /is not among the busiest keys/],
  ];
  for (const [asked, why] of wrong) {
    it(`is told what is wrong with ${JSON.stringify(asked)}, and nothing is told of it`, async () => {
      const { reset, told } = resetting();
      const answer = await reset(asked);
      assert.ok(answer.kind === "unknown");
      assert.match(answer.error, why);
      assert.deepEqual(told, []);
    });
  }

  it("is told to wait where there is no configuration", async () => {
    const { world } = resetting();
    const answer = await resetLimit({ kind: "id", id: "c_1" }, { ...world, live: () => undefined });
    assert.equal(answer.kind, "not ready");
  });
});
