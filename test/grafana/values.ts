import type { Values } from "../../grafana/src/queries.ts";

/** A value for each variable of the dashboards, with which every query selects whatever there is. */
export const VALUES: Values = {
  __rate_interval: "5m",
  __range: "1h",
  job: ".+",
  instance: ".+",
  prefix: "weir_mesh_",
  envoy: ".*",
  handler: ".*",
  policy: ".*",
  reporter: "source|waypoint",
  service: "carts.shop.svc",
  namespace: "shop",
  workload: "carts",
  source_cluster: ".*",
  source_namespace: ".*",
  source_workload: ".*",
  destination_cluster: ".*",
  destination_namespace: ".*",
  destination_workload: ".*",
  destination_service: ".*",
};
