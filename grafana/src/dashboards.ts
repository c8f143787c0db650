import type { Dashboard } from "@grafana/grafana-foundation-sdk/dashboard";
import { adaptersDashboard } from "./adapters.ts";
import { decisionsDashboard } from "./decisions.ts";
import { meshDashboard } from "./mesh.ts";
import { quotasDashboard } from "./quotas.ts";
import { serverDashboard } from "./server.ts";
import { serviceDashboard } from "./service.ts";
import { workloadDashboard } from "./workload.ts";

/** Every dashboard, by the name of its file in grafana/dashboards without `.json`. */
export const dashboards = (): ReadonlyMap<string, Dashboard> =>
  new Map([
    ["mesh", meshDashboard()],
    ["service", serviceDashboard()],
    ["workload", workloadDashboard()],
    ["decisions", decisionsDashboard()],
    ["quotas", quotasDashboard()],
    ["adapters", adaptersDashboard()],
    ["server", serverDashboard()],
  ]);
