import type { HostMetrics } from "../../src/adapter/host.ts";

/** For handlers whose metrics nobody looks at. */
export const NO_METRICS: HostMetrics = { counter: () => () => undefined, gauge: () => undefined };
