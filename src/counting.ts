import { listQuotas } from "./check/quota-list.ts";
import { resetCounter } from "./check/quota-reset.ts";
import type { QuotasSource } from "./http/quotas.ts";
import { StoreLimits, type Limits } from "./limits/limits.ts";
import type { Settler } from "./limits/settle.ts";
import { TopKeys } from "./limits/top-keys.ts";
import { quotaService, type QuotaService } from "./quota/service.ts";
import type { AuditLine } from "./runtime/audit.ts";
import type { Outside } from "./runtime/outside.ts";
import type { Runtime } from "./runtime/runtime.ts";
import { MemoryStore } from "./store/memory.ts";
import type { Log } from "./telemetry/log.ts";
import type { Metrics } from "./telemetry/metrics.ts";

/** What is counted with. */
export interface CountingParts {
  readonly metrics: Metrics;
  readonly runtime: Runtime;
  readonly outside: Outside;
  readonly log: Log;
  readonly audit: (line: AuditLine) => void;
}

/** Whom checks and rate-limit requests ask: one store, and one stand-in for the time when it is away. */
export interface Counting {
  readonly limits: Limits;
  readonly quotas: QuotaService;
  /** What the admin listener shows of policies' quotas, and forgets. */
  readonly shown: QuotasSource;
  /** Settles late costs, whoever tells of them. */
  readonly settler: Settler;
}

/** Counters of the stand-in at most: a few hundred bytes each. */
const MAX_LOCAL_COUNTERS = 1_000_000;

export function openCounting({ metrics, runtime, outside, log, audit }: CountingParts): Counting {
  const nowMs = Date.now;
  const { store, signer, digest } = outside;
  const local = new MemoryStore({
    nowMs,
    maxCounters: MAX_LOCAL_COUNTERS,
    onEvicted: () => metrics.countEvicted(),
  });
  const replicas = (): number => replicasOf(runtime);
  const stores = { store: () => store, local, replicas };
  const topKeys = new TopKeys();
  const limits = new StoreLimits({
    ...{ ...stores, nowMs, signer },
    observe: {
      onTake(claim, result, by, charged) {
        metrics.countQuota(claim.quota, { result, by, mode: claim.mode });
        topKeys.note(claim, result, { charged, atMs: nowMs() });
      },
      onLost: (what) => metrics.countQuotaLost(what),
    },
  });
  const settler: Settler = {
    ...{ signer, nowMs },
    store: () => store,
    live: () => runtime.live?.snapshot,
    onSettled: (by, result) => metrics.countSettlement(by, result),
  };
  const quotas = quotaService({ live: () => runtime.live, stores, settler, nowMs, metrics });
  const world = { ...{ live: () => runtime.live?.snapshot, topKeys, stores, nowMs, digest }, metrics };
  const shown: QuotasSource = {
    list: (wanted) => listQuotas(wanted, world),
    reset: (text) => resetCounter(text, { ...world, limits, log, audit }),
  };
  return { limits, quotas, shown, settler };
}

/** How many processes share a limit while the store is away: counters in memory are each process's own. */
function replicasOf({ live }: Runtime): number {
  const store = live?.snapshot.settings.store;
  return store?.type === "redis" ? store.replicas : 1;
}
