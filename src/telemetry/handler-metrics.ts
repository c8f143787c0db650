import { Counter, Gauge, type Registry } from "@prometheus-io/client";
import type { HostMetrics } from "../adapter/host.ts";

/**
 * Lends metrics to handlers: `weir_<adapter>_<name>` with a label `handler`, registered when the first handler of its kind declares
 * it. A handler that is made anew under the same name goes on in the same series.
 */
export function handlerMetrics(registry: Registry): (adapter: string, handler: string) => HostMetrics {
  const readers = new Map<string, Map<string, () => number>>();
  const fullName = (adapter: string, name: string): string => `weir_${adapter.replaceAll("-", "_")}_${name}`;
  return (adapter, handler) => ({
    counter: ({ name: short, help, labels = [] }) => {
      const name = fullName(adapter, short);
      const known = registry.getSingleMetric(name);
      const counter =
        known instanceof Counter
          ? known
          : new Counter<string>({ name, help, labelNames: ["handler", ...labels], registers: [registry] });
      // What has not happened yet is told as 0, so that its first time is seen to be a growth.
      if (labels.length === 0) counter.labels(handler).inc(0);
      return (by, ...values) => counter.labels(handler, ...values).inc(by);
    },
    gauge: ({ name: short, help }, read) => {
      const name = fullName(adapter, short);
      const byHandler = readers.get(name) ?? new Map<string, () => number>();
      byHandler.set(handler, read);
      if (readers.has(name)) return;
      readers.set(name, byHandler);
      new Gauge<string>({
        name,
        help,
        labelNames: ["handler"],
        registers: [registry],
        collect() {
          for (const [label, one] of byHandler) this.set({ handler: label }, one());
        },
      });
    },
  });
}
