import assert from "node:assert/strict";
import {
  listAnswerer,
  quotasWanted,
  resetAnswerer,
  type QuotasSource,
  type ResetDone,
} from "../../src/http/quotas.ts";

const NONE = { policy: undefined, quota: undefined, domain: undefined, limit: 10 };

const source = (reset: ResetDone = { kind: "not ready" }, listed?: object): QuotasSource => ({
  list: () => Promise.resolve(listed),
  reset: () => Promise.resolve(reset),
});

describe("a query of /quotas", () => {
  const good: readonly (readonly [query: Readonly<Record<string, unknown>>, wanted: object])[] = [
    [{}, NONE],
    [
      { policy: "shop", quota: "per-client", limit: "50" },
      { ...NONE, policy: "shop", quota: "per-client", limit: 50 },
    ],
    [{ policy: "" }, NONE],
    [{ domain: "edge" }, { ...NONE, domain: "edge" }],
  ];
  for (const [query, wanted] of good)
    it(`takes ${JSON.stringify(query)}`, () => assert.deepEqual(quotasWanted(query), wanted));

  const bad: readonly (readonly [query: Readonly<Record<string, unknown>>, why: RegExp])[] = [
    [{ rule: "x" }, /there is no parameter rule; known: policy, quota, domain, limit/],
    [{ domain: "edge", quota: "all" }, /domain chooses rate limits/],
    [{ limit: "0" }, /from 1 to 50/],
    [{ limit: "51" }, /from 1 to 50/],
    [{ limit: "many" }, /from 1 to 50/],
  ];
  for (const [query, why] of bad) {
    it(`refuses ${JSON.stringify(query)}`, async () => {
      const { status, body } = await listAnswerer(source())(query);
      assert.equal(status, 400);
      assert.match(JSON.stringify(body), why);
    });
  }

  it("is answered, few times a second, or told that there is no configuration", async () => {
    assert.equal((await listAnswerer(source())({})).status, 503);
    const answer = listAnswerer(source(undefined, { quotas: [] }));
    assert.deepEqual(await answer({}), { status: 200, body: { quotas: [] } });
    const statuses = new Set<number>();
    for (let times = 0; times < 60; times++) statuses.add((await answer({})).status);
    assert.deepEqual([...statuses].sort(), [200, 429]);
  });
});

describe("who wants a counter forgotten", () => {
  const done = (result: "reset" | "nothing" | "failed", reason?: string): ResetDone => ({
    kind: "done",
    reset: { result, reason },
  });
  const answers: readonly (readonly [ResetDone, status: number, body: RegExp])[] = [
    [done("reset"), 200, /"result":"reset"/],
    [done("nothing"), 200, /"result":"nothing"/],
    [done("failed", "away"), 503, /"error":"the store could not be asked.*: away".*"result":"failed"/],
    [{ kind: "refused", findings: [{ message: "wrong" }] }, 400, /"diagnostics":\[\{"message":"wrong"\}\]/],
    [{ kind: "misfit", error: "too many values" }, 400, /too many values/],
    [{ kind: "unknown", error: "no such policy" }, 404, /no such policy/],
    [{ kind: "not ready" }, 503, /there is no configuration yet/],
  ];
  for (const [found, status, body] of answers) {
    it(`gets ${status} where it is ${JSON.stringify(found)}`, async () => {
      const answer = await resetAnswerer(source(found))(Buffer.alloc(0));
      assert.equal(answer.status, status);
      assert.match(JSON.stringify(answer.body), body);
    });
  }

  it("is told to wait after some of them", async () => {
    const answer = resetAnswerer(source(done("reset")));
    const statuses = [];
    for (let times = 0; times < 30; times++) statuses.push((await answer(Buffer.alloc(0))).status);
    const forgotten = statuses.filter((status) => status === 200).length;
    assert.ok(forgotten >= 5 && forgotten <= 10, String(forgotten));
    assert.ok(statuses.includes(429));
  });
});
