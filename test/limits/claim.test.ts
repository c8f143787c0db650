import assert from "node:assert/strict";
import { claimOf, counterName } from "../../src/limits/claim.ts";
import type { Quota } from "../../src/policy/quota.ts";
import { claimsOf, late, NOW_MS, quota, snapshotOfQuotas } from "./fixture.ts";

const quotaOf = (written: object, policy = "a"): Quota =>
  snapshotOfQuotas({ [policy]: [written] }).policies[0]?.quotas[0] ?? assert.fail("there is no quota");

const keyOf = (written: object, key: readonly string[] = ["k"], policy = "a"): string =>
  counterName(quotaOf(written, policy), key, "enforce").key;

describe("the counter of a quota", () => {
  const plain = quota("one", 5);

  it("is the same with another limit", () => {
    assert.equal(keyOf(plain), keyOf(quota("one", 50)));
    assert.equal(keyOf(plain), keyOf(quota("one", 5, { warnAt: "80%", onError: "deny", cost: "2" })));
  });

  it("is another for another policy, id, key, algorithm, length and zone", () => {
    const zoned = (zone: string) => quota("one", 5, { windows: [{ limit: "5", per: "day", zone }] });
    const keys = [
      keyOf(plain),
      keyOf(plain, ["k"], "b"),
      keyOf(quota("two", 5)),
      keyOf(plain, ["l"]),
      keyOf(plain, ["k", ""]),
      keyOf(quota("one", 5, { algorithm: "sliding" })),
      keyOf(quota("one", 5, { windows: [{ limit: "5", per: "2m" }] })),
      keyOf(zoned("UTC")),
      keyOf(zoned("Europe/Berlin")),
      counterName(quotaOf(plain), ["k"], "shadow").key,
      counterName(quotaOf(quota("shadow", 5)), ["one", "k"], "enforce").key,
    ];
    assert.equal(new Set(keys).size, keys.length, keys.join("\n"));
  });

  it("says who it counts, but for late costs, whose counters are named in metadata", () => {
    assert.ok(keyOf(plain, ["alice"]).includes("alice"));
    assert.ok(!keyOf(late("one", 5), ["alice"]).includes("alice"));
  });
});

describe("a claim", () => {
  it("has the windows of the calendar around its moment", () => {
    const written = quota("one", 5, { windows: [{ limit: "5", per: "month", zone: "UTC" }] });
    const [claim] = claimsOf(snapshotOfQuotas({ a: [written] }));
    const length = claim?.counter.windows[0]?.length;
    assert.ok(typeof length === "object");
    assert.deepEqual(
      length.map((startMs) => new Date(startMs).toISOString().slice(0, 10)),
      ["2026-09-01", "2026-10-01", "2026-11-01", "2026-12-01", "2027-01-01"],
    );
    assert.ok(NOW_MS >= length[2] && NOW_MS < length[3]);
  });

  it("keeps numbers within what is counted exactly", () => {
    const huge = "9223372036854775807";
    const written = quota("one", huge, {
      algorithm: "bucket",
      windows: [{ limit: huge, per: "366d", burst: huge }],
    });
    const [claim] = claimsOf(snapshotOfQuotas({ a: [written] }));
    const window = claim?.counter.windows[0];
    assert.ok(window !== undefined && typeof window.length === "number");
    assert.ok(window.limit <= Number.MAX_SAFE_INTEGER);
    assert.ok(window.burst * window.length <= Number.MAX_SAFE_INTEGER);
  });

  it("is none where nothing limits it", () => {
    const unlimited = quotaOf(quota("one", "unlimited"));
    assert.equal(claimOf(unlimited, {}, { nowMs: NOW_MS, mode: "enforce" }), undefined);
  });
});
