import { durationMs } from "./fields.ts";
import { mapping } from "./fields-of-collections.ts";

/** `report` of weir.yaml: how access logs are taken in. */
export interface ReportFile {
  /** So old a stream is finished, give or take a fifth; the Envoy opens another, perhaps to another replica. */
  readonly maxStreamAgeMs: number;
}

/** What holds where the file is silent. */
export const REPORT_DEFAULTS: ReportFile = { maxStreamAgeMs: 30 * 60_000 };

/** The schema. */
export const REPORT = mapping({
  maxStreamAge: durationMs(10_000, 86_400_000, "from 10s to 24h").optional(),
}).transform(({ maxStreamAge }): ReportFile => ({
  maxStreamAgeMs: maxStreamAge ?? REPORT_DEFAULTS.maxStreamAgeMs,
}));
