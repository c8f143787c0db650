import type { ReportRecord } from "../../src/adapter/report.ts";
import { DeliveryQueue, type DeliveryOptions, type QueueSettings } from "../../src/host/delivery.ts";
import { Connections } from "../../src/report/connections.ts";
import type { Wanted } from "../../src/report/decide.ts";
import type { ReportHost } from "../../src/report/entry.ts";
import { reportService, type ReportService } from "../../src/report/service.ts";
import { ReportAccount } from "../../src/telemetry/report-account.ts";
import { snapshotOf } from "../check/fixture.ts";

/** What a handler of a test does with a batch. */
export type Report = DeliveryOptions["report"];

const SETTINGS: QueueSettings = { capacity: 1_000, batch: 10, waitMs: 20, deadlineMs: 1_000 };

/** A record whose rule is the stream id of its entry. */
export const recordOf = (streamId: string): ReportRecord => ({
  ...{ kind: "fields", rule: streamId, observedAtMs: 0, added: new Map(), trace: undefined },
  ...{ timeMs: undefined, severity: "info", fields: new Map() },
});

export interface TestReports {
  readonly account: ReportAccount;
  readonly service: ReportService;
  readonly errors: unknown[];
  readonly settled: string[];
  /** Stream ids of what a handler was given, in order. */
  readonly given: (handler: string) => readonly string[];
  readonly close: (drainMs: number) => Promise<void>;
}

export interface TestOptions {
  /** By the handlers' names. */
  readonly handlers: Readonly<Record<string, Report>>;
  /** Without it, every handler wants every entry once. */
  readonly decide?: ReportHost["decide"];
  readonly settings?: Partial<QueueSettings>;
  readonly maxWaitingBytes?: number;
  readonly random?: () => number;
}

/** The report path with handlers of a test, and real queues before them. */
export function testReports({
  handlers,
  decide,
  settings,
  maxWaitingBytes,
  random,
}: TestOptions): TestReports {
  const account = new ReportAccount();
  const errors: unknown[] = [];
  const settled: string[] = [];
  const given = new Map<string, string[]>();
  const log = { info: () => undefined, warn: () => undefined };
  const queues = Object.entries(handlers).map(([name, report]) => {
    const own = account.of(name);
    const seen: string[] = [];
    given.set(name, seen);
    const queue = new DeliveryQueue({
      report: (batch, call) => {
        seen.push(...batch.flatMap((one) => (one.kind === "fields" ? [one.rule] : [])));
        return report(batch, call);
      },
      settings: { ...SETTINGS, ...settings },
      log,
      ...(random === undefined ? {} : { random }),
      events: {
        delivered: (records) => {
          own.delivered += records;
        },
        dropped: (reason, records) => own.dropped.add(records, reason),
        batch: () => undefined,
      },
    });
    own.queues.add(queue);
    return [name, { queue }] as const;
  });
  const live = { snapshot: snapshotOf(), handlers: new Map(queues) };
  const keeping = { most: 100, idleMs: 60_000, onExpired: () => undefined, onFull: () => undefined };
  const connections = new Connections(keeping);
  const everything = (entry: Parameters<ReportHost["decide"]>[0]): readonly Wanted[] =>
    queues.map(([handler]) => ({ handler, outcome: recordOf(entry.facts.streamId) }));
  const host: ReportHost = {
    live: () => live,
    account,
    count: (entry, nowMs) => connections.count(entry, nowMs),
    decide: decide ?? everything,
    settle: (tokens) => settled.push(...tokens),
    nowMs: Date.now,
    onError: (error) => errors.push(error),
  };
  return {
    ...{ account, errors, settled },
    service: reportService(host, maxWaitingBytes),
    given: (handler) => given.get(handler) ?? [],
    close: async (drainMs) => {
      await Promise.all(queues.map(([, { queue }]) => queue.close(drainMs)));
    },
  };
}
