import assert from "node:assert/strict";
import { prometheus } from "../../../adapters/prometheus/adapter.ts";
import type { Preset } from "../../../src/adapter/report.ts";

const CONFIG = {
  labels: ["team", "plan"],
  metrics: {
    llm_tokens: { kind: "counter", help: "Tokens.", labels: ["team"] },
    llm_seconds: { kind: "histogram", help: "Time.", buckets: [1], labels: ["model"] },
  },
};

const complaint = (
  fields: Readonly<Record<string, string | undefined>>,
  preset?: Preset,
  config: object = CONFIG,
): string | undefined =>
  prometheus.inputs.report?.complaint?.(config, { preset, fields: new Map(Object.entries(fields)) });

describe("what a rule sends to prometheus", () => {
  it("is taken where everything is declared", () => {
    assert.equal(complaint({}, "istio"), undefined);
    assert.equal(complaint({ team: undefined, plan: "gold" }, "istio"), undefined);
    assert.equal(complaint({ metric: "llm_tokens", value: undefined, team: "a" }), undefined);
    assert.equal(complaint({ metric: "llm_tokens", value: "17" }), undefined);
    assert.equal(complaint({ metric: undefined, model: "small" }), undefined);
  });

  const refused: readonly (readonly [Parameters<typeof complaint>, RegExp])[] = [
    [
      [{ colour: "red" }, "istio"],
      /no label colour .*add it to labels in the handler's config, or take it out of with: \(it adds team, plan\)/,
    ],
    [[{ colour: "red" }, "istio", {}], /\(it adds none\)/],
    [[{ team: "a" }], /write metric: and a name of the handler's metrics \(llm_tokens, llm_seconds\)/],
    [[{ team: "a" }, undefined, {}], /\(none\)/],
    [[{ metric: "tokens" }], /no metric tokens: declare it .* \(llm_tokens, llm_seconds\)/],
    [[{ metric: undefined }, undefined, {}], /no metric/],
    [
      [{ metric: "llm_tokens", model: "small" }],
      /the metric llm_tokens does not have the label model: .*\(it has team\)/,
    ],
    [[{ metric: undefined, colour: "red" }], /no metric of the handler has the label colour/],
    [[{ metric: "llm_tokens", value: "many" }], /a number that is not below 0.*"many"/],
    [[{ metric: "llm_tokens", value: "-1" }], /a number that is not below 0/],
    [[{ metric: "llm_tokens", value: "1e999" }], /a number that is not below 0/],
  ];
  for (const [given, message] of refused) {
    it(`is refused with what to do: ${JSON.stringify(given)}`, () => {
      assert.match(complaint(...given) ?? "", message);
    });
  }
});
