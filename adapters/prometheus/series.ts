import { setImmediate as nextTurn } from "node:timers/promises";
import type { MetricFamily } from "../../src/adapter/report.ts";
import { baseName } from "./config.ts";
import type { LabelSet } from "./label-sets.ts";
import type { PageMetric } from "./page.ts";
import { Table, type Slot, type TableShape } from "./table.ts";

/** What stands for every value in a series that took what had no place of its own. */
export const OVERFLOW = "__overflow__";

/** Labels whose few values are worth keeping in it. */
const KEPT = new Set(["reporter", "request_protocol", "response_code"]);
/** A family has so many of those series; where values turn out to be many, the rest is one series. */
const MOST_OVERFLOWS = 100;

export interface SeriesOptions {
  /** Label sets of all families together. */
  readonly maxSeries: number;
  readonly maxLabelLength: number;
  /** Labels that metrics of presets have behind their own. */
  readonly labels: readonly string[];
  /** Families that rules without preset count in. */
  readonly metrics: ReadonlyMap<string, MetricFamily>;
}

/** Rows that are looked at in one turn. */
const SWEEP_ROWS = 4_096;
/** A label set goes from a page whole or not at all, unless somebody reads a page for longer than this. */
const PATIENCE_MS = 60_000;

/** All label sets of a handler, within their bound. Handlers that follow each other share what is the same for both. */
export class Series {
  readonly #options: SeriesOptions;
  readonly #shared: { readonly tables: Map<string, Table>; pages: number };
  readonly #byFamily = new Map<MetricFamily, Table>();
  /** How many measurements had no place since `takeOverflowed`. */
  #overflowed = new Map<Table, number>();
  #deferredSinceMs: number | undefined;

  constructor(options: SeriesOptions, previous: Series | undefined) {
    this.#options = options;
    this.#shared = previous === undefined ? { tables: new Map(), pages: 0 } : previous.#shared;
  }

  /** How many label sets there are, without those that stand for the overflow. */
  get size(): number {
    let size = 0;
    for (const { sets } of this.#shared.tables.values()) size += sets.size;
    return size;
  }

  get isFull(): boolean {
    return this.size >= this.#options.maxSeries;
  }

  /** The table of a family; it begins empty. */
  tableOf(family: MetricFamily, source: TableShape["source"]): Table {
    const known = this.#byFamily.get(family);
    if (known !== undefined) return known;
    const shape = this.#shapeOf(family, source);
    const key = keyOf(shape);
    const table = this.#shared.tables.get(key) ?? new Table(shape);
    this.#shared.tables.set(key, table);
    if (this.#byFamily.size >= MOST_FAMILIES) this.#byFamily.clear();
    this.#byFamily.set(family, table);
    return table;
  }

  /** The label set of these values, or the one that stands for those that have no place. */
  setOf(table: Table, labels: readonly string[], added: readonly string[]): LabelSet {
    const known = table.find(labels, added);
    if (known !== undefined) return known;
    const values = [...labels, ...added];
    if (!this.isFull) return table.create(values, "itself");
    this.#overflowed.set(table, (this.#overflowed.get(table) ?? 0) + 1);
    return overflowOf(table, values);
  }

  /** What had no place since the last time, by table. */
  takeOverflowed(): ReadonlyMap<Table, number> {
    const taken = this.#overflowed;
    if (taken.size > 0) this.#overflowed = new Map();
    return taken;
  }

  /** The tables of this configuration. */
  tables(): readonly Table[] {
    const { tables } = this.#shared;
    const declared = new Set(
      Array.from(this.#options.metrics.values(), (family) => keyOf(this.#shapeOf(family, "declared"))),
    );
    return Array.from(tables).flatMap(([key, table]) => {
      const { source, family } = table.shape;
      const isOwn = source === "declared" ? declared.has(key) : key === keyOf(this.#shapeOf(family, source));
      return isOwn ? [table] : [];
    });
  }

  /** What a page shows, by name; names of presets' metrics begin with `prefix`. */
  shown(prefix: string): readonly PageMetric[] {
    const metrics = new Map<string, PageMetric & { readonly parts: { table: Table; slot: Slot }[] }>();
    for (const table of this.tables()) {
      const { source, family } = table.shape;
      // The words of a help may have changed since the table began.
      const told = (source === "declared" ? this.#options.metrics.get(family.id) : undefined) ?? family;
      for (const slot of table.slots) {
        const { help, kind } = told.metrics[slot.index] ?? slot.metric;
        const name = baseName(source === "preset" ? prefix + slot.metric.name : slot.metric.name);
        const metric = metrics.get(name) ?? { name, help, kind, parts: [] };
        metric.parts.push({ table, slot });
        metrics.set(name, metric);
      }
    }
    return [...metrics.values()];
  }

  /** The label with most values, of all families. */
  widest(): { readonly family: string; readonly label: string; readonly values: number } | undefined {
    const all = this.tables().map(({ sets, shape }) => ({ family: shape.family.id, ...sets.widest() }));
    return all.toSorted((left, right) => right.values - left.values)[0];
  }

  /** Forgets the tables of the configuration before, which nobody counts in or shows any more. */
  keepOwn(): void {
    const own = new Set(this.tables());
    for (const [key, table] of this.#shared.tables) if (!own.has(table)) this.#shared.tables.delete(key);
  }

  /** Says that a page is being written, until it is told the end. */
  beginPage(): () => void {
    this.#shared.pages++;
    return () => {
      this.#shared.pages--;
    };
  }

  /** Forgets label sets that nothing was counted in for `idleMs`; the answer is how many. */
  async expire(nowMs: number, idleMs: number): Promise<number> {
    if (this.#shared.pages > 0) {
      this.#deferredSinceMs ??= nowMs;
      if (Math.abs(nowMs - this.#deferredSinceMs) < PATIENCE_MS) return 0;
    }
    this.#deferredSinceMs = undefined;
    let forgotten = 0;
    for (const table of this.#shared.tables.values()) {
      for (let from = 0; from < table.sets.rows; from += SWEEP_ROWS) {
        const to = Math.min(from + SWEEP_ROWS, table.sets.rows);
        forgotten += table.expire({ from, to }, nowMs, idleMs);
        await nextTurn();
      }
    }
    return forgotten;
  }

  #shapeOf(family: MetricFamily, source: TableShape["source"]): TableShape {
    const { maxLabelLength, labels } = this.#options;
    const added = labels.filter((label) => !family.labels.includes(label));
    return { source, family, maxLabelLength, addedLabels: source === "preset" ? added : [] };
  }
}

/** The host has one object a family; whoever makes them anew is served, too. */
const MOST_FAMILIES = 64;

/** Tables of the same key hold the same; the words of a help may change. */
const keyOf = ({ source, family, addedLabels, maxLabelLength }: TableShape): string =>
  JSON.stringify([
    ...[source, family.id, family.labels, addedLabels, maxLabelLength],
    family.metrics.map(({ name, kind, bounds }) => [name, kind, bounds]),
  ]);

function overflowOf(table: Table, values: readonly string[]): LabelSet {
  const { sets } = table;
  const told = sets.names.map((name, index) => (KEPT.has(name) ? (values[index] ?? "") : OVERFLOW));
  const known = sets.find(told);
  if (known !== undefined) return known;
  if (sets.overflows < MOST_OVERFLOWS - 1) return table.create(told, "overflow");
  const one = sets.names.map(() => OVERFLOW);
  return sets.find(one) ?? table.create(one, "overflow");
}
