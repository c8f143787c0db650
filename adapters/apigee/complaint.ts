import type { ReportUse } from "../../src/adapter/report.ts";
import { CONFIG } from "./config.ts";

/** Why what a telemetry rule sends would become no analytics. */
export function complaint(config: unknown, { fields }: ReportUse): string | undefined {
  const { success, data } = CONFIG.safeParse(config);
  if (!success) return undefined;
  if (data.analytics === undefined) return "the handler makes no analytics: give its config `analytics`";
  if (fields.has("analytics")) return undefined;
  return "a record needs `analytics`: add it to `with`, as the check has answered it";
}
