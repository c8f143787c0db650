import { Counter, type CounterConfiguration } from "@prometheus-io/client";

interface Cell {
  readonly labels: Record<string, string>;
  /** Since the last scrape. */
  count: number;
}

/**
 * A counter with three labels that counts beside the client's: finding a series there costs as much as a rule, so the client
 * is told the sums when it is scraped. Who counts bounds the labels: they are never forgotten.
 */
export function tallied(
  configuration: Omit<CounterConfiguration<string>, "collect">,
): (first: string, second: string, third: string, by?: number) => void {
  const [one = "", two = "", three = ""] = configuration.labelNames ?? [];
  const cells: Cell[] = [];
  const all = new Map<string, Map<string, Map<string, Cell>>>();
  const counter: Counter<string> = new Counter<string>({
    ...configuration,
    collect() {
      for (const cell of cells) {
        if (cell.count > 0) counter.inc(cell.labels, cell.count);
        cell.count = 0;
      }
    },
  });
  return (first, second, third, by = 1) => {
    const byThird = childOf(childOf(all, first), second);
    let cell = byThird.get(third);
    if (cell === undefined) {
      cell = { labels: { [one]: first, [two]: second, [three]: third }, count: 0 };
      cells.push(cell);
      byThird.set(third, cell);
    }
    cell.count += by;
  };
}

function childOf<V>(parent: Map<string, Map<string, V>>, key: string): Map<string, V> {
  let child = parent.get(key);
  if (child === undefined) parent.set(key, (child = new Map<string, V>()));
  return child;
}

/** A histogram without labels: adding is a few comparisons. `text` is its exposition for a scrape. */
export interface PlainHistogram {
  add(value: number): void;
  text(): string;
}

/** `upperBounds` ascend; what is larger than the last counts under `+Inf`. */
export function plainHistogram(name: string, help: string, upperBounds: readonly number[]): PlainHistogram {
  const counts = new Float64Array(upperBounds.length + 1);
  let sum = 0;
  return {
    add(value) {
      let bucket = 0;
      while (bucket < upperBounds.length && value > (upperBounds[bucket] ?? 0)) bucket++;
      counts[bucket] = (counts[bucket] ?? 0) + 1;
      sum += value;
    },
    text() {
      let total = 0;
      const buckets = [...upperBounds, "+Inf"].map((bound, index) => {
        total += counts[index] ?? 0;
        return `${name}_bucket{le="${bound}"} ${total}`;
      });
      const head = [`# HELP ${name} ${help}`, `# TYPE ${name} histogram`];
      return [...head, ...buckets, `${name}_sum ${sum}`, `${name}_count ${total}`, ""].join("\n");
    },
  };
}
