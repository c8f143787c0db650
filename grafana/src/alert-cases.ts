import { MESH_CASES } from "./cases-mesh.ts";
import { CHECK_CASES } from "./cases-checks.ts";
import { QUOTA_CASES } from "./cases-quotas.ts";
import { REPORT_CASES } from "./cases-reports.ts";
import type { AlertCase } from "./alert-case.ts";

/** For every alert, series under which it fires, and series under which it does not. */
export const CASES: readonly AlertCase[] = [...MESH_CASES, ...CHECK_CASES, ...QUOTA_CASES, ...REPORT_CASES];
