import assert from "node:assert/strict";
import { signer } from "../../src/host/signer.ts";
import { compileConfiguration, type World } from "../../src/policy/compile.ts";
import { printDiagnostic } from "../../src/policy/diagnostic.ts";
import { TopKeys } from "../../src/limits/top-keys.ts";
import { loadFiles } from "../../src/policy/load.ts";
import type { Snapshot } from "../../src/policy/snapshot.ts";
import type { QuotaHost, QuotaService } from "../../src/quota/service.ts";
import { quotaService } from "../../src/quota/service.ts";
import type { Take, Taken } from "../../src/store/counter.ts";
import { MemoryStore } from "../../src/store/memory.ts";
import { createMetrics, type Metrics } from "../../src/telemetry/metrics.ts";
import {
  RateLimitRequest,
  RateLimitResponse,
  RateLimitResponse_Code as Code,
} from "../../src/wire/envoy/service/ratelimit/v3/rls.ts";

/** A moment in the middle of no window but the second's: 2026-01-01T00:00:10Z. */
export const NOW_MS = 1_767_225_610_000;

/** A domain with one descriptor of every kind. */
export const SHOP = `
domain: shop
descriptors:
  - { key: m20, rate_limit: { unit: minute, requests_per_unit: 20 } }
  - { key: h10, rate_limit: { unit: HOUR, requests_per_unit: 10 } }
  - { key: none, rate_limit: { unit: minute, requests_per_unit: 0 } }
  - { key: free, rate_limit: { unlimited: true } }
  - { key: shadow, shadow_mode: true, rate_limit: { unit: minute, requests_per_unit: 1 } }
  - { key: named, rate_limit: { name: basic, unit: minute, requests_per_unit: 1 } }
  - { key: premium, rate_limit: { unit: minute, requests_per_unit: 5, replaces: [{ name: basic }] } }
  - { key: q1, quota_mode: true, rate_limit: { unit: minute, requests_per_unit: 1 } }
  - { key: q2, quota_mode: true, rate_limit: { unit: minute, requests_per_unit: 2 } }
  - key: two
    limits:
      - { unit: second, requests_per_unit: 2 }
      - { unit: minute, multiplier: 15, requests_per_unit: 3 }
  - { key: slide, rate_limit: { unit: minute, requests_per_unit: 2, algorithm: sliding } }
  - { key: bucket, rate_limit: { unit: minute, requests_per_unit: 60, algorithm: bucket, burst: 2 } }
  - { key: week, rate_limit: { unit: week, requests_per_unit: 1 } }
  - { key: month, rate_limit: { unit: month, requests_per_unit: 1 } }
  - { key: year, rate_limit: { unit: year, requests_per_unit: 1 } }
  - { key: local, onError: local, rate_limit: { unit: minute, requests_per_unit: 3 } }
  - { key: allow, onError: allow, rate_limit: { unit: minute, requests_per_unit: 3 } }
  - { key: deny, onError: deny, rate_limit: { unit: minute, requests_per_unit: 3 } }
`;

/** Files of rate limits, compiled. */
export function snapshotOf(files: readonly string[], world: Partial<World> = {}): Snapshot {
  const loaded = loadFiles(files.map((text, index) => ({ path: `${index}.yaml`, text })));
  const all: World = { adapters: [], nowMs: NOW_MS, stance: "enforce", ...world };
  const { snapshot, diagnostics } = compileConfiguration(loaded, "r", all);
  assert.ok(snapshot, diagnostics.map(printDiagnostic).join("\n"));
  return snapshot;
}

/** Entries of one descriptor, as `key=value`, with whatever else it says. */
export interface Descriptor {
  readonly entries: readonly string[];
  readonly hits?: number | bigint;
  readonly refund?: true;
  readonly limit?: { readonly requestsPerUnit: number; readonly unit: number };
}

const isList = (value: Descriptor | readonly string[]): value is readonly string[] => Array.isArray(value);

