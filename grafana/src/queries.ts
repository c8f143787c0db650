import {
  type Dashboard,
  type Panel,
  type RowPanel,
  type VariableModel,
  VariableType,
} from "@grafana/grafana-foundation-sdk/dashboard";
import { ALERTS } from "./alerts.ts";
import { dashboards } from "./dashboards.ts";
import { RECORDINGS } from "./objectives.ts";

/** PromQL of ours, without Grafana's variables. */
export interface Query {
  /** Who asks: `mesh: Requests`, `mesh: $job`, `rule service:mesh_requests:rate5m`, `alert WeirDown`. */
  readonly of: string;
  readonly expression: string;
}

/** A value for every variable of Grafana's, by its name without `$`: `job`, `prefix`, `__rate_interval`. */
export type Values = Readonly<Record<string, string>>;

/** Every query of dashboards, their variables and annotations, of recording rules and alerts. */
export const allQueries = (values: Values): readonly Query[] => [
  ...Array.from(dashboards(), ([name, dashboard]) => queriesOf(name, dashboard, values)).flat(),
  ...RECORDINGS.flatMap(({ rules }) => rules).map(({ record, expression }) => ({
    of: `rule ${record}`,
    expression,
  })),
  ...ALERTS.flatMap(({ rules }) => rules).map(({ name, expression }) => ({
    of: `alert ${name}`,
    expression,
  })),
];

function queriesOf(name: string, dashboard: Dashboard, values: Values): readonly Query[] {
  const panels = (dashboard.panels ?? []).filter(isPanel);
  return [
    ...panels.flatMap(({ title = "", targets = [] }) =>
      targets.map((target) => ({ of: `${name}: ${title}`, expression: expressionOf(target) })),
    ),
    ...(dashboard.templating.list ?? []).flatMap((variable) => {
      const expression = selectorOf(variable);
      return expression === undefined ? [] : [{ of: `${name}: $${variable.name}`, expression }];
    }),
    ...(dashboard.annotations.list ?? []).map(({ name: mark, expr = "" }) => ({
      of: `${name}: ${mark}`,
      expression: expr,
    })),
  ].map(({ of, expression }) => ({ of, expression: withValues(expression, values) }));
}

const isPanel = (panel: Panel | RowPanel): panel is Panel => panel.type !== "row";

const expressionOf = (target: object): string =>
  "expr" in target && typeof target.expr === "string" ? target.expr : "";

/** What `label_values(selector, label)` selects; `undefined` of a variable that asks nothing of Prometheus. */
function selectorOf({ query, type }: VariableModel): string | undefined {
  if (type !== VariableType.Query) return undefined;
  const text = typeof query === "object" ? String(query["query"]) : (query ?? "");
  const selector = /^label_values\((.*), *\w+\)$/.exec(text)?.[1];
  if (selector === undefined) throw new Error(`no query that is known: ${text}`);
  return selector;
}

/** The text with every variable replaced; throws where a variable has no value. */
export const withValues = (text: string, values: Values): string =>
  text.replace(/\$\{(\w+)(?::\w+)?\}|\$(\w+)/g, (variable, braced?: string, plain?: string) => {
    const value = values[braced ?? plain ?? ""];
    if (value === undefined) throw new Error(`${variable} of ${text} has no value`);
    return value;
  });
