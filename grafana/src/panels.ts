import {
  BigValueColorMode,
  BigValueGraphMode,
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  LegendPlacement,
  SortOrder,
  StackingMode,
  TooltipDisplayMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
  ReduceDataOptionsBuilder,
  StackingConfigBuilder,
  GraphThresholdsStyleConfigBuilder,
  type DataSourceRef,
} from "@grafana/grafana-foundation-sdk/common";
import {
  type DynamicConfigValue,
  type Threshold,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from "@grafana/grafana-foundation-sdk/dashboard";
import { DataqueryBuilder, PromQueryFormat } from "@grafana/grafana-foundation-sdk/prometheus";
import { PanelBuilder as StatBuilder } from "@grafana/grafana-foundation-sdk/stat";
import { PanelBuilder as TableBuilder } from "@grafana/grafana-foundation-sdk/table";
import { PanelBuilder as GraphBuilder } from "@grafana/grafana-foundation-sdk/timeseries";

/** The data source that the dashboard's variable names, of every panel, query and variable. */
export const DATA_SOURCE: DataSourceRef = { type: "prometheus", uid: "${datasource}" };

/** Grafana's names of units, as far as they are used here. */
export type Unit =
  | "reqps"
  | "ops"
  | "cps"
  | "s"
  | "ms"
  | "percentunit"
  | "bytes"
  | "decbytes"
  | "Bps"
  | "short"
  | "bool_yes_no"
  | "dateTimeFromNow";

export type Panel = GraphBuilder | StatBuilder | TableBuilder;

interface PanelText {
  readonly title: string;
  /** What it shows, and what to make of it. */
  readonly description: string;
  /** Of 24 columns. */
  readonly width: number;
  readonly unit: Unit;
  readonly thresholds?: readonly Threshold[];
}

export interface GraphText extends PanelText {
  /** PromQL by legend. */
  readonly queries: Readonly<Record<string, string>>;
  readonly look?: "lines" | "stacked";
  readonly max?: number;
  /** `shown`: samples that lead to traces are drawn as points. */
  readonly exemplars?: "shown";
}

/** Lines over time. */
export function graph(text: GraphText): GraphBuilder {
  const panel = new GraphBuilder()
    .title(text.title)
    .description(text.description)
    .datasource(DATA_SOURCE)
    .height(8)
    .span(text.width)
    .unit(text.unit)
    .min(0)
    .fillOpacity(text.look === "stacked" ? 30 : 5)
    .lineWidth(1)
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.Table)
        .placement(LegendPlacement.Bottom)
        .showLegend(true)
        .calcs(["lastNotNull", "max"]),
    )
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending));
  if (text.look === "stacked") panel.stacking(new StackingConfigBuilder().mode(StackingMode.Normal));
  if (text.max !== undefined) panel.max(text.max);
  if (text.thresholds !== undefined) {
    panel
      .thresholds(stepsOf(text.thresholds))
      .thresholdsStyle(new GraphThresholdsStyleConfigBuilder().mode(GraphThresholdsStyleMode.Dashed));
  }
  for (const [index, [legend, expression]] of Object.entries(text.queries).entries()) {
    const query = queryOf(index, expression).legendFormat(legend).range();
    panel.withTarget(text.exemplars === "shown" ? query.exemplar(true) : query);
  }
  return panel;
}

export interface StatText extends PanelText {
  /** One query; of several series each is a figure, named by `legend`. */
  readonly query: string;
  readonly legend?: string;
  /** What is shown where there is no value. */
  readonly none?: string;
}

