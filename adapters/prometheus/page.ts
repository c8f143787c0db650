import { setImmediate as nextTurn } from "node:timers/promises";
import type { MetricShape } from "../../src/adapter/report.ts";
import { headText, MetricLines } from "./metric-lines.ts";
import type { Format } from "./negotiate.ts";
import type { SliceWriter } from "./slice-writer.ts";
import type { Slot, Table } from "./table.ts";

/** One metric of a page: its name, and the tables that have it. */
export interface PageMetric {
  /** Of a counter without `_total`. */
  readonly name: string;
  readonly help: string;
  readonly kind: MetricShape["kind"];
  readonly parts: readonly { readonly table: Table; readonly slot: Slot }[];
}

export interface PageOptions {
  readonly format: Format;
  readonly writer: SliceWriter;
  /** Is told the milliseconds of each turn. */
  readonly spent: (ms: number) => void;
}

/** Rows that are looked at in one turn, where they have little to show. */
const TURN_ROWS = 4_096;
const OPENMETRICS_END = "# EOF\n";

/**
 * Writes a page, slice after slice, with a turn of the event loop for others in between. Each metric of a label set is written at once,
 * so that its lines agree; label sets that come in the meantime are for the next page.
 */
export async function* writePage(
  metrics: readonly PageMetric[],
  { format, writer, spent }: PageOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const turns = new Turns(spent);
  const rows = rowsOf(metrics);
  for (const { parts, ...metric } of metrics) {
    const head = headText(metric, format);
    if (!writer.hasRoom(head.length)) {
      yield turns.end(writer.take(head.length));
      await turns.next();
    }
    writer.text(head);
    for (const { table, slot } of parts) {
      const lines = new MetricLines({ name: metric.name, table, slot }, format);
      yield* writeRows(rows.get(table) ?? [], { lines, writer, turns });
    }
  }
  if (format === "openmetrics") {
    if (!writer.hasRoom(OPENMETRICS_END.length)) yield turns.end(writer.take(0));
    writer.text(OPENMETRICS_END);
  }
  yield turns.end(writer.take(0));
}

interface Writing {
  readonly lines: MetricLines;
  readonly writer: SliceWriter;
  readonly turns: Turns;
}

async function* writeRows(
  rows: Iterable<number>,
  { lines, writer, turns }: Writing,
): AsyncGenerator<Uint8Array, void, undefined> {
  let left = TURN_ROWS;
  for (const row of rows) {
    const size = lines.mostBytes(row);
    if (!writer.hasRoom(size)) {
      yield turns.end(writer.take(size));
      await turns.next();
      left = TURN_ROWS;
    } else if (left-- === 0) {
      turns.end(undefined);
      await turns.next();
      left = TURN_ROWS;
    }
    lines.write(row, writer);
  }
}

/** Measures what of each turn was spent on a page. */
class Turns {
  readonly #spent: (ms: number) => void;
  #beganMs = performance.now();

  constructor(spent: (ms: number) => void) {
    this.#spent = spent;
  }

  /** Ends this turn's part, and gives back what it made. */
  end<Made>(made: Made): Made {
    this.#spent(performance.now() - this.#beganMs);
    return made;
  }

  async next(): Promise<void> {
    await nextTurn();
    this.#beganMs = performance.now();
  }
}

/** The rows that label sets have now, by table. */
function rowsOf(metrics: readonly PageMetric[]): ReadonlyMap<Table, Int32Array> {
  const rows = new Map<Table, Int32Array>();
  for (const { table } of metrics.flatMap(({ parts }) => parts)) {
    if (!rows.has(table)) rows.set(table, table.sets.liveRows());
  }
  return rows;
}