/** The message of a request. */
export function rateLimitRequest(
  domain: string,
  descriptors: readonly (Descriptor | readonly string[])[],
  hitsAddend = 0,
): Buffer {
  const message = RateLimitRequest.fromPartial({
    domain,
    hitsAddend,
    descriptors: descriptors.map((one) => {
      const { entries, hits, refund, limit }: Descriptor = isList(one) ? { entries: one } : one;
      return {
        entries: entries.map((entry) => {
          const at = entry.indexOf("=");
          return { key: entry.slice(0, at), value: entry.slice(at + 1) };
        }),
        hitsAddend: hits === undefined ? undefined : BigInt(hits),
        isNegativeHits: refund ?? false,
        limit: limit as never,
      };
    }),
  });
  return Buffer.from(RateLimitRequest.encode(message).finish());
}

/** What was answered, in short: `over 0/20 20s`, `ok 5/10 minute`, or a status of gRPC. */
export interface Told {
  readonly overall: string;
  readonly statuses: readonly string[];
  readonly message: RateLimitResponse | undefined;
}

/** Signs the tokens of late costs. */
export const SIGNER = signer(() => ["a key of a test"]);

/** A service over memory, whose time stands still but for what a test does. */
export interface Server {
  nowMs: number;
  /** What the store says in place of counting, if it does. */
  failing: Taken | undefined;
  /** What the caller may do. */
  rights: Parameters<QuotaService["shouldRateLimit"]>[2];
  readonly metrics: Metrics;
  readonly topKeys: TopKeys;
  readonly stores: QuotaHost["stores"];
  readonly taken: Take[];
  /** What became of late costs, a text each. */
  readonly settled: string[];
  readonly store: ReturnType<QuotaHost["stores"]["store"]>;
  ask(
    domain: string,
    descriptors: readonly (Descriptor | readonly string[])[],
    hitsAddend?: number,
  ): Promise<Told>;
  answer(request: Buffer, deadlineAtMs?: number): Promise<Told>;
}

export function serve(snapshot: Snapshot | undefined, options: Partial<QuotaHost["stores"]> = {}): Server {
  const metrics = createMetrics();
  const taken: Take[] = [];
  const settled: string[] = [];
  const memory = () => new MemoryStore({ nowMs: () => server.nowMs, maxCounters: 100_000 });
  const counted = memory();
  const store: ReturnType<QuotaHost["stores"]["store"]> = {
    division: "whole",
    groupOf: () => 0,
    take: (take) => {
      taken.push(take);
      return server.failing ?? counted.take(take);
    },
    settle: (settlement) => counted.settle(settlement),
    reset: (counter) => counted.reset(counter),
    status: () => counted.status(),
    close: () => counted.close(),
  };
  const stores = { store: () => store, local: memory(), replicas: () => 1, ...options };
  const topKeys = new TopKeys();
  const service = quotaService({
    live: () => snapshot && { snapshot },
    stores,
    topKeys,
    settler: {
      store: () => store,
      signer: SIGNER,
      live: () => snapshot,
      nowMs: () => server.nowMs,
      onSettled: ({ policy, quota }, result) => void settled.push(`${policy}/${quota} ${result}`),
    },
    nowMs: () => server.nowMs,
    metrics,
  });
  const server: Server = {
    nowMs: NOW_MS,
    failing: undefined,
    rights: "may refund",
    ...{ metrics, topKeys, stores },
    taken,
    settled,
    store,
    ask: (domain, descriptors, hitsAddend) =>
      server.answer(rateLimitRequest(domain, descriptors, hitsAddend)),
    async answer(request, deadlineAtMs = Infinity) {
      const outcome = await service.shouldRateLimit(request, deadlineAtMs, server.rights);
      if (!(outcome instanceof Uint8Array))
        return { overall: `${outcome.code}: ${outcome.details}`, statuses: [], message: undefined };
      const message = RateLimitResponse.decode(outcome);
      return { overall: codeOf(message.overallCode), statuses: message.statuses.map(shown), message };
    },
  };
  return server;
}

const codeOf = (code: Code): string =>
  code === Code.OK ? "ok" : code === Code.OVER_LIMIT ? "over" : "UNKNOWN";

function shown({
  code,
  currentLimit,
  limitRemaining,
  durationUntilReset,
}: RateLimitResponse["statuses"][number]): string {
  const reset = durationUntilReset === undefined ? "" : ` ${durationUntilReset.seconds}s`;
  const limit = currentLimit === undefined ? "" : `/${currentLimit.requestsPerUnit}`;
  return `${codeOf(code)} ${limitRemaining}${limit}${reset}`;
}
