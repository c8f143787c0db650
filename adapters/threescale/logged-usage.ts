import type { FieldRecord } from "../../src/adapter/report.ts";
import type { Usage } from "./usage.ts";

/** What a telemetry rule tells of one request that is to be counted. */
export interface LoggedUsage {
  readonly service: string;
  readonly appId: string;
  readonly usage: Usage;
}

/** The names in the `with` of such a rule; all of them are outputs of the check. */
export const LOGGED_FIELDS = ["service", "app_id", "usage"] as const;

/** Reads what the check has answered back out of an entry; undefined where that is not whole. */
export function readLogged({ added }: FieldRecord): LoggedUsage | undefined {
  const [service, appId, written] = LOGGED_FIELDS.map((name) => added.get(name));
  if (typeof service !== "string" || typeof appId !== "string" || typeof written !== "string")
    return undefined;
  const usage = new Map<string, number>();
  for (const part of written.split(" ")) {
    const [, metric = "", amount = ""] = /^([^\s=]{1,200})=(\d{1,10})$/.exec(part) ?? [];
    if (metric === "" || usage.has(metric) || usage.size >= MAX_METRICS) return undefined;
    usage.set(metric, Number(amount));
  }
  return service === "" || appId === "" ? undefined : { service, appId, usage };
}

const MAX_METRICS = 50;
