import assert from "node:assert/strict";

/** One series of a scrape by its name and labels as written, `name{a="b"}`, with its value. */
export type Series = ReadonlyMap<string, number>;

const NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const LABEL = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\[\\\\"n])*"';
const SAMPLE = new RegExp(`^(${NAME})(\\{(?:${LABEL}(?:,${LABEL})*,?)?\\})? (\\S+)$`);

/** Reads Prometheus' text format 0.0.4, or fails the test: help and type before samples, each series once. */
export function parseExposition(text: string): Series {
  assert.ok(text.endsWith("\n"), "the last line is cut");
  const typed = new Set<string>();
  const series = new Map<string, number>();
  for (const line of text.split("\n")) {
    const type = new RegExp(`^# TYPE (${NAME}) (?:counter|gauge|histogram|summary|untyped)$`).exec(line)?.[1];
    if (type !== undefined) {
      assert.ok(!typed.has(type), `${type} is typed twice`);
      typed.add(type);
    }
    if (line === "" || line.startsWith("#")) continue;
    const [, name = "", labels = "", value] = SAMPLE.exec(line) ?? assert.fail(`no sample: ${line}`);
    assert.ok(typed.has(name) || typed.has(name.replace(/_(bucket|sum|count)$/, "")), `${name} has no type`);
    assert.ok(!series.has(name + labels), `${line} comes twice`);
    const number = value === "+Inf" ? Infinity : Number(value);
    // Prometheus reads numbers as Go does, which takes NaN in any case.
    assert.ok(!Number.isNaN(number) || /^nan$/i.test(value ?? ""), line);
    series.set(name + (labels === "{}" ? "" : labels), number);
  }
  return series;
}
