import { Counter, Gauge, Histogram, type Registry } from "@prometheus-io/client";
import type { BatchResult } from "../host/attempts.ts";
import type { HandlerAccount, ReportAccount } from "./report-account.ts";
import { REPORT_CATALOGUE } from "./report-catalogue.ts";

/** What of the report path is timed and not kept in its account. */
export interface ReportTimes {
  observeBatch(handler: string, result: BatchResult, seconds: number): void;
}

type Key = keyof typeof REPORT_CATALOGUE;

/** A value with the values of its labels. */
type Row = readonly [labels: readonly string[], value: number];

// A handler that keeps things in memory answers at once; others answer like back-ends.
const DELIVERY_BUCKETS_SECONDS = [0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Shows an account at every scrape. */
export function reportMetrics(registry: Registry, account: ReportAccount): ReportTimes {
  const ofHandlers = (value: (one: HandlerAccount) => number) => (): readonly Row[] =>
    Array.from(account.handlers, ([name, one]) => [[name], value(one)]);
  counts(registry, "reportReceived", () => account.received.entries());
  counts(registry, "reportInvalid", () => account.invalid.entries());
  counts(registry, "reportShed", () => account.shed.entries());
  counts(registry, "reportMissing", () => account.missing.entries());
  counts(registry, "reportSkewed", () => account.skewed.entries());
  counts(registry, "reportUnwanted", () => [[[], account.unwanted]]);
  shows(registry, "reportConnections", () => [[[], account.connections.size]]);
  counts(registry, "reportConnectionsExpired", () => [[[], account.connectionsExpired]]);
  counts(registry, "reportConnectionsFull", () => [[[], account.connectionsFull]]);
  counts(registry, "reportRecords", () => recordsOf(account));
  counts(registry, "reportDropped", () =>
    Array.from(account.handlers).flatMap(([name, { dropped }]) =>
      dropped.entries().map(([[reason], sum]): Row => [[name, reason], sum]),
    ),
  );
  counts(
    registry,
    "reportEntriesUnwanted",
    ofHandlers((one) => account.unwantedBy(one)),
  );
  counts(
    registry,
    "reportAdditional",
    ofHandlers(({ additional }) => additional),
  );
  shows(registry, "reportStreams", () => account.streams.entries());
  shows(
    registry,
    "reportQueued",
    ofHandlers(({ queued }) => queued.count),
  );
  shows(
    registry,
    "reportCapacity",
    ofHandlers(({ queued }) => queued.capacity),
  );
  const batches = new Counter({ ...described("reportBatches"), registers: [registry] });
  const buckets = DELIVERY_BUCKETS_SECONDS;
  const seconds = new Histogram({ ...described("reportDelivery"), buckets, registers: [registry] });
  return {
    observeBatch(handler, result, took) {
      batches.labels(handler, result).inc();
      seconds.labels(handler).observe(took);
    },
  };
}

const recordsOf = ({ handlers }: ReportAccount): readonly Row[] =>
  Array.from(handlers).flatMap(([name, { sampledOut, delivered, dropped }]): readonly Row[] => [
    [[name, "sampled_out"], sampledOut],
    [[name, "delivered"], delivered],
    [[name, "dropped"], dropped.sum],
  ]);

/** A counter whose sums are kept elsewhere, and never fall. */
function counts(registry: Registry, key: Key, read: () => readonly Row[]): void {
  const told = new Map<string, number>();
  const counter: Counter<string> = new Counter<string>({
    ...described(key),
    registers: [registry],
    collect() {
      for (const [labels, sum] of read()) {
        const id = labels.join("\n");
        counter.labels(...labels).inc(Math.max(0, sum - (told.get(id) ?? 0)));
        told.set(id, sum);
      }
    },
  });
}

function shows(registry: Registry, key: Key, read: () => readonly Row[]): void {
  const gauge: Gauge<string> = new Gauge<string>({
    ...described(key),
    registers: [registry],
    collect() {
      for (const [labels, value] of read()) gauge.labels(...labels).set(value);
    },
  });
}

const described = (key: Key) => ({
  name: REPORT_CATALOGUE[key].name,
  help: REPORT_CATALOGUE[key].meaning,
  labelNames: [...REPORT_CATALOGUE[key].labels] as string[],
});
