import {
  CustomVariableBuilder,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  VariableRefresh,
  VariableSort,
} from "@grafana/grafana-foundation-sdk/dashboard";
import { DATA_SOURCE } from "./panels.ts";

export type Variable = DatasourceVariableBuilder | QueryVariableBuilder | CustomVariableBuilder;

export const dataSource = (): Variable =>
  new DatasourceVariableBuilder("datasource").label("Data source").type("prometheus");

/** Several values, of which all are chosen at first. `from` is a query such as `label_values(metric, label)`. */
export const several = (name: string, label: string, from: string): Variable =>
  valuesOf(name, label, from).multi(true).includeAll(true).allValue(".*").current(ALL);

/** The same, where a value has to be there. */
const present = (name: string, label: string, from: string): Variable =>
  valuesOf(name, label, from).multi(true).includeAll(true).allValue(".+").current(ALL);

/** One value. */
export const single = (name: string, label: string, from: string): QueryVariableBuilder =>
  valuesOf(name, label, from);

const ALL = { text: "All", value: "$__all" };

const valuesOf = (name: string, label: string, from: string): QueryVariableBuilder =>
  new QueryVariableBuilder(name)
    .label(label)
    .datasource(DATA_SOURCE)
    .query({ query: from, refId: `variable-${name}` })
    .definition(from)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc);

/** The weirs that are scraped: a metric that each has tells them. */
export const replicas = (): readonly Variable[] => [
  present("job", "Job", "label_values(weir_config_last_reload_successful, job)"),
  present("instance", "Instance", 'label_values(weir_config_last_reload_successful{job=~"$job"}, instance)'),
];

const MESH_METRICS = "requests_total|tcp_sent_bytes_total";

/** How metrics of the mesh begin, `weir_mesh_` or `istio_`, and the jobs that have them. */
export const meshNames = (): readonly Variable[] => [
  single(
    "prefix",
    "Names",
    `label_values({__name__=~"(weir_mesh|istio)_(${MESH_METRICS})"}, __name__)`,
  ).regex(`/^(weir_mesh_|istio_)(?:${MESH_METRICS})$/`),
  present("job", "Job", `label_values({__name__=~"\${prefix}(${MESH_METRICS})"}, job)`),
];

/** The values of a label of the mesh's metrics, where the matchers hold. */
export const meshValues = (label: string, matchers = ""): string => {
  const all = [`__name__=~"\${prefix}(${MESH_METRICS})"`, 'job=~"$job"', matchers].filter(
    (one) => one !== "",
  );
  return `label_values({${all.join(", ")}}, ${label})`;
};

/** Whose proxy tells of a request: the caller's at first, which a gateway is too. Both together count requests twice. */
export const reporter = (): Variable =>
  new CustomVariableBuilder("reporter")
    .label("Reported by")
    .values("source,waypoint,destination")
    .multi(true)
    .current({ text: ["source", "waypoint"], value: ["source", "waypoint"] });
