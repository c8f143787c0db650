import type { ReportUse } from "../../src/adapter/report.ts";
import { METRIC_FIELD, VALUE_FIELD, type PrometheusConfig } from "./config.ts";

/** Why the handler cannot take what a rule sends it, as a sentence with what to do; undefined where it can. */
export function complaintOf(config: PrometheusConfig, { preset, fields }: ReportUse): string | undefined {
  if (preset !== undefined) return aboutPreset(config, fields);
  const name = fields.get(METRIC_FIELD);
  const declared = listed(config.metrics.keys(), "none");
  const declare = "declare it under metrics in the handler's config";
  if (!fields.has(METRIC_FIELD)) {
    return `without preset, with: has to say which metric: write metric: and a name of the handler's metrics (${declared})`;
  }
  const families = name === undefined ? [...config.metrics.values()] : [config.metrics.get(name)];
  const known = families.filter((family) => family !== undefined);
  if (known.length === 0) {
    return `the handler has no metric ${name ?? ""}: ${declare}, or name one of those that it has (${declared})`;
  }
  const value = fields.get(VALUE_FIELD);
  if (value !== undefined && !isAmount(value)) {
    return `value is what is counted: write a number that is not below 0, or an expression, in the place of "${value}"`;
  }
  const labels = new Set(known.flatMap((family) => family.labels));
  const others = [...fields.keys()].filter((field) => field !== METRIC_FIELD && field !== VALUE_FIELD);
  const strange = others.find((field) => !labels.has(field));
  if (strange === undefined) return undefined;
  const whose = name === undefined ? "no metric of the handler has" : `the metric ${name} does not have`;
  return `${whose} the label ${strange}: add it to the metric's labels in the handler's config, or take it out of with: (it has ${listed(labels, "none")})`;
}

function aboutPreset({ labels }: PrometheusConfig, fields: ReportUse["fields"]): string | undefined {
  const strange = [...fields.keys()].find((field) => !labels.includes(field));
  if (strange === undefined) return undefined;
  return `the handler adds no label ${strange} to its metrics: add it to labels in the handler's config, or take it out of with: (it adds ${listed(labels, "none")})`;
}

/** Whether a text is a number that can be counted. */
export const isAmount = (text: string): boolean =>
  /^\d+(\.\d+)?([eE][+-]?\d{1,3})?$/.test(text) && Number.isFinite(Number(text));

const listed = (names: Iterable<string>, none: string): string => [...names].join(", ") || none;
