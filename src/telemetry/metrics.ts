import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "@prometheus-io/client";
import type { HostMetrics } from "../adapter/host.ts";
import { CATALOGUE } from "./catalogue.ts";
import { boundedLabel } from "../std/bounded-label.ts";
import { handlerMetrics } from "./handler-metrics.ts";
import { ReportAccount } from "./report-account.ts";
import { reportMetrics, type ReportTimes } from "./report-metrics.ts";
import { plainHistogram, tallied } from "./tally.ts";

/** Weir's own metrics, and how they are written for a scrape. */
export interface Metrics {
  countCheck(policy: string, rule: string, verdict: string): void;
  observeCheck(seconds: number): void;
  countRateLimit(domain: string, code: string): void;
  countRateLimitHits(of: RateLimitLabels, hits: number): void;
  observeRateLimit(seconds: number): void;
  countShadow(policy: string, rule: string, verdict: string): void;
  countShadowDropped(): void;
  /** An answer had no room for all that telemetry reads of the check. */
  countCarriedCut(): void;
  countRecentDropped(): void;
  countRecordLine(result: "written" | "full" | "failed" | "late"): void;
  countCandidateCheck(result: "same" | "different" | "unknown" | "dropped"): void;
  countCandidateDifference(
    by: { readonly policy: string; readonly rule: string },
    from: string,
    to: string,
  ): void;
  countQuota(
    quota: { readonly policy: string; readonly id: string },
    found: { readonly result: string; readonly by: string; readonly mode: string },
  ): void;
  countQuotaLost(what: "count" | "refund"): void;
  countQuotaReset(by: { readonly policy: string; readonly quota: string }, result: string): void;
  countRateLimitReset(domain: string, result: string): void;
  countSettlement(by: { readonly policy: string; readonly quota: string }, result: string): void;
  countInternalError(method: string): void;
  countFinding(identity: string, finding: string): void;
  countAnswer(handler: string, verdict: string, seconds: number): void;
  countFetch(host: string, outcome: string, seconds: number): void;
  countTake(result: string): void;
  observeStoreCall(items: number, seconds: number): void;
  /** `gone`: it is no longer one of them. */
  setStoreNode(node: string, state: "ready" | "away" | "gone"): void;
  countEvicted(): void;
  countRenewal(listener: string, result: "renewed" | "refused"): void;
  countRefusedCaller(listener: string): void;
  /** `shape` describes the snapshot that is live after the attempt. */
  countReload(result: "live" | "unchanged" | "refused", shape: ConfigurationShape | undefined): void;
  /** The newest files of a part are held back, and nothing else has changed; the platform's name is empty. */
  holdPart(team: string): void;
  /** What is lent to a handler of an adapter. */
  ofHandler(adapter: string, handler: string): HostMetrics;
  /** What became of access-log entries; metrics show it at every scrape. */
  readonly report: ReportAccount;
  readonly observeBatch: ReportTimes["observeBatch"];
  /** The exposition text and its media type. */
  render(): Promise<{ readonly contentType: string; readonly text: string }>;
}

/** Of one descriptor; `descriptor` is bounded here. */
export interface RateLimitLabels {
  readonly domain: string;
  readonly descriptor: string;
  readonly result: "within" | "near" | "over" | "shadow";
}

export interface ConfigurationShape {
  readonly revision: string;
  readonly loadedAtMs: number;
  readonly enforcedPolicies: number;
  readonly shadowPolicies: number;
  /** Whether the newest files are live, by part; the platform's name is empty. */
  readonly parts: ReadonlyMap<string, "current" | "held">;
  readonly overrides: readonly OverrideShape[];
}

export interface OverrideShape {
  readonly policy: string;
  readonly rule: string;
  readonly mode: string;
  /** In milliseconds since 1970. */
  readonly untilMs: number;
}

// A check takes tens of microseconds; Envoy's default patience is 200 ms.
const CHECK_BUCKETS_SECONDS = [
  0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25,
];

// Others answer in milliseconds, or not at all.
const OTHERS_BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

