import { collectDefaultMetrics, Counter, Gauge, Registry } from "@prometheus-io/client";
import { CATALOGUE } from "./catalogue.ts";
import { plainHistogram, tallied } from "./tally.ts";

/** Weir's own metrics, and how they are written for a scrape. */
export interface Metrics {
  countCheck(policy: string, rule: string, verdict: string): void;
  observeCheck(seconds: number): void;
  countShadow(policy: string, rule: string, verdict: string): void;
  countShadowDropped(): void;
  countInternalError(method: string): void;
  /** `shape` describes the snapshot that is live after the attempt. */
  countReload(result: "live" | "unchanged" | "refused", shape: ConfigurationShape | undefined): void;
  /** The exposition text and its media type. */
  render(): Promise<{ readonly contentType: string; readonly text: string }>;
}

export interface ConfigurationShape {
  readonly revision: string;
  readonly loadedAtMs: number;
  readonly enforcedPolicies: number;
  readonly shadowPolicies: number;
}

// A check takes tens of microseconds; Envoy's default patience is 200 ms.
const CHECK_BUCKETS_SECONDS = [
  0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25,
];

/** Nothing is global: each call has a registry of its own. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const shadowDropped = counter(registry, "shadowDropped");
  const internalErrors = counter(registry, "internalErrors");
  const { name, help } = described("checkDuration");
  const checkDuration = plainHistogram(name, help, CHECK_BUCKETS_SECONDS);
  const countReload = reloadMetrics(registry);
  collectDefaultMetrics({ register: registry });
  return {
    countCheck: tallied({ ...described("checks"), registers: [registry] }),
    observeCheck: (seconds) => checkDuration.add(seconds),
    countShadow: tallied({ ...described("shadowDecisions"), registers: [registry] }),
    countShadowDropped: () => shadowDropped.inc(),
    countInternalError: (method) => internalErrors.inc({ method }),
    countReload,
    render: async () => ({
      contentType: registry.contentType,
      text: `${(await registry.metrics()).trimEnd()}\n${checkDuration.text()}`,
    }),
  };
}

function reloadMetrics(registry: Registry): Metrics["countReload"] {
  const reloads = counter(registry, "reloads");
  const lastReloadSuccessful = gauge(registry, "lastReloadSuccessful");
  const lastReloadSuccess = gauge(registry, "lastReloadSuccess");
  const configuration = gauge(registry, "configuration");
  const policies = gauge(registry, "policies");
  return (result, shape) => {
    reloads.inc({ result });
    if (result !== "unchanged") lastReloadSuccessful.set(result === "live" ? 1 : 0);
    if (shape === undefined) return;
    lastReloadSuccess.set(shape.loadedAtMs / 1_000);
    configuration.reset();
    configuration.set({ revision: shape.revision }, 1);
    policies.set({ mode: "enforce" }, shape.enforcedPolicies);
    policies.set({ mode: "shadow" }, shape.shadowPolicies);
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
