import { CHECK_ALERTS, CONFIGURATION_ALERTS } from "./alerts-checks.ts";
import { QUOTA_ALERTS } from "./alerts-quotas.ts";
import { PROCESS_ALERTS, REPORT_ALERTS } from "./alerts-reports.ts";
import { MESH_ALERTS } from "./objectives.ts";
import type { Alert, Group } from "./rule.ts";

/** Every alert; each has a section in docs/runbook.md. */
export const ALERTS: readonly Group<Alert>[] = [
  MESH_ALERTS,
  CHECK_ALERTS,
  CONFIGURATION_ALERTS,
  QUOTA_ALERTS,
  REPORT_ALERTS,
  PROCESS_ALERTS,
];
