import assert from "node:assert/strict";
import { decisionsWanted } from "../../src/http/decisions.ts";

const NONE = { policy: undefined, rule: undefined, verdict: undefined, sinceMs: undefined, limit: 100 };

describe("a query of /decisions", () => {
  const good: readonly (readonly [query: Readonly<Record<string, unknown>>, wanted: object])[] = [
    [{}, NONE],
    [
      { policy: "orders", rule: "owner" },
      { ...NONE, policy: "orders", rule: "owner" },
    ],
    [
      { verdict: "error", limit: "1000" },
      { ...NONE, verdict: "error", limit: 1_000 },
    ],
    [{ since: "2026-01-01T00:00:00Z" }, { ...NONE, sinceMs: Date.UTC(2026, 0, 1) }],
    [{ policy: "" }, NONE],
  ];
  for (const [query, wanted] of good)
    it(`takes ${JSON.stringify(query)}`, () => assert.deepEqual(decisionsWanted(query), wanted));

  const bad: readonly (readonly [query: Readonly<Record<string, unknown>>, why: RegExp])[] = [
    [{ sinze: "1" }, /there is no parameter sinze; known: policy, rule/],
    [{ since: "yesterday" }, /since takes a moment/],
    [{ verdict: "allow" }, /what is allowed is not kept/],
    [{ limit: "0" }, /from 1 to 1000/],
    [{ limit: "1001" }, /from 1 to 1000/],
    [{ limit: "many" }, /from 1 to 1000/],
    [{ limit: ["1", "x"] }, /from 1 to 1000/],
  ];
  for (const [query, why] of bad)
    it(`refuses ${JSON.stringify(query)}`, () => assert.match(JSON.stringify(decisionsWanted(query)), why));
});
