import { ValueType, type Attributes } from "@opentelemetry/api";
import { AggregationTemporality, DataPointType, type MetricData } from "@opentelemetry/sdk-metrics";
import type { Measurement, MetricShape } from "../../src/adapter/report.ts";
import { attributesOf, timeOf } from "./values.ts";

/** From the end of what was sent before to the end of what is sent now, in epoch milliseconds. */
export interface Period {
  readonly fromMs: number;
  readonly toMs: number;
}

interface Bins {
  readonly counts: number[];
  sum: number;
  count: number;
}

interface LabelSet {
  readonly attributes: Attributes;
  /** By position of the family's metrics: what a counter grew by, or what a histogram observed; undefined: nothing. */
  readonly values: (number | Bins | undefined)[];
}

/** What the measurements of one batch come to: one point for each label set and metric, of what it grew by (delta temporality). */
export function metricsOf(
  measurements: readonly Measurement[],
  prefix: string,
  period: Period,
): readonly MetricData[] {
  const byFamily = Map.groupBy(measurements, ({ family }) => family);
  return [...byFamily].flatMap(([family, ofFamily]) => {
    const sets = labelSets(ofFamily);
    return family.metrics.flatMap((shape, index): readonly MetricData[] => {
      const points = sets.flatMap(({ attributes, values }) => {
        const value = values[index];
        return value === undefined ? [] : [{ attributes, value }];
      });
      return points.length === 0 ? [] : [metricOf(shape, prefix + shape.name, points, period)];
    });
  });
}

function labelSets(measurements: readonly Measurement[]): readonly LabelSet[] {
  const sets = new Map<string, LabelSet>();
  for (const { family, labels, added, values } of measurements) {
    const key = JSON.stringify([labels, [...added]]);
    let set = sets.get(key);
    if (set === undefined) {
      const named = new Map(family.labels.map((name, index) => [name, labels[index] ?? ""]));
      set = { attributes: attributesOf(named, added), values: family.metrics.map(() => undefined) };
      sets.set(key, set);
    }
    for (const [index, shape] of family.metrics.entries()) {
      const value = values[index];
      if (value !== undefined) set.values[index] = grown(set.values[index], value, shape);
    }
  }
  return [...sets.values()];
}

function grown(
  before: number | Bins | undefined,
  value: number,
  { kind, bounds }: MetricShape,
): number | Bins {
  if (kind === "counter") return (typeof before === "number" ? before : 0) + value;
  const bins =
    typeof before === "object" ? before : { counts: [...bounds.map(() => 0), 0], sum: 0, count: 0 };
  // Bounds are inclusive above (OpenTelemetry's metrics data model, Histogram).
  const found = bounds.findIndex((bound) => value <= bound);
  const at = found === -1 ? bounds.length : found;
  bins.counts[at] = (bins.counts[at] ?? 0) + 1;
  bins.sum += value;
  bins.count++;
  return bins;
}

interface Point {
  readonly attributes: Attributes;
  readonly value: number | Bins;
}

function metricOf(shape: MetricShape, name: string, points: readonly Point[], period: Period): MetricData {
  const times = { startTime: timeOf(period.fromMs), endTime: timeOf(period.toMs) };
  const common = {
    descriptor: { name, description: shape.help, unit: "", valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.DELTA,
  };
  if (shape.kind === "counter") {
    return {
      ...common,
      dataPointType: DataPointType.SUM,
      isMonotonic: true,
      dataPoints: points.flatMap(({ attributes, value }) =>
        typeof value === "number" ? [{ ...times, attributes, value }] : [],
      ),
    };
  }
  const boundaries = [...shape.bounds];
  return {
    ...common,
    dataPointType: DataPointType.HISTOGRAM,
    dataPoints: points.flatMap(({ attributes, value }) =>
      typeof value === "number"
        ? []
        : [
            {
              ...times,
              attributes,
              value: { buckets: { boundaries, counts: value.counts }, sum: value.sum, count: value.count },
            },
          ],
    ),
  };
}
