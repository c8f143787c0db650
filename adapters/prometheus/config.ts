import { z } from "zod";
import { durationMs, integer, mapping, personal, word } from "../../src/adapter/config.ts";
import type { MetricFamily } from "../../src/adapter/report.ts";

export interface PrometheusConfig {
  /** What names of presets' metrics begin with. */
  readonly prefix: string;
  /** Labels that rules add to presets' metrics. */
  readonly labels: readonly string[];
  /** What rules without preset count in, by the name that they give: families of one metric, named as it is shown. */
  readonly metrics: ReadonlyMap<string, MetricFamily>;
  readonly maxSeries: number;
  readonly maxLabelLength: number;
  readonly expireAfterMs: number;
  readonly exemplars: "kept" | "none";
}

/** What rules without preset write beside labels. */
export const METRIC_FIELD = "metric";
export const VALUE_FIELD = "value";

const PREFIXES = { istio: "istio_", weir: "weir_mesh_" } as const;

/** Envoy's bounds, which Istio has, too. Source: envoy.config.metrics.v3.StatsConfig, histogram_bucket_settings. */
const ENVOY_BUCKETS = [
  ...[0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000],
  ...[60_000, 300_000, 600_000, 1_800_000, 3_600_000],
];

/** What `istio` brings. Source: istio.io/docs/reference/config/metrics. */
const PRESET_LABELS = new Set([
  ...["reporter", "request_protocol", "response_code", "response_flags", "grpc_response_status"],
  ...[
    "connection_security_policy",
    "source_workload",
    "source_canonical_service",
    "source_canonical_revision",
  ],
  ...["source_workload_namespace", "source_principal", "source_app", "source_version", "source_cluster"],
  ...["destination_workload", "destination_workload_namespace", "destination_principal", "destination_app"],
  ...["destination_version", "destination_service", "destination_canonical_service"],
  ...["destination_canonical_revision", "destination_service_name", "destination_service_namespace"],
  "destination_cluster",
]);

const MOST_LABELS = 20;
const MOST_METRICS = 100;
const MOST_BUCKETS = 50;

const labelName = z
  .string({ error: "write the name of a label as text" })
  .regex(/^[a-zA-Z_][a-zA-Z0-9_]{0,99}$/, {
    error: "the name of a label has letters, digits and _, and begins with no digit",
  })
  .refine((name) => !name.startsWith("__"), { error: "labels that begin with __ are Prometheus' own" })
  .refine((name) => name !== "le", { error: "le is the label of a histogram's buckets: take another name" });

const labelNames = z
  .array(labelName, { error: "write a list of names of labels" })
  .max(MOST_LABELS, { error: `write at most ${MOST_LABELS} labels` })
  .refine((names) => new Set(names).size === names.length, { error: "a label is there twice" })
  .default([]);

const buckets = z
  .array(z.number({ error: "write each bound as a number" }).positive({ error: "write bounds above 0" }), {
    error: "write a list of upper bounds, such as [1, 10, 100]",
  })
  .min(1, { error: "write at least one bound" })
  .max(MOST_BUCKETS, { error: `write at most ${MOST_BUCKETS} bounds` })
  .refine((bounds) => bounds.every((bound, index) => index === 0 || bound > (bounds[index - 1] ?? bound)), {
    error: "write the bounds from the least to the greatest, each once",
  });

const helpText = z
  .string({ error: "write a sentence that says what is counted" })
  .min(1, { error: "write a sentence that says what is counted" })
  .max(1_000, { error: "write at most 1000 characters" });

const metric = mapping({
  kind: word(["counter", "histogram"]),
  help: helpText,
  labels: labelNames,
  buckets: buckets.optional(),
});

export const CONFIG: z.ZodType<PrometheusConfig> = mapping({
  names: word(["istio", "weir"]).default("weir"),
  labels: labelNames,
  metrics: z
    .record(z.string(), metric, { error: "write a mapping from names of metrics to what they are" })
    .default({}),
  maxSeries: integer(1, 200_000).default(20_000),
  maxLabelLength: integer(64, 4_096).default(256),
  expireAfter: durationMs(60_000, 30 * 86_400_000).optional(),
  exemplars: z.boolean({ error: "write true or false" }).default(true),
  personal: personal(),
}).transform((written, context): PrometheusConfig => {
  const complain = (path: readonly (string | number)[], message: string): void =>
    context.addIssue({ code: "custom", message, path: [...path] });
  for (const [index, label] of written.labels.entries()) {
    if (PRESET_LABELS.has(label)) {
      complain(["labels", index], `metrics of the preset istio have a label ${label}: take another name`);
    }
  }
  const declared = Object.entries(written.metrics);
  if (declared.length > MOST_METRICS) complain(["metrics"], `write at most ${MOST_METRICS} metrics`);
  const prefix = PREFIXES[written.names];
  const shown = new Set<string>();
  for (const [name, one] of declared) {
    const message = complaintOf(name, one, prefix) ?? (shown.has(baseName(name)) ? TWICE : undefined);
    if (message !== undefined) complain(["metrics", name], message);
    shown.add(baseName(name));
  }
  return {
    prefix,
    labels: written.labels,
    metrics: new Map(declared.map(([name, one]) => [name, familyOf(name, one)])),
    maxSeries: written.maxSeries,
    maxLabelLength: written.maxLabelLength,
    expireAfterMs: written.expireAfter ?? 3_600_000,
    exemplars: written.exemplars ? "kept" : "none",
  };
});

type WrittenMetric = z.infer<typeof metric>;

const TWICE = "another metric has this name, but for _total: take another name";

/** Without what counters end in. */
export const baseName = (name: string): string => name.replace(/_total$/, "");

function complaintOf(
  name: string,
  { kind, labels, buckets }: WrittenMetric,
  prefix: string,
): string | undefined {
  if (!/^[a-zA-Z_][a-zA-Z0-9_]{0,199}$/.test(name)) {
    return "the name of a metric has letters, digits and _, and begins with no digit";
  }
  if (name.startsWith(prefix))
    return `names that begin with ${prefix} are those of presets: take another name`;
  if (/_(bucket|sum|count|created|info)$/.test(baseName(name))) {
    return "_bucket, _sum, _count, _created and _info at the end mean something to Prometheus: take another name";
  }
  if (kind === "histogram" && name.endsWith("_total")) return "_total is how counters end: take another name";
  if (kind === "counter" && buckets !== undefined) return "buckets go with kind: histogram";
  const taken = labels.find((label) => label === METRIC_FIELD || label === VALUE_FIELD);
  if (taken === undefined) return undefined;
  return `${taken} in a rule's with is no label but says what is counted: take another name for the label`;
}

const familyOf = (
  name: string,
  { kind, help, labels, buckets = ENVOY_BUCKETS }: WrittenMetric,
): MetricFamily => ({
  id: name,
  labels,
  metrics: [{ name, help, kind, bounds: kind === "counter" ? [] : buckets }],
});
