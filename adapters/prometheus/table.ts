import type { MetricFamily, MetricShape, TraceIds } from "../../src/adapter/report.ts";
import { GONE, LabelSets, type LabelSet } from "./label-sets.ts";

/** Where the numbers of a metric stand in a row: of a counter one, of a histogram a count a bucket, then the sum. */
export interface Slot {
  readonly metric: MetricShape;
  /** Which of the family's metrics it is. */
  readonly index: number;
  readonly at: number;
}

/** One request that a number can be seen by. */
export interface Exemplar {
  readonly trace: TraceIds;
  readonly observedAtMs: number;
  /** As in the measurement, in the order of the family's metrics. */
  readonly values: readonly (number | undefined)[];
}

/** The metrics that a table has, and the labels behind the family's own. */
export interface TableShape {
  /** Whether rules name a preset for it, or the configuration declares it. */
  readonly source: "preset" | "declared";
  readonly family: MetricFamily;
  readonly addedLabels: readonly string[];
  readonly maxLabelLength: number;
}

/** Rows are kept in chunks, so that growing copies nothing. */
const CHUNK_ROWS = 64;
const MOST_EXEMPLARS = 4;
/** Requests come by the thousand; one a second is enough to see a number by. */
const EXEMPLAR_EVERY_MS = 1_000;
/** Older ones have been scraped long ago. */
const EXEMPLAR_AGE_MS = 300_000;

/** All that is kept of one family: a row of numbers a label set. What was never observed is NaN, and not shown. */
export class Table {
  readonly sets: LabelSets;
  readonly slots: readonly Slot[];
  readonly shape: TableShape;
  readonly #width: number;
  readonly #never: Float64Array;
  readonly #chunks: Float64Array[] = [];
  readonly #usedAtMs: number[] = [];
  readonly #exemplars: (readonly Exemplar[] | undefined)[] = [];
  /** The histogram by whose buckets exemplars are told apart; -1: there is none. */
  readonly #leading: number;
  /** One label set is mostly one array, and finding that needs no look at its texts. */
  readonly #byArray = new WeakMap<readonly string[], LabelSet>();

  constructor(shape: TableShape) {
    const { family, addedLabels, maxLabelLength } = shape;
    this.shape = shape;
    this.sets = new LabelSets([...family.labels, ...addedLabels], maxLabelLength);
    let width = 0;
    this.slots = family.metrics.map((metric, index) => {
      const at = width;
      width += metric.kind === "counter" ? 1 : metric.bounds.length + 2;
      return { metric, index, at };
    });
    this.#width = width;
    this.#never = new Float64Array(width);
    for (const slot of this.slots) this.#never[lastOf(slot)] = Number.NaN;
    this.#leading = family.metrics.findIndex(({ kind }) => kind === "histogram");
  }

  /** The label set of these values, if it is known. `added` are those of the added labels. */
  find(labels: readonly string[], added: readonly string[]): LabelSet | undefined {
    const known = this.#byArray.get(labels);
    if (known !== undefined && known.row !== GONE && this.sets.endsWith(known, added)) return known;
    const found = this.sets.find(added.length === 0 ? labels : [...labels, ...added]);
    if (found !== undefined) this.#byArray.set(labels, found);
    return found;
  }

  /** Adds a label set that is not known, with nothing observed yet. */
  create(values: readonly string[], means: LabelSet["means"]): LabelSet {
    const set = this.sets.add(values, means);
    const chunk = Math.floor(set.row / CHUNK_ROWS);
    this.#chunks[chunk] ??= new Float64Array(CHUNK_ROWS * this.#width);
    this.#chunks[chunk].set(this.#never, (set.row % CHUNK_ROWS) * this.#width);
    return set;
  }

  /** Counts one measurement. `values` are finite and not negative, in the order of the family's metrics. */
  count({ row }: LabelSet, values: readonly (number | undefined)[], nowMs: number): void {
    this.#usedAtMs[row] = nowMs;
    const numbers = this.numbersOf(row);
    const from = this.rowStart(row);
    for (const slot of this.slots) {
      const value = values[slot.index];
      if (value === undefined) continue;
      const last = from + lastOf(slot);
      const before = numbers[last] ?? 0;
      numbers[last] = Number.isNaN(before) ? value : before + value;
      if (slot.metric.kind === "counter") continue;
      const bucket = from + slot.at + bucketOf(slot.metric.bounds, value);
      numbers[bucket] = (numbers[bucket] ?? 0) + 1;
    }
  }

  /** Keeps a request to see the numbers by: the newest a bucket of the first histogram, and few in all. */
  show({ row }: LabelSet, exemplar: Exemplar): void {
    const kept = this.#exemplars[row] ?? [];
    const bucket = this.#leadingBucket(exemplar);
    const same = kept.find((one) => this.#leadingBucket(one) === bucket);
    if (same !== undefined && Math.abs(exemplar.observedAtMs - same.observedAtMs) < EXEMPLAR_EVERY_MS) return;
    const others = kept.filter((one) => one !== same).slice(1 - MOST_EXEMPLARS);
    this.#exemplars[row] = [...others, { ...exemplar, trace: copied(exemplar.trace) }];
  }

  /** The newest one last. */
  exemplarsOf(row: number): readonly Exemplar[] {
    return this.#exemplars[row] ?? [];
  }

  /** The array that has the numbers of a row, from `rowStart` on. */
  numbersOf(row: number): Float64Array {
    return this.#chunks[Math.floor(row / CHUNK_ROWS)] ?? this.#never;
  }

  rowStart(row: number): number {
    return (row % CHUNK_ROWS) * this.#width;
  }

  /** Forgets those of some rows that nothing was counted in for `idleMs`; the answer is how many. */
  expire(rows: { readonly from: number; readonly to: number }, nowMs: number, idleMs: number): number {
    let forgotten = 0;
    for (let row = rows.from; row < rows.to; row++) {
      const set = this.sets.at(row);
      if (set === undefined) continue;
      // What was used in the future was used before the clock was set back.
      const usedAtMs = Math.min(this.#usedAtMs[row] ?? 0, nowMs);
      this.#usedAtMs[row] = usedAtMs;
      if (nowMs - usedAtMs < idleMs) {
        this.#expireExemplars(row, nowMs);
        continue;
      }
      this.#exemplars[row] = undefined;
      this.sets.remove(set);
      forgotten++;
    }
    return forgotten;
  }

  #expireExemplars(row: number, nowMs: number): void {
    const newest = this.#exemplars[row]?.at(-1);
    if (newest !== undefined && nowMs - newest.observedAtMs > EXEMPLAR_AGE_MS)
      this.#exemplars[row] = undefined;
  }

  #leadingBucket({ values }: Exemplar): number {
    const value = values[this.#leading];
    return value === undefined ? -1 : bucketOf(this.slots[this.#leading]?.metric.bounds ?? [], value);
  }
}

/** Where a counter's number is, and a histogram's sum. */
export const lastOf = ({ metric, at }: Slot): number =>
  metric.kind === "counter" ? at : at + metric.bounds.length + 1;

/** The first bucket whose bound is not below the value; behind the last bound, the one without a bound. */
export function bucketOf(bounds: readonly number[], value: number): number {
  let bucket = 0;
  while (bucket < bounds.length && value > (bounds[bucket] ?? 0)) bucket++;
  return bucket;
}

/** What is part of a message keeps all of the message in memory. */
const copied = ({ traceId, spanId }: TraceIds): TraceIds => ({
  traceId: Buffer.from(traceId).toString(),
  spanId: Buffer.from(spanId).toString(),
});
