import assert from "node:assert/strict";
import { hash } from "node:crypto";
import type { QuotaWorld } from "../../src/check/quota-list.ts";
import { counterName, printedOf, type Claim } from "../../src/limits/claim.ts";
import { StoreLimits } from "../../src/limits/limits.ts";
import { TopKeys } from "../../src/limits/top-keys.ts";
import type { Snapshot } from "../../src/policy/snapshot.ts";
import { MemoryStore } from "../../src/store/memory.ts";
import { NOW_MS, quota } from "../limits/fixture.ts";
import { policy } from "./conditions.ts";
import { snapshotWith } from "./stubs.ts";

/** Quotas whose keys are open, of persons, and secret; one counts all together, and one is in shadow. */
export const SNAPSHOT: Snapshot = snapshotWith([
  policy("shop", [], {
    quotas: [
      quota("per-host", 3, { key: ["request.host"] }),
      quota("per-client", 10, { key: ["client.ip", "request.method"], onError: "deny" }),
      quota("per-token", 5, { key: ['request.headers["x-token"]'], when: '"x-token" in request.headers' }),
      quota("trial", 7, { mode: "shadow" }),
    ],
  }),
  policy("stock", [], { quotas: [quota("per-host", 100, { key: ["request.host"] })] }),
]);

/** What stands for a value of a person's here. */
export const digest = (printed: string): string => `#${hash("sha256", printed).slice(0, 12)}`;

/** A store with quotas of that configuration. */
export function quotaWorld(live: Snapshot = SNAPSHOT) {
  const topKeys = new TopKeys();
  const [store, local] = [NOW_MS, NOW_MS].map(
    (nowMs) => new MemoryStore({ nowMs: () => nowMs, maxCounters: 100_000 }),
  );
  assert.ok(store && local);
  const stores = { store: () => store, local, replicas: () => 1 };
  const limits = new StoreLimits({
    ...stores,
    nowMs: () => NOW_MS,
    signer: { sign: () => "", isSigned: () => false },
    observe: {
      onTake: (claim, result, _by, charged) => topKeys.noteClaim(claim, result, { charged, atMs: NOW_MS }),
      onLost: (what) => assert.fail(`${what} was lost`),
    },
  });
  const world: QuotaWorld = { live: () => live, topKeys, stores, nowMs: () => NOW_MS, digest };
  /** Takes one hit, as a request with these values of the key does. */
  const take = (
    policyId: string,
    quotaId: string,
    key: readonly string[],
    more: Partial<Claim> = {},
  ): void => {
    const takes = limits.take([claimFor(live, `${policyId}/${quotaId}`, key, more)], Infinity);
    assert.ok(!(takes instanceof Promise));
  };
  return { world, store, local, limits, take };
}

function claimFor(
  { policies }: Snapshot,
  name: string,
  key: readonly string[],
  { mode = "enforce", ...more }: Partial<Claim>,
): Claim {
  const all = policies.flatMap(({ quotas, shadowQuotas }) => [...quotas, ...shadowQuotas]);
  const found = all.find((one) => `${one.policy}/${one.id}` === name) ?? assert.fail(name);
  const limit = Number(typeof found.windows[0]?.limit === "object" ? found.windows[0].limit.source : "0");
  const counter = {
    ...counterName(found, key, mode),
    algorithm: found.algorithm,
    windows: [{ limit, burst: 0, length: 60_000 }],
  };
  return { quota: found, mode, counter, key, hits: 1, printed: printedOf(found), ...more };
}
