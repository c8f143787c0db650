import type { Panel, RowPanel } from "@grafana/grafana-foundation-sdk/dashboard";
import { z } from "zod";
import { namesIn } from "./promql.ts";

/** A dashboard as it is committed, as far as rules look at it. */
export const DASHBOARD = z.object({
  uid: z.string(),
  title: z.string(),
  description: z.string(),
  tags: z.array(z.string()),
  timezone: z.string(),
  editable: z.boolean(),
  schemaVersion: z.number(),
  links: z.array(z.object({ type: z.string(), includeVars: z.boolean(), keepTime: z.boolean() })),
  templating: z.object({
    list: z.array(
      z.object({
        name: z.string(),
        label: z.string().optional(),
        type: z.string(),
        query: z.union([z.string(), z.object({ query: z.string() })]).optional(),
        datasource: z.object({ uid: z.string() }).optional(),
        refresh: z.number().optional(),
        multi: z.boolean().optional(),
        allValue: z.string().optional(),
      }),
    ),
  }),
  panels: z.array(z.custom<Panel | RowPanel>()),
});

export type Dashboard = z.infer<typeof DASHBOARD>;
const TARGETS = z.array(
  z.object({ expr: z.string(), refId: z.string(), datasource: z.object({ uid: z.string() }).optional() }),
);
type Target = z.infer<typeof TARGETS>[number];

/** What breaks a rule: of a panel, or of the dashboard where there is none. */
export interface Finding {
  readonly rule: string;
  readonly panel: string;
  readonly what: string;
}

const SOURCE = "${datasource}";

export const panelsOf = (dashboard: Dashboard): readonly Panel[] =>
  dashboard.panels.filter((panel): panel is Panel => panel.type !== "row");

export const targetsOf = (panel: Panel): readonly Target[] => TARGETS.parse(panel.targets ?? []);

/** The rules of grafana/dashboard-linter that concern Prometheus, with one more: that variables have labels. */
export const lint = (dashboard: Dashboard): readonly Finding[] => [
  ...ofTemplate(dashboard),
  ...panelsOf(dashboard).flatMap((panel) => [
    ...ofPanel(panel),
    ...targetsOf(panel).flatMap(ofTarget(panel)),
  ]),
];

function ofTemplate({ editable, templating: { list } }: Dashboard): readonly Finding[] {
  const finding = (rule: string, what: string): Finding => ({ rule, panel: "", what });
  const named = (name: string) => list.find((variable) => variable.name === name);
  const source = named("datasource");
  const scraped = ["job", "instance"].flatMap((name) => {
    const { type, multi, allValue } = named(name) ?? {};
    const isRight = type === "query" && multi === true && allValue === ".+";
    return isRight ? [] : [finding(`template-${name}-rule`, "not there, or not for several")];
  });
  const queried = list.filter(({ type }) => type === "query");
  return [
    ...(editable ? [finding("uneditable-dashboard", "editable")] : []),
    ...(source?.type === "datasource" && source.query === "prometheus" && source.label === "Data source"
      ? []
      : [finding("template-datasource-rule", "no variable for the data source")]),
    ...scraped,
    ...queried
      .filter(({ refresh }) => refresh !== 2)
      .map(({ name }) => finding("template-on-time-change-reload-rule", name)),
    ...queried
      .filter(({ query }) => typeof query !== "object" || !/^label_values\(.+, \w+\)$/.test(query.query))
      .map(({ name }) => finding("template-label-promql-rule", name)),
    ...queried
      .filter(({ datasource }) => datasource?.uid !== SOURCE)
      .map(({ name }) => finding("template-datasource-rule", name)),
    ...list.filter(({ label = "" }) => label === "").map(({ name }) => finding("template-label-rule", name)),
  ];
}

function ofPanel(panel: Panel): readonly Finding[] {
  const finding = (rule: string): Finding => ({ rule, panel: panel.title ?? "", what: panel.type });
  const targets = targetsOf(panel);
  return [
    ...((panel.title ?? "") === "" || (panel.description ?? "") === ""
      ? [finding("panel-title-description-rule")]
      : []),
    ...((panel.fieldConfig?.defaults.unit ?? "") === "" ? [finding("panel-units-rule")] : []),
    ...(targets.length === 0 ? [finding("panel-no-targets-rule")] : []),
    ...(panel.datasource?.uid !== SOURCE ? [finding("panel-datasource-rule")] : []),
  ];
}

const ofTarget =
  (panel: Panel) =>
  ({ expr, datasource }: Target): readonly Finding[] => {
    const finding = (rule: string): Finding => ({ rule, panel: panel.title ?? "", what: expr });
    // A variable in a name is no identifier.
    const { selectors } = namesIn(expr.replaceAll(/\$\{(\w+)\}/g, "_$1_").replaceAll("[$__", "[__"));
    const lacks = (label: string) =>
      selectors.some(
        ({ matchers }) => !matchers.some((one) => one.label === label && one.value === `$${label}`),
      );
    const rates = selectors.filter(({ within }) => /^i?rate$/.test(within));
    const counters = selectors.filter(({ metric }) => metric.endsWith("_total"));
    return [
      ...(datasource?.uid !== SOURCE ? [finding("panel-datasource-rule")] : []),
      ...(lacks("job") ? [finding("target-job-rule")] : []),
      ...(lacks("instance") ? [finding("target-instance-rule")] : []),
      ...(rates.some(({ range }) => range !== "__rate_interval")
        ? [finding("target-rate-interval-rule")]
        : []),
      ...(counters.some(({ within }) => !/^(i?rate|increase)$/.test(within))
        ? [finding("target-counter-agg-rule")]
        : []),
    ];
  };
