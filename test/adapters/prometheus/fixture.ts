import type { Fixture } from "../conformance.ts";
import { fieldRecord } from "../records.ts";
import { measured } from "./families.ts";

const PERSON = "eve-0c1d";
const TOKENS = { kind: "counter", help: "Tokens.", labels: ["team"] };

const withMetric = (name: string, over: object): object => ({ metrics: { [name]: { ...TOKENS, ...over } } });

/** The prometheus adapter for the conformance suite. */
export const PROMETHEUS: Fixture = {
  good: [
    { labels: ["team"], metrics: { llm_tokens: TOKENS } },
    { names: "istio", maxSeries: 1, exemplars: false, metrics: { llm_tokens: TOKENS } },
  ].map((config) => ({ config, prepare: () => undefined })),
  bad: [
    [{ names: "mixer" }, /one of istio, weir/],
    [{ labels: "team" }, /a list of names of labels/],
    [{ labels: [5] }, /the name of a label as text/],
    [{ labels: ["a-b"] }, /letters, digits and _/],
    [{ labels: ["__name__"] }, /Prometheus' own/],
    [{ labels: ["le"] }, /a histogram's buckets/],
    [{ labels: ["a", "a"] }, /a label is there twice/],
    [{ labels: Array.from({ length: 21 }, (_, index) => `a${index}`) }, /at most 20 labels/],
    [{ labels: ["source_app"] }, /the preset istio have a label source_app/],
    [{ metrics: [] }, /a mapping from names of metrics/],
    [{ metrics: { x: { kind: "gauge", help: "X." } } }, /one of counter, histogram/],
    [{ metrics: { x: { kind: "counter" } } }, /a sentence that says what is counted/],
    [withMetric("x", { help: "" }), /a sentence that says what is counted/],
    [withMetric("x", { help: "y".repeat(1_001) }), /at most 1000 characters/],
    [withMetric("x", { unit: "s" }), /unit: there is no such key/],
    [withMetric("1x", {}), /begins with no digit/],
    [withMetric("weir_mesh_x", {}), /begin with weir_mesh_ are those of presets/],
    [withMetric("x_sum_total", {}), /mean something to Prometheus/],
    [withMetric("x_total", { kind: "histogram" }), /how counters end/],
    [withMetric("x", { buckets: [1] }), /buckets go with kind: histogram/],
    [withMetric("x", { labels: ["value"] }), /value in a rule's with is no label/],
    [withMetric("x", { kind: "histogram", buckets: [] }), /at least one bound/],
    [withMetric("x", { kind: "histogram", buckets: [2, 1] }), /from the least to the greatest/],
    [withMetric("x", { kind: "histogram", buckets: ["1"] }), /each bound as a number/],
    [withMetric("x", { kind: "histogram", buckets: [0] }), /bounds above 0/],
    [withMetric("x", { kind: "histogram", buckets: 5 }), /a list of upper bounds/],
    [
      withMetric("x", { kind: "histogram", buckets: Array.from({ length: 51 }, (_, index) => index + 1) }),
      /at most 50 bounds/,
    ],
    [{ metrics: { x: TOKENS, x_total: TOKENS } }, /another metric has this name, but for _total/],
    [
      { metrics: Object.fromEntries(Array.from({ length: 101 }, (_, index) => [`x${index}`, TOKENS])) },
      /at most 100 metrics/,
    ],
    [{ maxSeries: 0 }, /a whole number from 1 to 200000/],
    [{ maxLabelLength: 10 }, /a whole number from 64 to 4096/],
    [{ expireAfter: "10s" }, /a duration from 60000 ms/],
    [{ exemplars: "yes" }, /write true or false/],
    [{ personal: "hidden" }, /one of digest, plain/],
    [{ colour: "red" }, /colour: there is no such key; the keys are names/],
  ],
  localFaults: [],
  inputs: [],
  records: [
    measured({ labels: [PERSON, "b"] }),
    measured({ labels: [PERSON, "c"], added: { team: PERSON } }),
    fieldRecord(
      {},
      {
        added: new Map<string, string | number>([
          ["metric", "llm_tokens"],
          ["value", 17],
          ["team", PERSON],
        ]),
      },
    ),
  ],
  secrets: [PERSON],
};
