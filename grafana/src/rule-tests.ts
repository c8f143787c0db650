import { ALERTS } from "./alerts.ts";
import type { AlertCase, Series } from "./alert-case.ts";
import { CASES } from "./alert-cases.ts";
import { annotationsOf, written } from "./rule-files.ts";
import type { Alert } from "./rule.ts";

/** The tests of all alerts, for `promtool test rules`. */
export const ruleTests = (): ReadonlyMap<string, string> =>
  new Map([
    ["alerts.test.yaml", testsWith("1m")],
    ["alerts-of-days.test.yaml", testsWith("30m")],
  ]);

const testsWith = (evaluated: AlertCase["evaluated"]): string =>
  written({
    rule_files: ["recording.yaml", "alerts.yaml"],
    evaluation_interval: evaluated,
    tests: CASES.filter((one) => one.evaluated === evaluated).flatMap(testsOf),
  });

function testsOf({ alert: name, fires, quiet }: AlertCase): readonly object[] {
  const alert = ALERTS.flatMap(({ rules }) => rules).find((one) => one.name === name);
  if (alert === undefined) throw new Error(`no alert ${name}`);
  return [
    {
      name: `${name} fires`,
      interval: "1m",
      input_series: inputOf(fires.series),
      alert_rule_test: [{ eval_time: fires.at, alertname: name, exp_alerts: [expectedOf(alert, fires)] }],
    },
    {
      name: `${name} does not fire`,
      interval: "1m",
      input_series: inputOf(quiet.series),
      alert_rule_test: [{ eval_time: quiet.at, alertname: name, exp_alerts: [] }],
    },
  ];
}

const inputOf = (series: Series): object[] =>
  Object.entries(series).map(([name, values]) => ({ series: name, values }));

const expectedOf = (alert: Alert, { labels, summary }: AlertCase["fires"]): object => ({
  exp_labels: { severity: alert.severity, ...labels },
  exp_annotations: { ...annotationsOf(alert), summary },
});
