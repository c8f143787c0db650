import type { Handler } from "../adapter/adapter.ts";
import type { HostLog } from "../adapter/host.ts";
import { DeliveryQueue } from "../host/delivery.ts";
import type { ConfiguredHandler } from "../policy/handlers.ts";
import type { Metrics } from "../telemetry/metrics.ts";

/** Where it is counted what becomes of records. */
export type QueueWorld = Pick<Metrics, "report" | "observeBatch">;

/** The queue of one handler, counted in the account of its name; undefined where it takes no records. */
export function openQueue(
  { name, queue: settings }: ConfiguredHandler,
  handler: Handler,
  log: HostLog,
  { report: account, observeBatch }: QueueWorld,
): DeliveryQueue | undefined {
  if (settings === undefined || handler.report === undefined) return undefined;
  const own = account.of(name);
  const queue: DeliveryQueue = new DeliveryQueue({
    report: handler.report.bind(handler),
    settings,
    log,
    events: {
      delivered: (records) => {
        own.delivered += records;
      },
      dropped: (reason, records) => own.dropped.add(records, reason),
      batch: (result, seconds) => observeBatch(name, result, seconds),
      closed: () => own.queues.delete(queue),
    },
  });
  own.queues.add(queue);
  return queue;
}
