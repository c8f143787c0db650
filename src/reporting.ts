import type { Settler } from "./limits/settle.ts";
import { accessLog } from "./report/access-log.ts";
import { Connections } from "./report/connections.ts";
import { decideEntry, type Presets } from "./report/decide.ts";
import { istioPreset } from "./report/istio.ts";
import { reportService, type ReportService } from "./report/service.ts";
import { settling } from "./report/settling.ts";
import { exchangeOf } from "./report/trace.ts";
import type { Outside } from "./runtime/outside.ts";
import type { Runtime } from "./runtime/runtime.ts";
import type { Metrics } from "./telemetry/metrics.ts";

/** What access logs are taken in with. */
export interface ReportingParts {
  readonly metrics: Metrics;
  readonly runtime: Pick<Runtime, "live">;
  readonly outside: Pick<Outside, "digest">;
  readonly settler: Settler;
  /** Told of what was thrown; `what` was being done. */
  readonly onError: (error: unknown, what: string) => void;
}

/** Connections and requests that go on and of which something is counted already, at most: some 200 bytes each. */
const MOST_CONNECTIONS = 500_000;
/** Envoy tells of them every few seconds, where it does so at all, and closes what is idle for an hour. */
const IDLE_MS = 2 * 3_600_000;

export function openReporting({
  metrics,
  runtime,
  outside,
  settler,
  onError,
}: ReportingParts): ReportService {
  const { report: account } = metrics;
  const connections = new Connections({
    most: MOST_CONNECTIONS,
    idleMs: IDLE_MS,
    onExpired: () => account.connectionsExpired++,
    onFull: () => account.connectionsFull++,
  });
  account.connections = connections;
  const presets: Presets = {
    istio: istioPreset(),
    "access-log": accessLog,
    trace: exchangeOf,
  };
  const { digest } = outside;
  const onMissing = (policy: string, rule: string, what: string): void =>
    account.missing.add(1, policy, rule, what);
  return reportService({
    live: () => runtime.live,
    account,
    count: (entry, nowMs) => connections.count(entry, nowMs),
    decide: (entry, counted, { reporting }) =>
      decideEntry(entry, counted, { reporting, presets, digest, onMissing }),
    settle: settling({
      settler,
      onDropped: () => metrics.countSettlement({ policy: "", quota: "" }, "dropped"),
      onError: (error) => onError(error, "settling"),
    }),
    nowMs: Date.now,
    onError: (error) => onError(error, "StreamAccessLogs"),
  });
}
