import { listQuotas, type QuotaList } from "./check/quota-list.ts";
import { resetQuota, type Reset, type ResetWorld } from "./check/quota-reset.ts";
import type { QuotasSource, QuotasWanted } from "./http/quotas.ts";
import type { ResetAnswer } from "./limits/reset.ts";
import { StoreLimits, type Limits } from "./limits/limits.ts";
import type { Settler } from "./limits/settle.ts";
import { TopKeys } from "./limits/top-keys.ts";
import type { Diagnostic } from "./policy/diagnostic.ts";
import { readReset } from "./policy/reset-file.ts";
import type { Snapshot } from "./policy/snapshot.ts";
import { listLimits, type LimitList } from "./quota/limit-list.ts";
import { resetLimit, type LimitReset, type LimitResetWorld } from "./quota/limit-reset.ts";
import { quotaService, type QuotaService } from "./quota/service.ts";
import { auditOfReset, type AuditLine } from "./runtime/audit.ts";
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
        topKeys.noteClaim(claim, result, { charged, atMs: nowMs() });
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
  const quotas = quotaService({ live: () => runtime.live, stores, settler, topKeys, nowMs, metrics });
  const live = (): Snapshot | undefined => runtime.live?.snapshot;
  const world: World = {
    ...{ live, topKeys, stores, nowMs, digest, metrics, limits, log },
    audit: (...reset) => audit(auditOfReset(...reset)),
  };
  const shown: QuotasSource = {
    list: (wanted) => list(wanted, world),
    reset: (text) => reset(text, world),
  };
  return { limits, quotas, shown, settler };
}

/** Quotas of policies and limits of domains, as `/quotas` answers them. */
export interface ListedLimits extends QuotaList, LimitList {}

/** What was reset, as `/quotas/reset` answers it. */
export type DoneReset = Extract<ResetAnswer<Reset | LimitReset>, { readonly kind: "done" }>["reset"];

type World = ResetWorld & LimitResetWorld;

async function list(wanted: QuotasWanted, world: World): Promise<ListedLimits | undefined> {
  const { domain, policy, quota } = wanted;
  const nothing = { quotas: [], limits: [], unlisted: 0, store: world.stores.store().status() };
  // Who names a policy or a quota wants no domains, and the other way round.
  const [quotas, limits] = await Promise.all([
    domain === undefined ? listQuotas(wanted, world) : nothing,
    policy === undefined && quota === undefined ? listLimits(wanted, world) : nothing,
  ]);
  return quotas && limits && { ...quotas, limits: limits.limits, unlisted: limits.unlisted };
}

async function reset(
  content: Uint8Array,
  world: World,
): Promise<
  ResetAnswer<Reset | LimitReset> | { readonly kind: "refused"; readonly findings: readonly Diagnostic[] }
> {
  const asked = readReset("the reset", content);
  if (!("kind" in asked)) return { kind: "refused", findings: asked };
  if (asked.kind === "entries") return resetLimit(asked, world);
  const answer = await resetQuota(asked, world);
  return asked.kind === "id" && answer.kind === "unknown" ? resetLimit(asked, world) : answer;
}

/** How many processes share a limit while the store is away: counters in memory are each process's own. */
function replicasOf({ live }: Runtime): number {
  const store = live?.snapshot.settings.store;
  return store?.type === "redis" ? store.replicas : 1;
}
