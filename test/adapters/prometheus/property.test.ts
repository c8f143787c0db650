import assert from "node:assert/strict";
import fc from "fast-check";
import type { MetricFamily } from "../../../src/adapter/report.ts";
import type { Series } from "../../telemetry/exposition.ts";
import { tick } from "../host.ts";
import { measured, SMALL } from "./families.ts";
import { created, reported, scraped } from "./scraping.ts";

const CODED: MetricFamily = {
  ...SMALL,
  id: "coded",
  labels: ["response_code", "c"],
  metrics: SMALL.metrics.map((one) => ({ ...one, name: `coded_${one.name}` })),
};
const EXPIRE_MS = 600_000;

type Step =
  | {
      readonly kind: "count";
      readonly family: MetricFamily;
      readonly labels: readonly string[];
      readonly team: string;
      readonly values: readonly (number | undefined)[];
    }
  | { readonly kind: "wait"; readonly ms: number }
  | { readonly kind: "sweep" }
  | { readonly kind: "reload" };

/** Texts that keys, quotes and encodings trip over, and few of them, so that they meet. */
const text = fc.constantFrom(
  ...[
    "",
    "a",
    "b",
    "a,b",
    "a|b",
    "|",
    '"',
    "\\",
    "\n",
    '",b="',
    "\0",
    "ü",
    "\ufffd",
    "\ud800",
    "😀",
    "__overflow__",
    "x".repeat(80),
    "x".repeat(81),
  ],
);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant("count" as const),
      family: fc.constantFrom(SMALL, CODED),
      labels: fc.tuple(text, fc.constantFrom("", "a", '",a="')),
      team: fc.constantFrom("", "a", "|"),
      values: fc.tuple(
        fc.option(fc.nat(5), { nil: undefined }),
        fc.option(fc.constantFrom(0, 1, 1.5, 10, 11, 1e9), { nil: undefined }),
      ),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("wait" as const), ms: fc.nat(2 * EXPIRE_MS) }) },
  { weight: 2, arbitrary: fc.constant<Step>({ kind: "sweep" }) },
  { weight: 1, arbitrary: fc.constant<Step>({ kind: "reload" }) },
);

interface Kept {
  readonly family: MetricFamily;
  readonly labels: readonly string[];
  readonly isOverflow: boolean;
  readonly seen: readonly number[][];
  usedAtMs: number;
}

/** The same as simply as it can be said: every value that was ever observed, by the text of its labels. */
class Model {
  readonly #kept = new Map<string, Kept>();
  readonly #maxSeries: number;
  readonly #added: readonly string[];
  nowMs = 0;

  constructor(maxSeries: number, added: readonly string[]) {
    this.#maxSeries = maxSeries;
    this.#added = added;
  }

  count({ family, labels, team, values }: Extract<Step, { kind: "count" }>): void {
    const all = [...labels, ...this.#added.map(() => team)].map((value) => value.toWellFormed());
    const known =
      this.#find(family, all) ?? this.#find(family, this.#overflow(family, all)) ?? this.#add(family, all);
    known.usedAtMs = this.nowMs;
    for (const [index, value] of values.entries()) if (value !== undefined) known.seen[index]?.push(value);
  }

  sweep(): void {
    for (const [key, { usedAtMs }] of this.#kept)
      if (this.nowMs - usedAtMs >= EXPIRE_MS) this.#kept.delete(key);
  }

  series(): Series {
    return new Map(
      [...this.#kept.values()].flatMap((kept) => [...counterLines(kept), ...histogramLines(kept)]),
    );
  }

  #isFull(): boolean {
    return [...this.#kept.values()].filter(({ isOverflow }) => !isOverflow).length >= this.#maxSeries;
  }

  #find(family: MetricFamily, labels: readonly string[] | undefined): Kept | undefined {
    return labels && this.#kept.get(JSON.stringify([family.id, labels]));
  }

  /** Where something new has to go, if it has no place. */
  #overflow(family: MetricFamily, labels: readonly string[]): readonly string[] | undefined {
    if (!this.#isFull()) return undefined;
    return labels.map((value, index) => (family.labels[index] === "response_code" ? value : "__overflow__"));
  }

  #add(family: MetricFamily, labels: readonly string[]): Kept {
    const place = this.#overflow(family, labels);
    const kept = {
      family,
      labels: place ?? labels,
      isOverflow: place !== undefined,
      seen: [[], []],
      usedAtMs: 0,
    };
    this.#kept.set(JSON.stringify([family.id, kept.labels]), kept);
    return kept;
  }
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

function nameOf(
  { family, labels }: Kept,
  [metric, suffix]: readonly [number, string],
  le?: number | string,
): string {
  const names = [...family.labels, "team"];
  const texts = labels.flatMap((value, index) => {
    const escaped = value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
    return value === "" ? [] : [`${names[index]}="${escaped}"`];
  });
  const all = le === undefined ? texts : [...texts, `le="${le}"`];
  return `weir_mesh_${family.metrics[metric]?.name}${suffix}${all.length === 0 ? "" : `{${all.join()}}`}`;
}

const counterLines = (kept: Kept): readonly (readonly [string, number])[] =>
  kept.seen[0]?.length ? [[nameOf(kept, [0, ""]), sum(kept.seen[0])]] : [];

function histogramLines(kept: Kept): readonly (readonly [string, number])[] {
  const seen = kept.seen[1] ?? [];
  if (seen.length === 0) return [];
  const upTo = (bound: number): number => seen.filter((value) => value <= bound).length;
  return [
    [nameOf(kept, [1, "_bucket"], 1), upTo(1)],
    [nameOf(kept, [1, "_bucket"], 10), upTo(10)],
    [nameOf(kept, [1, "_bucket"], "+Inf"), seen.length],
    [nameOf(kept, [1, "_sum"]), sum(seen)],
    [nameOf(kept, [1, "_count"]), seen.length],
  ];
}

describe("a page of any measurements", () => {
  it("has what a list of all of them comes to, whatever expires, overflows and is reloaded", async () => {
    const run = async (
      steps: readonly Step[],
      maxSeries: number,
      labels: readonly string[],
    ): Promise<void> => {
      const config = { maxSeries, expireAfter: "10m", labels, maxLabelLength: 128 };
      let subject = created(config);
      await subject.handler.start();
      const model = new Model(maxSeries, labels);
      const arrays = new Map<string, readonly string[]>();
      for (const one of steps) {
        switch (one.kind) {
          case "count": {
            const { family, labels, values, team } = one;
            // As in earnest: mostly the same array for the same labels.
            const array = arrays.get(JSON.stringify(labels)) ?? labels;
            if (values[0] !== 1) arrays.set(JSON.stringify(labels), array);
            assert.equal(
              reported(subject, measured({ family, labels: array, values, added: { team } })).kind,
              "delivered",
            );
            model.count(one);
            break;
          }
          case "wait":
            subject.host.advance(one.ms);
            model.nowMs += one.ms;
            break;
          case "sweep":
            await tick(subject.host);
            model.sweep();
            break;
          case "reload": {
            const next = created(config, subject);
            await next.handler.start();
            await subject.handler.close();
            subject = next;
          }
        }
      }
      const sorted = (series: Series): readonly (readonly [string, number])[] =>
        [...series].toSorted(([a], [b]) => (a < b ? -1 : 1));
      assert.deepEqual(sorted(await scraped(subject)), sorted(model.series()));
      await subject.handler.close();
    };
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 120, size: "max" }),
        fc.constantFrom(1, 3, 10, 1_000),
        fc.constantFrom([], ["team"]),
        run,
      ),
      { numRuns: 300 },
    );
  });
});
