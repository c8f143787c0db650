import type { Format } from "./negotiate.ts";
import { asBytes, type SliceWriter } from "./slice-writer.ts";
import { bucketOf, lastOf, type Exemplar, type Slot, type Table } from "./table.ts";

/** One metric of a table, and under which name it is shown; that of a counter is without `_total`. */
export interface Shown {
  readonly name: string;
  readonly table: Table;
  readonly slot: Slot;
}

/** Beside its labels a line has a value, and perhaps an exemplar. */
const MOST_LINE_BYTES = 256;

/**
 * Writes the lines of one metric, a label set at a time. The labels are put together once a label set and copied from line to line.
 *
 * Sources: prometheus.io/docs/instrumenting/exposition_formats; prometheus.io/docs/specs/om.
 */
export class MetricLines {
  readonly #shown: Shown;
  readonly #format: Format;
  /** `0.5"} `, a bucket after the other. */
  readonly #bounds: readonly string[];
  readonly #lines: number;

  constructor(shown: Shown, format: Format) {
    const { kind, bounds } = shown.slot.metric;
    this.#shown = shown;
    this.#format = format;
    this.#bounds = [...bounds, Infinity].map((bound) => `${boundText(bound, format)}"} `);
    this.#lines = kind === "counter" ? 1 : bounds.length + 3;
  }

  /** How many bytes `write` writes at most. */
  mostBytes(row: number): number {
    const { name, table } = this.#shown;
    return this.#lines * (table.sets.textLength(row) + name.length + MOST_LINE_BYTES);
  }

  /** Writes what a label set has; nothing where nothing was ever observed, or the row is nobody's. */
  write(row: number, writer: SliceWriter): void {
    const { table, slot } = this.#shown;
    if (table.sets.at(row) === undefined) return;
    const last = table.numbersOf(row)[table.rowStart(row) + lastOf(slot)] ?? Number.NaN;
    if (Number.isNaN(last)) return;
    if (slot.metric.kind === "counter") this.#writeCounter(row, last, writer);
    else this.#writeHistogram(row, last, writer);
  }

  #writeCounter(row: number, value: number, writer: SliceWriter): void {
    const { name, table, slot } = this.#shown;
    writer.text(`${name}_total{`);
    writer.at = table.sets.write(row, writer.bytes, writer.at);
    const newest =
      this.#format === "text"
        ? undefined
        : table.exemplarsOf(row).findLast(({ values }) => values[slot.index] !== undefined);
    writer.text(`} ${valueText(value)}${exemplarText(newest, slot)}\n`);
  }

  #writeHistogram(row: number, sum: number, writer: SliceWriter): void {
    const { name, table, slot } = this.#shown;
    const numbers = table.numbersOf(row);
    const from = table.rowStart(row) + slot.at;
    const exemplars = this.#exemplars(row);
    const start = writer.at;
    writer.text(`${name}_bucket{`);
    const labels = writer.at;
    const behind = (writer.at = table.sets.write(row, writer.bytes, writer.at));
    writer.text(behind > labels ? ',le="' : 'le="');
    const end = writer.at;
    let count = 0;
    for (let bucket = 0; bucket < this.#bounds.length; bucket++) {
      if (bucket > 0) writer.again(start, end);
      count += numbers[from + bucket] ?? 0;
      const exemplar = exemplars === undefined ? "" : exemplarText(exemplars[bucket], slot);
      writer.text(`${this.#bounds[bucket] ?? ""}${valueText(count)}${exemplar}\n`);
    }
    writer.text(`${name}_sum{`);
    writer.again(labels, behind);
    writer.text(`} ${valueText(sum)}\n${name}_count{`);
    writer.again(labels, behind);
    writer.text(`} ${valueText(count)}\n`);
  }

  /** The newest of each bucket; undefined where there are none. */
  #exemplars(row: number): readonly (Exemplar | undefined)[] | undefined {
    const { table, slot } = this.#shown;
    const kept = this.#format === "text" ? [] : table.exemplarsOf(row);
    if (kept.length === 0) return undefined;
    const byBucket: (Exemplar | undefined)[] = [];
    for (const exemplar of kept) {
      const value = exemplar.values[slot.index];
      if (value !== undefined) byBucket[bucketOf(slot.metric.bounds, value)] = exemplar;
    }
    return byBucket;
  }
}

/** The lines before a metric's samples. */
export function headText(metric: { name: string; help: string; kind: string }, format: Format): string {
  const help = metric.help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  const isText = format === "text";
  const name = isText && metric.kind === "counter" ? `${metric.name}_total` : metric.name;
  const written = isText ? help : help.replaceAll('"', '\\"');
  return asBytes(`# HELP ${name} ${written}\n# TYPE ${name} ${metric.kind}\n`);
}

const valueText = (value: number): string => (value === Infinity ? "+Inf" : String(value));

/** The text format has numbers as they come; OpenMetrics wants them as Go writes floats, which is what Prometheus 3 makes of all. */
function boundText(bound: number, format: Format): string {
  if (bound === Infinity || format === "text") return valueText(bound);
  if (bound >= 1e6 || (bound < 1e-4 && bound > 0)) {
    return bound.toExponential().replace(/e([+-])(\d)$/, "e$10$2");
  }
  return Number.isInteger(bound) ? `${bound}.0` : String(bound);
}

function exemplarText(exemplar: Exemplar | undefined, { index }: Slot): string {
  if (exemplar === undefined) return "";
  const { traceId, spanId } = exemplar.trace;
  const value = valueText(exemplar.values[index] ?? 0);
  return ` # {trace_id="${traceId}",span_id="${spanId}"} ${value} ${(exemplar.observedAtMs / 1_000).toFixed(3)}`;
}