/** One figure, the last one, over its course. */
export function stat(text: StatText): StatBuilder {
  const panel = new StatBuilder()
    .title(text.title)
    .description(text.description)
    .datasource(DATA_SOURCE)
    .height(4)
    .span(text.width)
    .unit(text.unit)
    .colorMode(text.thresholds === undefined ? BigValueColorMode.None : BigValueColorMode.Value)
    .graphMode(BigValueGraphMode.Area)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(["lastNotNull"]))
    .noValue(text.none ?? "no data")
    .withTarget(
      queryOf(0, text.query)
        .legendFormat(text.legend ?? "")
        .range(),
    );
  return text.thresholds === undefined ? panel : panel.thresholds(stepsOf(text.thresholds));
}

export interface TableText {
  readonly title: string;
  readonly description: string;
  readonly width: number;
  readonly height?: number;
  /** Headings of the columns that labels fill, by label; `link` is where a value leads. */
  readonly labels: Readonly<Record<string, { readonly heading: string; readonly link?: string }>>;
  /** Columns of values, by heading. */
  readonly values: Readonly<Record<string, Column>>;
}

export interface Column {
  readonly query: string;
  readonly unit: Unit;
  readonly thresholds?: readonly Threshold[];
}

/** What holds now, a row a label set. */
export function table(text: TableText): TableBuilder {
  const panel = new TableBuilder()
    .title(text.title)
    .description(text.description)
    .datasource(DATA_SOURCE)
    .height(text.height ?? 10)
    .span(text.width)
    .unit("short")
    .filterable(true);
  const values = Object.entries(text.values);
  for (const [index, [heading, { query, unit, thresholds }]] of values.entries()) {
    panel.withTarget(queryOf(index, query).format(PromQueryFormat.Table).instant());
    panel.overrideByName(heading, columnLook(unit, thresholds));
  }
  for (const { heading, link } of Object.values(text.labels)) {
    if (link === undefined) continue;
    panel.overrideByName(heading, [{ id: "links", value: [{ title: "Show", url: link }] }]);
  }
  const single = values.length === 1;
  const headings = [
    ...Object.entries(text.labels).map(([label, { heading }]) => [label, heading] as const),
    ...values.map(([heading], index) => [single ? "Value" : `Value #${refIdOf(index)}`, heading] as const),
  ];
  return panel
    .withTransformation({ id: "merge", options: {} })
    .withTransformation({
      id: "filterFieldsByName",
      options: { include: { names: headings.map(([name]) => name) } },
    })
    .withTransformation({
      id: "organize",
      options: {
        excludeByName: {},
        indexByName: Object.fromEntries(headings.map(([name], index) => [name, index])),
        renameByName: Object.fromEntries(headings),
      },
    });
}

function columnLook(unit: Unit, thresholds: readonly Threshold[] | undefined): DynamicConfigValue[] {
  const look = [{ id: "unit", value: unit }];
  if (thresholds === undefined) return look;
  return [
    ...look,
    { id: "thresholds", value: stepsOf(thresholds).build() },
    { id: "custom.cellOptions", value: { type: "color-text" } },
  ];
}

const queryOf = (index: number, expression: string): DataqueryBuilder =>
  new DataqueryBuilder().datasource(DATA_SOURCE).refId(refIdOf(index)).expr(expression);

/** A, B, C … as Grafana names the queries of a panel. */
const refIdOf = (index: number): string => String.fromCharCode("A".charCodeAt(0) + index);

const stepsOf = (steps: readonly Threshold[]): ThresholdsConfigBuilder =>
  new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps([...steps]);

/** Green, from `warning` on orange, from `critical` on red. */
export const worseAbove = (warning: number, critical: number): readonly Threshold[] => [
  { value: null, color: "green" },
  { value: warning, color: "orange" },
  { value: critical, color: "red" },
];

/** Red, from `critical` on orange, from `warning` on green. */
export const worseBelow = (warning: number, critical: number): readonly Threshold[] => [
  { value: null, color: "red" },
  { value: critical, color: "orange" },
  { value: warning, color: "green" },
];

/** Anything but zero is red. */
export const ZERO_IS_GOOD: readonly Threshold[] = [
  { value: null, color: "green" },
  { value: 0.000_001, color: "red" },
];
