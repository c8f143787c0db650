import assert from "node:assert/strict";
import { Unknown } from "../../src/cel/expression.ts";
import { claimOf, type Claim } from "../../src/limits/claim.ts";
import type { Quota } from "../../src/policy/quota.ts";
import type { Snapshot } from "../../src/policy/snapshot.ts";
import { policy } from "../check/conditions.ts";
import type { File } from "../check/fixture.ts";
import { snapshotWith } from "../check/stubs.ts";

export const NOW_MS = Date.parse("2026-11-21T12:00:10Z");

/** weir.yaml with a key for what settles. */
const SERVER: File = { secrets: { mac: { env: "MAC" } } };

/** The snapshot of policies that have nothing but quotas, by name. */
export const snapshotOfQuotas = (policies: Readonly<Record<string, readonly object[]>>): Snapshot =>
  snapshotWith([SERVER, ...Object.entries(policies).map(([name, quotas]) => policy(name, [], { quotas }))]);

/** A fixed quota of so many a minute. */
export const quota = (id: string, limit: number | string, more: object = {}): object => ({
  id,
  algorithm: "fixed",
  windows: [{ limit: String(limit), per: "1m" }],
  ...more,
});

/** A quota whose cost is known later: 5 are reserved. */
export const late = (id: string, limit: number, more: object = {}): object =>
  quota(id, limit, {
    cost: { reserve: "5", settle: 'int(metadata["llm"].tokens)', within: "1m", ...more },
  });

/** What every quota of the snapshot wants of a request whose attributes nothing reads. */
export function claimsOf({ policies }: Pick<Snapshot, "policies">, context: object = {}): readonly Claim[] {
  return policies.flatMap(({ quotas }) =>
    quotas.flatMap((one: Quota): readonly Claim[] => {
      const claim = claimOf(one, context, { nowMs: NOW_MS, mode: "enforce" });
      assert.ok(!(claim instanceof Unknown), "the claim is UNKNOWN");
      return claim === undefined ? [] : [claim];
    }),
  );
}
