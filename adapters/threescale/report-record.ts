import type { Credential } from "./backend.ts";
import type { Usage } from "./usage.ts";

/** Usage of one application in one minute, as it waits on disk. */
export interface ReportRecord {
  /** The process that has counted it; another one's is not in this one's memory. */
  readonly run: string;
  /** The id of the service. */
  readonly service: string;
  readonly by: Credential["name"];
  readonly value: string;
  /** When the minute began, in epoch milliseconds. */
  readonly minuteMs: number;
  readonly usage: Usage;
  /** The status of the one request that this is; undefined where it is a sum, or no status is told. */
  readonly code: string | undefined;
}

export const writeRecord = ({ usage, ...record }: ReportRecord): Buffer =>
  Buffer.from(JSON.stringify({ ...record, usage: Object.fromEntries(usage) }));

/** Undefined where that is no record. */
export function readRecord(bytes: Buffer): ReportRecord | undefined {
  try {
    const { run, service, by, value, minuteMs, usage, code } = JSON.parse(bytes.toString("utf8")) as Written;
    const isNamed = typeof run === "string" && typeof service === "string" && typeof value === "string";
    if (!isNamed || typeof minuteMs !== "number" || (by !== "user_key" && by !== "app_id")) return undefined;
    const amounts = Object.entries(usage ?? {});
    if (!amounts.every((one): one is [string, number] => Number.isSafeInteger(one[1]))) return undefined;
    const known = typeof code === "string" ? code : undefined;
    return { run, service, by, value, minuteMs, usage: new Map(amounts), code: known };
  } catch {
    return undefined;
  }
}

type Written = Readonly<Partial<Record<keyof ReportRecord, unknown>>> & {
  readonly usage?: Record<string, unknown>;
};