const CALL_BUCKETS_ITEMS = [1, 2, 4, 8, 16, 32, 64];

/** Nothing is global: each call has a registry of its own. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const shadowDropped = counter(registry, "shadowDropped");
  const carriedCut = counter(registry, "carriedCut");
  const recentDropped = counter(registry, "recentDropped");
  const recordLines = counter(registry, "recordLines");
  const candidateChecks = counter(registry, "candidateChecks");
  const candidateDiff = counter(registry, "candidateDiff");
  const quotaRequests = counter(registry, "quotaRequests");
  const quotaLost = counter(registry, "quotaLost");
  const quotaResets = counter(registry, "quotaResets");
  const rateLimitResets = counter(registry, "rateLimitResets");
  const quotaSettlements = counter(registry, "quotaSettlements");
  const internalErrors = counter(registry, "internalErrors");
  const { name, help } = described("checkDuration");
  const checkDuration = plainHistogram(name, help, CHECK_BUCKETS_SECONDS);
  const rateLimits = rateLimitMetrics(registry);
  const partCurrent = gauge(registry, "partCurrent");
  const countReload = reloadMetrics(registry, partCurrent);
  const tlsRenewals = counter(registry, "tlsRenewals");
  const refusedCallers = counter(registry, "refusedCallers");
  const findings = counter(registry, "identityFindings");
  const report = new ReportAccount();
  collectDefaultMetrics({ register: registry });
  return {
    report,
    ...reportMetrics(registry, report),
    countCheck: tallied({ ...described("checks"), registers: [registry] }),
    observeCheck: (seconds) => checkDuration.add(seconds),
    ...rateLimits.metrics,
    countShadow: tallied({ ...described("shadowDecisions"), registers: [registry] }),
    countShadowDropped: () => shadowDropped.inc(),
    countCarriedCut: () => carriedCut.inc(),
    countRecentDropped: () => recentDropped.inc(),
    countRecordLine: (result) => recordLines.inc({ result }),
    countCandidateCheck: (result) => candidateChecks.inc({ result }),
    countCandidateDifference: ({ policy, rule }, from, to) => candidateDiff.inc({ policy, rule, from, to }),
    countQuota: ({ policy, id: quota }, { result, by, mode }) =>
      quotaRequests.labels(policy, quota, result, by, mode).inc(),
    countQuotaLost: (what) => quotaLost.inc({ what }),
    countQuotaReset: ({ policy, quota }, result) => quotaResets.labels(policy, quota, result).inc(),
    countRateLimitReset: (domain, result) => rateLimitResets.labels(domain, result).inc(),
    countSettlement: ({ policy, quota }, result) => quotaSettlements.labels(policy, quota, result).inc(),
    countInternalError: (method) => internalErrors.inc({ method }),
    countReload,
    holdPart: (team) => partCurrent.set({ team }, 0),
    countFinding: (identity, finding) => findings.labels(identity, finding).inc(),
    countAnswer: timed(registry, "handlerAnswers", "handlerDuration"),
    countFetch: timed(registry, "outboundRequests", "outboundDuration"),
    ...storeMetrics(registry),
    countRenewal: (listener, result) => tlsRenewals.inc({ listener, result }),
    countRefusedCaller: (listener) => refusedCallers.inc({ listener }),
    ofHandler: handlerMetrics(registry),
    render: async () => ({
      contentType: registry.contentType,
      text: `${(await registry.metrics()).trimEnd()}\n${checkDuration.text()}${rateLimits.text()}`,
    }),
  };
}

/** Descriptors whose names are of callers' choice, where files say so, are this many at most. */
const MAX_DESCRIPTORS = 1_000;

