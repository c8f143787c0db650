import type { Builder } from "@grafana/grafana-foundation-sdk/cog";
import {
  AnnotationQueryBuilder,
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  type DashboardLink,
  DashboardLinkBuilder,
  DashboardLinkType,
  RowBuilder,
} from "@grafana/grafana-foundation-sdk/dashboard";
import { DATA_SOURCE, type Panel } from "./panels.ts";
import { dataSource, type Variable } from "./variables.ts";

export interface DashboardText {
  /** Never changes: links lead to it. */
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly variables: readonly Variable[];
  readonly rows: readonly Row[];
  /** `shown`: a mark where a weir took a new configuration. */
  readonly reloads: "shown" | "not shown";
}

export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

/** The dashboard as Grafana reads it. */
export function dashboardOf(text: DashboardText): Dashboard {
  const builder = new DashboardBuilder(text.title)
    .uid(text.uid)
    .description(text.description)
    .tags(["weir"])
    .timezone("browser")
    .readonly()
    .tooltip(DashboardCursorSync.Crosshair)
    .time({ from: "now-1h", to: "now" })
    .refresh("30s")
    .link(others())
    .withVariable(dataSource());
  for (const variable of text.variables) builder.withVariable(variable);
  if (text.reloads === "shown") builder.annotation(reloads());
  let id = 0;
  for (const { title, panels } of text.rows) {
    builder.withRow(new RowBuilder(title).id(++id));
    for (const panel of panels) builder.withPanel(panel.id(++id));
  }
  return builder.build();
}

/** A menu of the other dashboards, which are shown for the same time and choices. It stands in sight, not among the controls. */
function others(): Builder<DashboardLink> {
  const link = new DashboardLinkBuilder("weir")
    .type(DashboardLinkType.Dashboards)
    .tags(["weir"])
    .asDropdown(true)
    .includeVars(true)
    .keepTime(true)
    .build();
  delete link.placement;
  return { build: () => link };
}

const reloads = (): AnnotationQueryBuilder =>
  new AnnotationQueryBuilder()
    .name("New configuration")
    .datasource(DATA_SOURCE)
    .enable(true)
    .iconColor("blue")
    .expr(
      'changes(weir_config_last_reload_success_timestamp_seconds{job=~"$job", instance=~"$instance"}[$__rate_interval]) > 0',
    )
    .titleFormat("New configuration")
    .textFormat("{{instance}}");

/** Where a value of a table leads: the dashboard `uid`, with its variables, for the same time and data source. */
export const linkTo = (uid: string, variables: Readonly<Record<string, string>>): string =>
  [
    `/d/${uid}?\${__url_time_range}`,
    "${datasource:queryparam}",
    "${prefix:queryparam}",
    ...Object.entries(variables).map(([name, value]) => `var-${name}=${value}`),
  ].join("&");
