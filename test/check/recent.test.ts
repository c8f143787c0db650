import assert from "node:assert/strict";
import { Attributes } from "../../src/attributes/attributes.ts";
import { checkFacts } from "../../src/check/attributes.ts";
import { decide } from "../../src/check/decide.ts";
import { personalDigest } from "../../src/host/digest.ts";
import { RecentDecisions, type Made } from "../../src/check/recent.ts";
import { checkRequest, NO_BACKENDS, NO_LIMITS, snapshotOf, type Asked } from "./fixture.ts";

const SNAPSHOT = snapshotOf(`
  policy: shop
  match: { hosts: [a.example.com] }
  rules:
    - id: loud
      deny: request.headers[?"x-loud"].orValue("") == "very" || request.path == "/never"
    - id: reads
      allow: request.method == "GET"
`);

const LIMITS = { maxBytes: 1024 * 1024, maxExplainedPerSecond: 1_000 };

let count = 0;
/** What became of a request, as the check path tells it. */
function made(asked: Asked, more: Partial<Made> = {}): Made {
  const attributes = new Attributes(checkFacts(checkRequest(asked)), SNAPSHOT.settings);
  const question = {
    snapshot: SNAPSHOT,
    attributes,
    backends: NO_BACKENDS,
    limits: NO_LIMITS,
    nowMs: 0,
    askUntilMs: Infinity,
  };
  const decision = decide(question);
  if (decision instanceof Promise) return assert.fail("somebody was waited for");
  return { decisionId: `d_${++count}`, atMs: count, durationMs: 0.1234, decision, question, ...more };
}

const PUT: Asked = { method: "PUT", path: "/orders?who=alice", headers: { "x-loud": "hush-hush" } };

const digest = personalDigest(() => undefined);

describe("the last refusals", () => {
  it("say what was asked, who decided, and what each part came to", () => {
    const recent = new RecentDecisions(LIMITS, digest);
    recent.add(made(PUT, { decisionId: "d_put", atMs: Date.parse("2026-01-01T00:00:00Z") }));
    const { policies, ...found } = recent.find("d_put") ?? assert.fail("it is not kept");
    assert.deepEqual(found, {
      decision: "d_put",
      time: "2026-01-01T00:00:00.000Z",
      revision: "test",
      verdict: "deny",
      status: 403,
      policy: "shop",
      rule: "default",
      durationMs: 0.123,
      request: { method: "PUT", host: "a.example.com", path: "/orders" },
    });
    assert.deepEqual(
      policies?.map(({ policy, rules }) => [policy, rules.map(({ rule, outcome }) => `${rule} ${outcome}`)]),
      [["shop", ["loud passes", "reads does not grant"]]],
    );
  });

  it("hold nothing secret, and a digest of what is of persons, the same for the same", () => {
    const recent = new RecentDecisions(LIMITS, digest);
    for (const path of ["/orders?who=alice", "/orders?who=alice", "/orders?who=bob"])
      recent.add(made({ ...PUT, path }));
    const texts = recent.list({ limit: 3 }).map(({ decision }) => JSON.stringify(recent.find(decision)));
    for (const text of texts) assert.doesNotMatch(text, /hush|alice|bob/);
    const [bob, alice, again] = texts.map(
      (text) => /"request\.path","value":"(#[0-9a-f]{12})"/.exec(text)?.[1],
    );
    assert.ok(alice !== undefined);
    assert.equal(alice, again);
    assert.notEqual(alice, bob);
  });

  it("are listed the newest first, by who decided and since when", () => {
    const recent = new RecentDecisions(LIMITS, digest);
    recent.add(made(PUT, { decisionId: "d_a", atMs: 1 }));
    recent.add(made({ headers: { "x-loud": "very" } }, { decisionId: "d_b", atMs: 2 }));
    recent.add(made({ host: "b.example.com" }, { decisionId: "d_c", atMs: 3 }));
    const ids = (wanted: Omit<Parameters<RecentDecisions["list"]>[0], "limit">, limit = 10): string =>
      recent
        .list({ ...wanted, limit })
        .map(({ decision }) => decision)
        .join();
    assert.equal(ids({}), "d_c,d_b,d_a");
    assert.equal(ids({}, 2), "d_c,d_b");
    assert.equal(ids({ policy: "shop" }), "d_b,d_a");
    assert.equal(ids({ rule: "loud" }), "d_b");
    assert.equal(ids({ sinceMs: 1 }), "d_c,d_b");
    assert.equal(ids({ verdict: "error" }), "");
    assert.deepEqual(
      recent.list({ limit: 10 }).filter(({ policies }) => policies !== undefined),
      [],
    );
  });

  it("stay within their bound of memory, whatever comes, and keep the newest", () => {
    const recent = new RecentDecisions({ ...LIMITS, maxBytes: 20_000 }, digest);
    for (let turn = 0; turn < 500; turn++) {
      recent.add(made({ ...PUT, path: `/${"a".repeat(turn * 10)}` }, { decisionId: `d_${turn}` }));
      assert.ok(recent.bytes <= 20_000);
      assert.ok(recent.find(`d_${turn}`));
    }
    const kept = recent.list({ limit: 1_000 });
    assert.ok(kept.length >= 5 && kept.length < 100, String(kept.length));
    assert.equal(recent.find("d_0"), undefined);
  });

  it("are explained so many a second, and told of all the same", () => {
    const recent = new RecentDecisions({ ...LIMITS, maxExplainedPerSecond: 2 }, digest);
    const explained = [10, 20, 30, 999, 1_000].map((atMs) => {
      recent.add(made(PUT, { decisionId: `d_${atMs}`, atMs }));
      return recent.find(`d_${atMs}`)?.policies !== undefined;
    });
    assert.deepEqual(explained, [true, true, false, false, true]);
  });

  it("are told of where nothing could be made of the request", () => {
    const recent = new RecentDecisions(LIMITS, digest);
    recent.add(made(PUT, { decisionId: "d_bad", question: undefined }));
    const found = recent.find("d_bad");
    assert.deepEqual([found?.request, found?.policies, found?.status], [undefined, undefined, 403]);
  });
});