function rateLimitMetrics(registry: Registry): {
  readonly metrics: Pick<Metrics, "countRateLimit" | "countRateLimitHits" | "observeRateLimit">;
  readonly text: () => string;
} {
  const requests = counter(registry, "rateLimits");
  const hits = tallied({ ...described("rateLimitHits"), registers: [registry] });
  const { name, help } = described("rateLimitDuration");
  const duration = plainHistogram(name, help, CHECK_BUCKETS_SECONDS);
  const bounded = boundedLabel(MAX_DESCRIPTORS);
  return {
    metrics: {
      countRateLimit: (domain, code) => requests.labels(domain, code).inc(),
      countRateLimitHits: ({ domain, descriptor, result }, count) =>
        hits(domain, bounded(descriptor), result, count),
      observeRateLimit: (seconds) => duration.add(seconds),
    },
    text: () => duration.text(),
  };
}

/** Counts by two labels and times by the first of them. */
function timed(
  registry: Registry,
  count: "handlerAnswers" | "outboundRequests",
  time: "handlerDuration" | "outboundDuration",
): (who: string, what: string, seconds: number) => void {
  const counts = counter(registry, count);
  const times = new Histogram({ ...described(time), buckets: OTHERS_BUCKETS_SECONDS, registers: [registry] });
  return (who, what, seconds) => {
    counts.labels(who, what).inc();
    times.labels(who).observe(seconds);
  };
}

function storeMetrics(
  registry: Registry,
): Pick<Metrics, "countTake" | "observeStoreCall" | "setStoreNode" | "countEvicted"> {
  const registers = [registry];
  const durations = new Histogram({
    ...described("storeCallDuration"),
    buckets: CHECK_BUCKETS_SECONDS,
    registers,
  });
  const items = new Histogram({ ...described("storeCallItems"), buckets: CALL_BUCKETS_ITEMS, registers });
  const takes = counter(registry, "storeTakes");
  const ready = gauge(registry, "storeNode");
  const evicted = counter(registry, "storeEvicted");
  return {
    countTake: (result) => takes.labels(result).inc(),
    observeStoreCall: (count, seconds) => {
      items.observe(count);
      durations.observe(seconds);
    },
    setStoreNode: (node, state) => {
      if (state === "gone") ready.remove({ node });
      else ready.set({ node }, state === "ready" ? 1 : 0);
    },
    countEvicted: () => evicted.inc(),
  };
}

function reloadMetrics(registry: Registry, partCurrent: Gauge<string>): Metrics["countReload"] {
  const reloads = counter(registry, "reloads");
  const lastReloadSuccessful = gauge(registry, "lastReloadSuccessful");
  const lastReloadSuccess = gauge(registry, "lastReloadSuccess");
  const configuration = gauge(registry, "configuration");
  const policies = gauge(registry, "policies");
  const overrides = gauge(registry, "overrides");
  const overrideEnds = gauge(registry, "overrideEnds");
  return (result, shape) => {
    reloads.inc({ result });
    const isWhole = result === "live" && (shape?.parts.values().every((part) => part === "current") ?? true);
    if (result !== "unchanged") lastReloadSuccessful.set(isWhole ? 1 : 0);
    if (shape === undefined) return;
    lastReloadSuccess.set(shape.loadedAtMs / 1_000);
    configuration.reset();
    configuration.set({ revision: shape.revision }, 1);
    policies.set({ mode: "enforce" }, shape.enforcedPolicies);
    policies.set({ mode: "shadow" }, shape.shadowPolicies);
    partCurrent.reset();
    for (const [team, state] of shape.parts) partCurrent.set({ team }, state === "current" ? 1 : 0);
    overrides.reset();
    overrideEnds.reset();
    for (const { policy, rule, mode, untilMs } of shape.overrides) {
      overrides.set({ policy, rule, mode }, 1);
      overrideEnds.set({ policy, rule }, untilMs / 1_000);
    }
  };
}

const described = (key: keyof typeof CATALOGUE) => ({
  name: CATALOGUE[key].name,
  help: CATALOGUE[key].meaning,
  labelNames: [...CATALOGUE[key].labels] as string[],
});

const counter = (registry: Registry, key: keyof typeof CATALOGUE): Counter<string> =>
  new Counter({ ...described(key), registers: [registry] });

const gauge = (registry: Registry, key: keyof typeof CATALOGUE): Gauge<string> =>
  new Gauge({ ...described(key), registers: [registry] });
