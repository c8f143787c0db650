import type {
  Delivery,
  FieldRecord,
  FieldValue,
  Measurement,
  ReportRecord,
} from "../../src/adapter/report.ts";
import { isAmount } from "./complaint.ts";
import { METRIC_FIELD, VALUE_FIELD, type PrometheusConfig } from "./config.ts";
import type { Series } from "./series.ts";
import type { Table } from "./table.ts";

/** Puts records into series: each whole, or not at all. */
export class Counting {
  readonly #config: PrometheusConfig;
  readonly #series: Series;

  constructor(config: PrometheusConfig, series: Series) {
    this.#config = config;
    this.#series = series;
  }

  /** Counts a batch; what can never be counted is refused, with why for the first of it. */
  count(batch: readonly ReportRecord[], nowMs: number): Delivery {
    let dropped = 0;
    let reason = "";
    for (const record of batch) {
      const complaint = this.#countOne(record, nowMs);
      if (complaint === undefined) continue;
      if (dropped === 0) reason = complaint;
      dropped++;
    }
    return dropped === 0 ? { kind: "delivered" } : { kind: "refused", dropped, reason };
  }

  /** Why it is not counted, where it is not. */
  #countOne(record: ReportRecord, nowMs: number): string | undefined {
    switch (record.kind) {
      case "measurement":
        return this.#countMeasurement(record, nowMs);
      case "fields":
        return this.#countFields(record, nowMs);
      case "exchange":
        return "a span is nothing to count";
    }
  }

  #countMeasurement(record: Measurement, nowMs: number): string | undefined {
    const wrong = record.values.find((value) => value !== undefined && !isCountable(value));
    if (wrong !== undefined) return `${wrong} cannot be counted`;
    const table = this.#series.tableOf(record.family, "preset");
    const added = textsOf(record.added, table.shape.addedLabels);
    this.#add(table, { record, labels: record.labels, added, values: record.values }, nowMs);
    return undefined;
  }

  #countFields(record: FieldRecord, nowMs: number): string | undefined {
    const name = textOf(record.added.get(METRIC_FIELD));
    const family = this.#config.metrics.get(name);
    if (family === undefined) return `no metric ${JSON.stringify(name.slice(0, 100))} is declared`;
    const value = amountOf(record.added.get(VALUE_FIELD));
    if (value === undefined) return `the value of ${name} is no number that is not below 0`;
    const table = this.#series.tableOf(family, "declared");
    const labels = textsOf(record.added, family.labels);
    this.#add(table, { record, labels, added: NOTHING, values: [value] }, nowMs);
    return undefined;
  }

  #add(table: Table, { record, labels, added, values }: Counted, nowMs: number): void {
    const set = this.#series.setOf(table, labels, added);
    table.count(set, values, nowMs);
    if (record.trace === undefined || this.#config.exemplars === "none") return;
    table.show(set, { trace: record.trace, observedAtMs: record.observedAtMs, values });
  }
}

interface Counted {
  readonly record: Measurement | FieldRecord;
  readonly labels: readonly string[];
  readonly added: readonly string[];
  readonly values: readonly (number | undefined)[];
}

const NOTHING: readonly string[] = [];

/** The texts of some names, empty where there is none. */
const textsOf = (added: ReadonlyMap<string, FieldValue>, names: readonly string[]): readonly string[] =>
  names.length === 0 ? NOTHING : names.map((name) => textOf(added.get(name)));

function textOf(value: FieldValue | undefined): string {
  if (value === undefined || value === null) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** What a record grows its metric by: 1 where it does not say. */
function amountOf(value: FieldValue | undefined): number | undefined {
  if (value === undefined) return 1;
  if (typeof value === "string") return isAmount(value) ? Number(value) : undefined;
  return typeof value === "number" && isCountable(value) ? value : undefined;
}

const isCountable = (value: number): boolean => value >= 0 && value < Infinity;
