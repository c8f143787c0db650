import { StoreLimits, type Limits } from "./limits/limits.ts";
import { quotaService, type QuotaService } from "./quota/service.ts";
import type { Outside } from "./runtime/outside.ts";
import type { Runtime } from "./runtime/runtime.ts";
import { MemoryStore } from "./store/memory.ts";
import type { Metrics } from "./telemetry/metrics.ts";

/** What is counted with. */
export interface CountingParts {
  readonly metrics: Metrics;
  readonly runtime: Runtime;
  readonly outside: Outside;
}

/** Whom checks and rate-limit requests ask: one store, and one stand-in for the time when it is away. */
export interface Counting {
  readonly limits: Limits;
  readonly quotas: QuotaService;
}

/** Counters of the stand-in at most: a few hundred bytes each. */
const MAX_LOCAL_COUNTERS = 1_000_000;

export function openCounting({ metrics, runtime, outside }: CountingParts): Counting {
  const nowMs = Date.now;
  const { store, signer } = outside;
  const local = new MemoryStore({
    nowMs,
    maxCounters: MAX_LOCAL_COUNTERS,
    onEvicted: () => metrics.countEviction(),
  });
  const replicas = (): number => replicasOf(runtime);
  const limits = new StoreLimits({
    ...{ local, replicas, nowMs, signer },
    store: () => store,
    observe: {
      onTake: ({ quota, mode }, result, by) => metrics.countQuota(quota, { result, by, mode }),
      onLost: (what) => metrics.countQuotaLost(what),
    },
  });
  const quotas = quotaService({
    live: () => runtime.live,
    counters: { store, insurance: local, replicas },
    settler: {
      ...{ signer, nowMs },
      store: () => store,
      live: () => runtime.live?.snapshot,
      onSettled: (by, result) => metrics.countSettlement(by, result),
    },
    nowMs,
    metrics,
  });
  return { limits, quotas };
}

/** How many processes share a limit while the store is away: counters in memory are each process's own. */
function replicasOf({ live }: Runtime): number {
  const store = live?.snapshot.settings.store;
  return store?.type === "redis" ? store.replicas : 1;
}
